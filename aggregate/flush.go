package aggregate

import (
	"cmp"
	"slices"

	"github.com/weirmq/weir/telemetry"
)

// MaxCellsPerBatch bounds the cells of one Kafka record. Not smaller: a record's
// labels compress better together; not larger: 500 cells with full histograms stay
// under the broker's default limit of 1 MB.
const MaxCellsPerBatch = 500

// Flush is what changed since the last one, with totals since the segment began. It
// shares memory with the fold: it is good until the fold is used again.
type Flush struct {
	Groups []telemetry.GroupBatch
	// CommitOffset may be committed once all of the flush is acknowledged; -1 where
	// the segment goes on.
	CommitOffset int64

	fold    *Fold
	source  telemetry.Source
	segment telemetry.Segment
	cells   []uint32
	ledger  *telemetry.Ledger // nil where it is as it was
}

// Empty says that nothing changed.
func (f *Flush) Empty() bool { return f.ledger == nil && len(f.Groups) == 0 }

// cellBytes is about what a cell takes: so large a record's buffer is made at first.
const cellBytes = 200

// EachCellRecord yields values of weir.cells with the changed cells, each of at most
// maxBytes where a single cell is not larger, the last with the segment's ledger.
func (f *Flush) EachCellRecord(maxBytes int, yield func(value []byte)) {
	if f.ledger == nil {
		return
	}
	header := telemetry.AppendCellsHeader(nil, &f.source, &f.segment)
	begin := func(cells int) []byte {
		return append(make([]byte, 0, min(len(header)+cellBytes*(1+min(cells, MaxCellsPerBatch)), maxBytes)), header...)
	}
	value, held := begin(len(f.cells)), 0
	for i, at := range f.cells {
		c := &f.fold.cells[at]
		totals := f.fold.arena.totals(&c.sums)
		before := len(value)
		value = telemetry.AppendCell(value, f.fold.panes[c.pane].startUnix, f.fold.series.encoded(c.series), &totals)
		if held++; held > MaxCellsPerBatch || len(value) > maxBytes && held > 1 {
			next := append(begin(len(f.cells)-i), value[before:]...)
			yield(value[:before])
			value, held = next, 1
		}
	}
	yield(telemetry.AppendLedger(value, f.ledger))
}

// extent says which panes' cells a flush holds.
type extent int

const (
	// closedPanes are those that the watermark has passed. What changed in one since
	// it was flushed waits for the segment's end while the source is behind: a replay
	// would write such cells again and again.
	closedPanes extent = iota
	everyPane
)

// Flush returns the changed cells of closed panes and every changed group partial.
func (f *Fold) Flush() *Flush { return f.flush(closedPanes) }

// Drain returns everything that changed, for a source that is given up in order.
func (f *Fold) Drain() *Flush { return f.flush(everyPane) }

func (f *Fold) flush(panes extent) *Flush {
	out := &Flush{CommitOffset: -1, fold: f, source: f.source, segment: f.segment}
	if !f.open {
		return out
	}
	f.reclaim()
	f.absorb()
	f.flushCells(panes, out)
	out.Groups = f.flushGroups()
	return out
}

// flushes says whether a flush holds a pane's cells.
func (f *Fold) flushes(p *pane, panes extent) bool {
	if panes == everyPane {
		return true
	}
	return !p.end.After(f.watermark) && (!p.closed || f.atEnd)
}

func (f *Fold) flushCells(panes extent, out *Flush) {
	for _, p := range f.sortedPanes() {
		if !f.flushes(p, panes) {
			continue
		}
		p.closed = p.closed || !p.end.After(f.watermark)
		out.cells = slices.Grow(out.cells, len(p.cells))
		for _, at := range p.cells {
			if c := &f.cells[at]; c.flushed != c.reports {
				c.flushed = c.reports
				out.cells = append(out.cells, at)
			}
		}
	}
	records := f.ledger.Reports + f.ledger.Refused
	if len(out.cells) > 0 || records != f.ledgerFlushed || f.ledger.Closed {
		ledger := f.ledger
		out.ledger, f.ledgerFlushed = &ledger, records
	}
}

func (f *Fold) sortedPanes() []*pane {
	out := slices.Clone(f.panes)
	slices.SortFunc(out, func(a, b *pane) int { return a.start.Compare(b.start) })
	return out
}

// flushGroups returns a batch for each group that changed, with its changed panes.
func (f *Fold) flushGroups() []telemetry.GroupBatch {
	slices.SortFunc(f.dirty, func(a, b *groupPane) int {
		return cmp.Or(cmp.Compare(a.group.key, b.group.key), a.pane.start.Compare(b.pane.start))
	})
	var batches []telemetry.GroupBatch
	var last *group
	for _, g := range f.dirty {
		g.dirty = false
		if g.group != last {
			last = g.group
			batches = append(batches, telemetry.GroupBatch{Source: f.source, Segment: f.segment, Grouping: last.grouping, Values: last.values})
		}
		batch := &batches[len(batches)-1]
		batch.Partials = append(batch.Partials, f.partial(g))
	}
	f.dirty = f.dirty[:0]
	return batches
}
