package aggregate

import (
	"cmp"
	"slices"

	"github.com/weirmq/weir/telemetry"
)

// MaxCellsPerBatch bounds the cells of one Kafka record. Not smaller: columns compress
// better together; not larger: a reader holds all cells of a record.
const MaxCellsPerBatch = 1000

// MaxPartialsPerBatch bounds the group partials of one Kafka record, for the same reasons.
const MaxPartialsPerBatch = 1000

// Flush is what changed since the last one, with totals since the segment began. It
// shares memory with the fold: it is good until the fold is used again.
type Flush struct {
	// CommitOffset may be committed once all of the flush is acknowledged; -1 where
	// the segment goes on.
	CommitOffset int64

	fold    *Fold
	source  telemetry.Source
	segment telemetry.Segment
	cells   []uint32
	groups  []*groupPane      // sorted by group, then pane
	ledger  *telemetry.Ledger // nil where it is as it was
	packs   bool              // the segment goes on, and what is written of closed panes is packed
}

// Empty says that nothing changed.
func (f *Flush) Empty() bool { return f.ledger == nil && len(f.groups) == 0 }

// EachCellRecord yields values of weir.cells with the changed cells, each of at most
// maxBytes where a single cell is not larger, the last with the segment's ledger.
func (f *Flush) EachCellRecord(maxBytes int, yield func(value []byte)) {
	if f.ledger == nil {
		return
	}
	header := telemetry.AppendBatchHeader(nil, &f.source, &f.segment)
	columns := &f.fold.columns
	columns.Reset()
	value := func() []byte {
		return columns.AppendTo(append(make([]byte, 0, len(header)+columns.Bytes()+ledgerBytes), header...))
	}
	room := maxBytes - len(header)
	for _, at := range f.cells {
		c := f.fold.cells.at(at)
		totals := &f.fold.unpacked
		f.fold.arena.unpackSums(&c.sums, totals)
		labels := f.fold.series.encoded(c.series)
		if columns.Len() == MaxCellsPerBatch || columns.Len() > 0 && columns.Bytes()+telemetry.CellBytes(labels, totals) > room {
			yield(value())
			columns.Reset()
		}
		columns.Add(f.fold.panes[c.pane].startMillis/1000, labels, totals)
		if f.packs {
			f.fold.arena.pack(&c.sums, totals)
		}
	}
	yield(telemetry.AppendLedger(value(), f.ledger))
}

// ledgerBytes is about what a ledger takes.
const ledgerBytes = 64

// EachGroupRecord yields values of weir.groups with the changed partials, each with the
// partition of so many that holds its groups, and of at most maxBytes where a single partial
// is not larger.
func (f *Flush) EachGroupRecord(partitions int32, maxBytes int, yield func(partition int32, value []byte)) {
	for _, g := range f.groups {
		g.group.partition = telemetry.GroupPartition(g.group.key, partitions)
	}
	slices.SortStableFunc(f.groups, func(a, b *groupPane) int { return cmp.Compare(a.group.partition, b.group.partition) })
	header := telemetry.AppendBatchHeader(nil, &f.source, &f.segment)
	columns := &f.fold.groupColumns
	defer columns.Reset()
	var last *group
	write := func() {
		if columns.Len() > 0 {
			yield(last.partition, columns.AppendTo(append(make([]byte, 0, len(header)+columns.Bytes()), header...)))
		}
		columns.Reset()
	}
	for _, g := range f.groups {
		partial := f.fold.partial(g)
		began := g.group == last
		bytes := columns.Bytes() + telemetry.PartialBytes(g.group.grouping, g.group.values, &partial.Totals)
		full := columns.Len() == MaxPartialsPerBatch || bytes > maxBytes-len(header)
		if full || last != nil && g.group.partition != last.partition {
			write()
			began = false
		}
		if !began {
			columns.Begin(g.group.grouping, g.group.values)
		}
		last = g.group
		columns.Add(partial.Pane.Unix(), &partial.Totals)
		if f.packs && g.pane.closed {
			f.fold.arena.pack(&g.sums, &partial.Totals)
		}
	}
	write()
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
	out := &Flush{CommitOffset: -1, fold: f, source: f.source, segment: f.segment, packs: panes == closedPanes}
	if !f.open {
		return out
	}
	f.reclaim()
	f.absorb()
	f.flushCells(panes, out)
	out.groups = f.changedGroups()
	return out
}

// flushes says whether a flush holds a pane's cells.
func (f *Fold) flushes(p *pane, panes extent) bool {
	if panes == everyPane {
		return true
	}
	return p.endMillis <= f.watermarkMillis && (!p.closed || f.atEnd)
}

func (f *Fold) flushCells(panes extent, out *Flush) {
	for _, p := range f.sortedPanes() {
		if !f.flushes(p, panes) {
			continue
		}
		p.closed = p.closed || p.endMillis <= f.watermarkMillis
		out.cells = slices.Grow(out.cells, len(p.cells))
		for _, at := range p.cells {
			if c := f.cells.at(at); c.flushed != c.reports {
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

// changedGroups returns the groups' parts that changed, sorted, and takes them for
// flushed.
func (f *Fold) changedGroups() []*groupPane {
	slices.SortFunc(f.dirty, func(a, b *groupPane) int {
		return cmp.Or(cmp.Compare(a.group.key, b.group.key), cmp.Compare(a.pane.startMillis, b.pane.startMillis))
	})
	out := slices.Clone(f.dirty)
	for _, g := range out {
		g.dirty = false
	}
	f.dirty = f.dirty[:0]
	return out
}
