package telemetry

import (
	"errors"
	"fmt"
	"time"

	"github.com/weirmq/weir/telemetry/telemetrypb"
)

// rowsPB are the columns that cells and group partials have alike.
type rowsPB interface {
	GetPaneStepsS() []int64
	GetReports() []uint64
	GetMessagesBeyond() []int64
	GetBytes() []uint64
	GetRebalances() []uint64
	GetDroppedReports() []uint64
	GetIntervalReportsMs() []uint64
	GetLatency() *telemetrypb.HistogramColumns
	GetDelay() *telemetrypb.HistogramColumns
	GetSize() *telemetrypb.HistogramColumns
	GetHeartbeat() *telemetrypb.HistogramColumns
	GetLists() []*telemetrypb.Lists
}

// row is a cell without its labels, or a partial.
type row struct {
	pane   *time.Time
	totals *Totals
}

// rows names the rows of a record in errors.
type rows struct {
	kind string // cell or partial
	all  []row
}

// cellsFromPB reads columns. A column that was left out holds zeros.
func cellsFromPB(pb *telemetrypb.CellColumns) ([]Cell, error) {
	if pb == nil {
		return nil, nil
	}
	cells := make([]Cell, len(pb.GetReports()))
	if len(cells) == 0 {
		return nil, errors.New("cells without reports")
	}
	r := rows{"cell", make([]row, len(cells))}
	for i := range cells {
		r.all[i] = row{&cells[i].Pane, &cells[i].Totals}
	}
	if err := r.read(pb); err != nil {
		return nil, err
	}
	texts, err := prefixedTexts("labels of cell", len(cells), pb.GetLabelPrefixes(), pb.GetLabelSuffixes(), pb.GetLabelBytes())
	if err != nil {
		return nil, err
	}
	for i, raw := range texts {
		if cells[i].Labels, err = UnmarshalLabels([]byte(raw)); err != nil {
			return nil, fmt.Errorf("cell %d: %w", i, err)
		}
	}
	return cells, nil
}

// fits says whether a column has as many numbers as there are rows, or none.
func fits[T any](name string, column []T, rows int, kind string) error {
	if got := len(column); got != 0 && got != rows {
		return fmt.Errorf("column %s has %d numbers for %d %ss", name, got, rows, kind)
	}
	return nil
}

// at is a column's number, 0 where it was left out.
func at[T any](column []T, i int) (v T) {
	if i < len(column) {
		v = column[i]
	}
	return v
}

func (r *rows) read(pb rowsPB) error {
	if err := fits("pane_steps_s", pb.GetPaneStepsS(), len(r.all), r.kind); err != nil {
		return err
	}
	if err := fits("messages_beyond", pb.GetMessagesBeyond(), len(r.all), r.kind); err != nil {
		return err
	}
	for _, c := range []struct {
		name   string
		column []uint64
	}{{"reports", pb.GetReports()}, {"bytes", pb.GetBytes()}, {"rebalances", pb.GetRebalances()},
		{"dropped_reports", pb.GetDroppedReports()}, {"interval_reports_ms", pb.GetIntervalReportsMs()}} {
		if err := fits(c.name, c.column, len(r.all), r.kind); err != nil {
			return err
		}
	}
	var pane int64
	for i, row := range r.all {
		t := row.totals
		pane += at(pb.GetPaneStepsS(), i)
		*row.pane = time.Unix(pane, 0).UTC()
		t.Reports, t.Bytes = at(pb.GetReports(), i), at(pb.GetBytes(), i)
		t.Rebalances, t.DroppedReports, t.IntervalMillis = at(pb.GetRebalances(), i), at(pb.GetDroppedReports(), i), at(pb.GetIntervalReportsMs(), i)
	}
	for kind, columns := range []*telemetrypb.HistogramColumns{pb.GetLatency(), pb.GetDelay(), pb.GetSize(), pb.GetHeartbeat()} {
		if err := r.readHistograms(kind, columns); err != nil {
			return err
		}
	}
	for i, row := range r.all {
		row.totals.Messages = row.totals.LatencyMicros.Count() + uint64(at(pb.GetMessagesBeyond(), i))
	}
	return r.readLists(pb.GetLists())
}

