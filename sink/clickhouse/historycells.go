package clickhouse

import (
	"maps"
	"math"
	"slices"

	"github.com/weirmq/weir/telemetry"
)

// run are rows of a block that follow each other and are of one pane.
type run struct {
	block    *cellBlock
	pane     uint32
	from, to int32
}

// appendRuns appends those of a block.
func appendRuns(to []run, b *cellBlock) []run {
	panes := b.head.panes.values
	for from := 0; from < len(panes); {
		end := from + 1
		for end < len(panes) && panes[end] == panes[from] {
			end++
		}
		to = append(to, run{b, panes[from], int32(from), int32(end)})
		from = end
	}
	return to
}

// byPane sorts runs by their panes, which are few, and leaves those of a pane in their order.
func byPane(runs []run) []run {
	next := map[uint32]int{} // place of a pane's next run; how many it has, at first
	for i := range runs {
		next[runs[i].pane]++
	}
	place := 0
	for _, pane := range slices.Sorted(maps.Keys(next)) {
		has := next[pane]
		next[pane] = place
		place += has
	}
	out := make([]run, len(runs))
	for i := range runs {
		at := next[runs[i].pane]
		out[at] = runs[i]
		next[runs[i].pane] = at + 1
	}
	return out
}

// wholePanes is how many of the runs are about most rows of panes that are whole, and how many rows they have.
func wholePanes(runs []run, most int) (n, rows int) {
	for n < len(runs) {
		end, held := n, 0
		for ; end < len(runs) && runs[end].pane == runs[n].pane; end++ {
			held += int(runs[end].to - runs[end].from)
		}
		if n > 0 && rows+held > most {
			return n, rows
		}
		n, rows = end, rows+held
	}
	return n, rows
}

// cells makes the cells of runs.
func (r *historyReader) cells(runs []run, rows int) []telemetry.StoredCell {
	out := make([]telemetry.StoredCell, rows)
	made := out
	for i := range runs {
		n := int(runs[i].to - runs[i].from)
		r.fill(made[:n], &runs[i])
		made = made[n:]
	}
	return out
}

// fill makes the cells of a run.
func (r *historyReader) fill(cells []telemetry.StoredCell, of *run) {
	b := of.block
	for i := range cells {
		row := int(of.from) + i
		cell := &cells[i]
		cell.PaneUnix, cell.Series, cell.Source = int64(of.pane), b.series[row], b.origins[b.source.keys[row]].source
		cell.Segment = telemetry.Segment{Block: b.segments.values[row], MinuteUnix: int64(b.minutes.values[row]) / 60}
		t := &cell.Totals
		t.Reports, t.Messages, t.Bytes = b.reports.values[row], b.messages.values[row], b.bytes.values[row]
		t.Rebalances, t.DroppedReports, t.IntervalMillis = b.rebalances.values[row], b.dropped.values[row], b.interval.values[row]
		r.errors(b, row, t)
		r.gauges(b, row, t)
		for kind, h := range [4]*telemetry.Histogram{&t.LatencyMicros, &t.DelayMicros, &t.SizeBytes, &t.HeartbeatMicros} {
			if !r.of.Omit.Has(histogramParts[kind]) {
				r.buckets.histogram(h, &b.histograms[kind], row)
			}
		}
		if b.stopped.values[row] != 0 {
			t.Events = []telemetry.Event{{Kind: telemetry.EventStopped}}
		}
	}
}

// buckets are where lists of many rows are kept together: one for each costs the garbage collector more than what is kept longer.
type buckets struct {
	counts  []uint64
	indexes []int32
	errors  []telemetry.ErrorCount
	gauges  []telemetry.GaugeValue
}

// bucketsChunk is how many numbers are allocated at once. Not fewer: that is what it saves; not more: one list that is kept keeps
// all of them.
const bucketsChunk = 1 << 14

// listsChunk is how many errors or gauges are, for the same reasons: they have names, and are larger.
const listsChunk = 1 << 10

// cut takes so many from the begin of what is left of a chunk, or begins a new one.
func cut[T any](left *[]T, n, chunk int) []T {
	if n > len(*left) {
		*left = make([]T, max(n, chunk))
	}
	out := (*left)[:n:n]
	*left = (*left)[n:]
	return out
}

// histogram copies a row's.
func (c *buckets) histogram(h *telemetry.Histogram, b *histogramBlock, row int) {
	h.Sum, h.Max = b.sums.values[row], b.maximum.values[row]
	if first, end := b.indexes.of(row); first < end {
		h.Indexes = cut(&c.indexes, end-first, bucketsChunk)
		for i, index := range b.indexes.items.values[first:end] {
			h.Indexes[i] = int32(index)
		}
	}
	if first, end := b.counts.of(row); first < end {
		h.Counts = cut(&c.counts, end-first, bucketsChunk)
		copy(h.Counts, b.counts.items.values[first:end])
	}
}

func (r *historyReader) errors(b *cellBlock, row int, t *telemetry.Totals) {
	first, end := b.errorClasses.of(row)
	if first == end {
		return
	}
	t.Errors = cut(&r.buckets.errors, end-first, listsChunk)
	for i, class := range b.errorClasses.items.keys[first:end] {
		t.Errors[i].Class = b.classes[class]
	}
	if first, end = b.errorCounts.of(row); first < end {
		for i, count := range b.errorCounts.items.values[first:min(end, first+len(t.Errors))] {
			t.Errors[i].Count = count
		}
	}
}

func (r *historyReader) gauges(b *cellBlock, row int, t *telemetry.Totals) {
	first, end := b.gaugeNames.of(row)
	if first == end {
		return
	}
	t.Gauges = cut(&r.buckets.gauges, end-first, listsChunk)
	last, greatest, times := valuesOf(&b.gaugeLast, row), valuesOf(&b.gaugeGreatest, row), valuesOf(&b.gaugeTimes, row)
	for i, name := range b.gaugeNames.items.keys[first:end] {
		g := &t.Gauges[i]
		g.Name, g.Series = b.gauges[name], 1
		if i < len(last) {
			g.Last = math.Float64frombits(last[i])
			g.Sum, g.Min = g.Last, g.Last
		}
		if i < len(greatest) {
			g.Max = math.Float64frombits(greatest[i])
		}
		if i < len(times) { // rows from before that column have none
			g.TimeUnixMillis = int64(times[i])
		}
	}
}

// valuesOf are a row's numbers.
func valuesOf(of *lists[uint64s, *uint64s], row int) []uint64 {
	first, end := of.of(row)
	return of.items.values[first:end]
}

// names are kept once each, apart from the memory that they came in.
type names map[string]string

// all appends each of a dictionary.
func (n names) all(to []string, of *textColumn) []string {
	for i := range of.ends {
		kept, ok := n[string(of.at(i))]
		if !ok {
			kept = string(of.at(i))
			n[kept] = kept
		}
		to = append(to, kept)
	}
	return to
}
