package telemetry

// CellTable holds the cells of many records of weir.cells in columns, as a store takes
// them. A column has an entry for each cell, in the same order. The zero value is empty
// and ready to use; it is used again after Reset.
type CellTable struct {
	Records []CellRecord // in whose order the cells are

	Panes          []uint32 // start, in Unix seconds
	Series         []uint32 // whose labels are Labels[Series[i]]
	Reports        []uint64
	Messages       []uint64
	Bytes          []uint64
	Rebalances     []uint64
	DroppedReports []uint64
	IntervalMillis []uint64
	Histograms     [4]HistogramTable // latency, delay, heartbeat in microseconds; size in bytes; see the constants
	Errors         ErrorTable
	Gauges         GaugeTable
	Stopped        []bool // the client said that it stopped or paused

	Labels []Labels // each set once, however many cells have it
	Names  []string // of errors and gauges

	series  map[string]uint32 // by encoded labels
	names   map[string]uint32
	labels  []byte // of the cell before
	columns cellFields
	stops   bool // the cell whose lists are read
	scratch [2][]uint64
}

// Where the kinds of histograms are in CellTable.Histograms.
const (
	TableLatency = iota
	TableDelay
	TableSize
	TableHeartbeat
)

// CellRecord is what a record says once for all of its cells.
type CellRecord struct {
	Source  Source
	Segment Segment
	Cells   int
	Ledger  *Ledger // nil where the record has none
	Details []ReportDetail
}

// Items is how many single messages and events the record has.
func (r *CellRecord) Items() int {
	items := 0
	for i := range r.Details {
		items += len(r.Details[i].Exemplars) + len(r.Details[i].Events)
	}
	return items
}

// HistogramTable holds the histograms of one kind. Those of a cell begin where the ones
// of the cell before end.
type HistogramTable struct {
	Ends    []uint64 // one past a cell's last bucket
	Indexes []int16  // of each bucket
	Counts  []uint64 // of each bucket
	Sums    []uint64
	Maxes   []uint64
}

// ErrorTable holds the errors of all cells.
type ErrorTable struct {
	Ends    []uint64 // one past a cell's last class
	Classes []uint32 // by their place in CellTable.Names
	Counts  []uint64
}

// GaugeTable holds the gauges of all cells.
type GaugeTable struct {
	Ends  []uint64 // one past a cell's last gauge
	Names []uint32 // by their place in CellTable.Names
	Times []int64  // of Last, in Unix milliseconds
	Last  []float64
	Max   []float64
}

// Len returns how many cells there are.
func (t *CellTable) Len() int { return len(t.Reports) }

// Reset forgets the cells and keeps the memory.
func (t *CellTable) Reset() {
	t.Records = t.Records[:0]
	t.truncate(0)
	clear(t.Labels) // what they point to
	clear(t.Names)
	t.Labels, t.Names = t.Labels[:0], t.Names[:0]
	clear(t.series)
	clear(t.names)
}

// numbers are the columns that are written as they are, in the order of numberFields from
// reports on.
func (t *CellTable) numbers() [6]*[]uint64 {
	return [6]*[]uint64{&t.Reports, &t.Messages, &t.Bytes, &t.Rebalances, &t.DroppedReports, &t.IntervalMillis}
}

// truncate forgets all cells but the first ones, also where a column is not complete.
func (t *CellTable) truncate(cells int) {
	for _, column := range t.numbers() {
		*column = (*column)[:min(cells, len(*column))]
	}
	t.Panes, t.Series = t.Panes[:min(cells, len(t.Panes))], t.Series[:min(cells, len(t.Series))]
	for i := range t.Histograms {
		h := &t.Histograms[i]
		h.Ends = h.Ends[:min(cells, len(h.Ends))]
		h.Indexes, h.Counts = h.Indexes[:last(h.Ends)], h.Counts[:last(h.Ends)]
		h.Sums, h.Maxes = h.Sums[:min(cells, len(h.Sums))], h.Maxes[:min(cells, len(h.Maxes))]
	}
	e, g := &t.Errors, &t.Gauges
	e.Ends, g.Ends = e.Ends[:min(cells, len(e.Ends))], g.Ends[:min(cells, len(g.Ends))]
	e.Classes, e.Counts = e.Classes[:last(e.Ends)], e.Counts[:last(e.Ends)]
	g.Names, g.Times = g.Names[:last(g.Ends)], g.Times[:last(g.Ends)]
	g.Last, g.Max = g.Last[:last(g.Ends)], g.Max[:last(g.Ends)]
	t.Stopped = t.Stopped[:min(cells, len(t.Stopped))]
}

// last is a column's last number, 0 where it is empty.
func last(column []uint64) uint64 {
	if len(column) == 0 {
		return 0
	}
	return column[len(column)-1]
}

// name is the place of an error's or a gauge's name.
func (t *CellTable) name(raw []byte) uint32 {
	at, ok := t.names[string(raw)]
	if !ok {
		if t.names == nil {
			t.names = map[string]uint32{}
		}
		at = uint32(len(t.Names))
		name := string(raw)
		t.Names, t.names[name] = append(t.Names, name), at
	}
	return at
}
