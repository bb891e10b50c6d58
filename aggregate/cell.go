package aggregate

import (
	"time"

	"github.com/weirmq/weir/telemetry"
)

// pane is one interval of event time in the open segment.
type pane struct {
	start, end time.Time
	startUnix  int64 // seconds
	endMillis  int64
	cells      []uint32 // in the order of their first report
	groups     []*groupPane
	closed     bool // its cells were flushed when the watermark passed its end
}

// cell is one series in one pane. It has no pointers: there are many.
type cell struct {
	sums           // since the segment began, without what is pending
	series  uint32 // in the table
	pane    uint32 // in Fold.panes
	older   uint32 // the series' cell before this one, plus 1
	pending uint32 // in Fold.pendings, plus 1; 0 where nothing is
	flushed uint64 // version last flushed
}

// pendingSums are what came for a cell since the last flush.
type pendingSums struct {
	sums
	cell uint32
}

func (f *Fold) paneOf(unixMillis int64) uint32 {
	if p := f.recent; p != nil && unixMillis >= p.startUnix*1000 && unixMillis < p.endMillis {
		return f.recentAt
	}
	seconds, length := unixMillis/1000, int64(f.parameters.Pane/time.Second)
	seconds -= seconds % length
	at, ok := f.paneAt[seconds]
	if !ok {
		start := time.Unix(seconds, 0).UTC()
		end := start.Add(f.parameters.Pane)
		at = uint32(len(f.panes))
		f.panes = append(f.panes, &pane{start: start, end: end, startUnix: seconds, endMillis: end.UnixMilli()})
		f.paneAt[seconds] = at
	}
	f.recent, f.recentAt = f.panes[at], at
	return at
}

// cellOf finds a series' cell. Most reports are of the pane that the series' newest
// cell is of.
func (f *Fold) cellOf(id, pane uint32) uint32 {
	s := &f.series.series[id]
	for at := s.newest; at != 0; at = f.cells[at-1].older {
		if f.cells[at-1].pane == pane {
			return at - 1
		}
	}
	at := uint32(len(f.cells))
	f.cells = append(f.cells, cell{series: id, pane: pane, older: s.newest})
	s.newest = at + 1
	f.panes[pane].cells = append(f.panes[pane].cells, at)
	f.joinGroups(at)
	return at
}

// pendingOf returns what is pending of a cell, begun where nothing is.
func (f *Fold) pendingOf(at uint32) *sums {
	c := &f.cells[at]
	if c.pending == 0 {
		if n := len(f.pendings); n < cap(f.pendings) {
			f.pendings = f.pendings[:n+1] // with the room of what was there
			f.pendings[n].cell = at
		} else {
			f.pendings = append(f.pendings, pendingSums{cell: at})
		}
		c.pending = uint32(len(f.pendings))
	}
	return &f.pendings[c.pending-1].sums
}

// absorb adds what is pending to its cells and to their groups.
func (f *Fold) absorb() {
	for i := range f.pendings {
		p := &f.pendings[i]
		c := &f.cells[p.cell]
		f.arena.absorb(&c.sums, &p.sums)
		c.pending = 0
		s := &f.series.series[c.series]
		if len(s.groups) > 0 {
			part := f.arena.totals(&p.sums)
			for _, g := range s.groups {
				f.absorbInto(f.partOf(g, c.pane), &s.labels, &part)
			}
		}
		if p.lists > 0 {
			f.arena.lists[p.lists-1] = &telemetry.Totals{} // its strings went on to the cell
		}
		p.restart()
	}
	f.pendings = f.pendings[:0]
}

func (f *Fold) absorbInto(g *groupPane, labels *telemetry.Labels, part *telemetry.Totals) {
	g.totals.JoinCounters(labels, part)
	g.gauged = g.gauged || len(part.Gauges) > 0
	f.touch(g)
}
