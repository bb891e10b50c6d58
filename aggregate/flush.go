package aggregate

import (
	"cmp"
	"slices"
	"time"

	"github.com/weirmq/weir/telemetry"
)

// MaxCellsPerBatch bounds the cells of one Kafka record. Not smaller: a record's
// labels compress better together; not larger: 500 cells with full histograms stay
// under the broker's default limit of 1 MB.
const MaxCellsPerBatch = 500

// Flush is what changed since the last one, with totals since the segment began.
type Flush struct {
	Cells  []telemetry.CellBatch
	Groups []telemetry.GroupBatch
	// CommitOffset may be committed once all of the flush is acknowledged; -1 where
	// the segment goes on.
	CommitOffset int64
}

// Empty says that nothing changed.
func (f *Flush) Empty() bool { return len(f.Cells) == 0 && len(f.Groups) == 0 }

// Flush returns the changed cells of closed panes and every changed group partial.
func (f *Fold) Flush() *Flush { return f.flush(false) }

// Drain returns everything that changed, for a source that is given up in order.
func (f *Fold) Drain() *Flush { return f.flush(true) }

func (f *Fold) flush(all bool) *Flush {
	out := &Flush{CommitOffset: -1}
	if !f.open {
		return out
	}
	out.Cells = f.flushCells(all)
	out.Groups = f.flushGroups()
	return out
}

func (f *Fold) flushCells(all bool) []telemetry.CellBatch {
	var cells []telemetry.Cell
	for pane, members := range f.cells {
		start := time.Unix(pane, 0).UTC()
		if !all && start.Add(f.parameters.Pane).After(f.watermark) {
			continue
		}
		for s, c := range members {
			if c.flushed == c.totals.Reports {
				continue
			}
			c.flushed = c.totals.Reports
			cells = append(cells, telemetry.Cell{Pane: start, Labels: s.labels, Totals: c.totals.Clone()})
		}
	}
	records := f.ledger.Reports + f.ledger.Refused
	if len(cells) == 0 && records == f.ledgerFlushed && !f.ledger.Closed {
		return nil
	}
	f.ledgerFlushed = records
	slices.SortFunc(cells, func(a, b telemetry.Cell) int {
		return cmp.Or(a.Pane.Compare(b.Pane), cmp.Compare(a.Labels.Topic, b.Labels.Topic), cmp.Compare(a.Labels.Client, b.Labels.Client))
	})
	var batches []telemetry.CellBatch
	for len(cells) > MaxCellsPerBatch {
		batches = append(batches, telemetry.CellBatch{Source: f.source, Segment: f.segment, Cells: cells[:MaxCellsPerBatch]})
		cells = cells[MaxCellsPerBatch:]
	}
	ledger := f.ledger
	return append(batches, telemetry.CellBatch{Source: f.source, Segment: f.segment, Cells: cells, Ledger: &ledger})
}

func (f *Fold) flushGroups() []telemetry.GroupBatch {
	panes := map[*group][]int64{}
	for changed := range f.dirty {
		panes[changed.group] = append(panes[changed.group], changed.pane)
	}
	clear(f.dirty)
	var batches []telemetry.GroupBatch
	for g, starts := range panes {
		slices.Sort(starts)
		batch := telemetry.GroupBatch{Source: f.source, Segment: f.segment, Grouping: g.grouping, Values: g.values}
		for _, pane := range starts {
			var totals telemetry.Totals
			for _, s := range g.members {
				if c := f.cells[pane][s]; c != nil {
					totals.JoinSeries(&s.labels, &c.totals)
				}
			}
			if len(totals.Clients) == telemetry.MaxListedClients {
				totals.OverflowedClients = f.clientsOf(g, pane) - telemetry.MaxListedClients
			}
			batch.Partials = append(batch.Partials, telemetry.GroupPartial{Pane: time.Unix(pane, 0).UTC(), Totals: totals})
		}
		batches = append(batches, batch)
	}
	slices.SortFunc(batches, func(a, b telemetry.GroupBatch) int {
		return cmp.Compare(telemetry.GroupKey(a.Grouping, a.Values), telemetry.GroupKey(b.Grouping, b.Values))
	})
	return batches
}

// clientsOf counts the clients of a group in a pane, each once: one may send many series.
func (f *Fold) clientsOf(g *group, pane int64) uint64 {
	clients := map[string]struct{}{}
	for _, s := range g.members {
		if f.cells[pane][s] != nil && s.labels.Client != "" {
			clients[s.labels.Client] = struct{}{}
		}
	}
	return uint64(len(clients))
}

// Regroup replaces the groupings, as a reload of the rules does. Partials of a new
// grouping are computed from the open segment's cells.
func (f *Fold) Regroup(groupings []telemetry.Grouping) {
	f.groupings, f.groups, f.dirty = groupings, map[string]*group{}, map[groupPane]struct{}{}
	for _, s := range f.byLabel {
		s.groups = nil
		for i := range f.groupings {
			f.join(s, &f.groupings[i])
		}
	}
	for pane, members := range f.cells {
		for s := range members {
			for _, g := range s.groups {
				f.dirty[groupPane{g, pane}] = struct{}{}
			}
		}
	}
}