// readHistograms reads the columns of one kind. Histograms share the memory of all.
func (r *rows) readHistograms(kind int, pb *telemetrypb.HistogramColumns) error {
	if pb == nil {
		return nil
	}
	gaps, more, lows, steps := pb.GetRunGaps(), pb.GetRunMore(), pb.GetCountLows(), pb.GetCountHighSteps()
	if len(pb.GetRuns()) != len(r.all) {
		return fmt.Errorf("histograms of %d %ss, there are %d %ss", len(pb.GetRuns()), r.kind, len(r.all), r.kind)
	}
	if len(more) != 0 && len(more) != len(gaps) || len(steps) != 0 && len(steps) != len(lows) {
		return fmt.Errorf("histograms with %d gaps and %d lengths of runs, %d low and %d high counts", len(gaps), len(more), len(lows), len(steps))
	}
	for name, column := range map[string][]uint64{"sums": pb.GetSums(), "maxes": pb.GetMaxes()} {
		if err := fits(name, column, len(r.all), r.kind); err != nil {
			return err
		}
	}
	h := histogramRows{gaps: gaps, more: more, lows: lows, steps: steps, indexes: make([]int32, 0, len(lows)), counts: make([]uint64, 0, len(lows))}
	for i, row := range r.all {
		into := row.totals.histograms()[kind]
		into.Sum, into.Max = at(pb.GetSums(), i), at(pb.GetMaxes(), i)
		if err := h.read(into, pb.GetRuns()[i]); err != nil {
			return fmt.Errorf("histogram of %s %d %w", r.kind, i, err)
		}
	}
	if runs, buckets := len(gaps)-h.run, len(lows)-len(h.counts); runs+buckets > 0 {
		return fmt.Errorf("%d runs and %d buckets belong to no %s", runs, buckets, r.kind)
	}
	return nil
}

// histogramRows reads the histograms of one kind one after the other.
type histogramRows struct {
	gaps, more []uint32
	lows       []byte
	steps      []int64
	run        int // to be read next
	indexes    []int32
	counts     []uint64
}

// read reads a row. Its errors go on after the row's name.
func (h *histogramRows) read(into *Histogram, runs uint32) error {
	begin, last, high := len(h.indexes), int64(firstGapFrom), int64(0)
	for range runs {
		if h.run == len(h.gaps) {
			return errors.New("has more runs of buckets than there are gaps")
		}
		gap, first := h.gaps[h.run], last+int64(h.gaps[h.run])
		last = first + int64(at(h.more, h.run))
		if left := len(h.lows) - len(h.indexes); gap == 0 || last > maxBucketIndex || last-first >= int64(left) {
			return bucketsFault(first, last, left)
		}
		for index := first; index <= last; index++ {
			h.indexes = append(h.indexes, int32(index))
		}
		h.run++
	}
	for b := begin; b < len(h.indexes); b++ {
		if high += at(h.steps, b); high < 0 || high > maxHigh {
			return countFault(high)
		}
		h.counts = append(h.counts, uint64(high)<<lowBits|uint64(h.lows[b]))
	}
	if end := len(h.indexes); end > begin {
		into.Indexes, into.Counts = h.indexes[begin:end:end], h.counts[begin:end:end]
	}
	return nil
}

// maxHigh is the greatest of a count without its lowest bits.
const maxHigh = 1<<(64-lowBits) - 1

func (r *rows) readLists(all []*telemetrypb.Lists) error {
	next := 0
	for _, lists := range all {
		at := int(lists.GetRow())
		if at >= len(r.all) {
			return fmt.Errorf("lists of %s %d, there are %d", r.kind, at, len(r.all))
		}
		if at < next {
			return fmt.Errorf("lists of %s %d after those of a later one", r.kind, at)
		}
		next = at + 1
		t := r.all[at].totals
		t.Errors, t.Gauges, t.Events = errorsFromPB(lists.GetErrors()), gaugesFromPB(lists.GetGauges()), eventsFromPB(lists.GetEvents())
	}
	return nil
}

// prefixedTexts puts texts together that were written as what they share with the one
// before and what follows.
func prefixedTexts(what string, texts int, prefixes, suffixes []uint32, rest []byte) ([]string, error) {
	if err := fits("prefixes", prefixes, texts, what); err != nil {
		return nil, err
	}
	if err := fits("suffixes", suffixes, texts, what); err != nil {
		return nil, err
	}
	out, last := make([]string, texts), []byte(nil)
	for i := range out {
		prefix, suffix := int(at(prefixes, i)), int(at(suffixes, i))
		if prefix > len(last) || suffix > len(rest) {
			return nil, fmt.Errorf("%s %d take %d bytes of the %d before and %d of the %d left", what, i, prefix, len(last), suffix, len(rest))
		}
		last = append(last[:prefix], rest[:suffix]...)
		rest = rest[suffix:]
		out[i] = string(last)
	}
	return out, nil
}
