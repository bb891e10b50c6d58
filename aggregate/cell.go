package aggregate

import (
	"time"

	"github.com/weirmq/weir/telemetry"
)

// pane is one interval of event time in the open segment.
type pane struct {
	start       time.Time
	startMillis int64
	endMillis   int64
	cells       []uint32 // in the order of their first report
	groups      []*groupPane
	closed      bool // its cells were flushed when the watermark passed its end
}

// cell is one series in one pane. It has no pointers: there are many.
type cell struct {
	sums            // since the segment began, without what is pending
	series   uint32 // in the table
	pane     uint32 // in Fold.panes
	older    uint32 // the series' cell before this one, plus 1
	pending  uint32 // in Fold.pendings, plus 1; 0 where nothing is
	flushed  uint32 // version last flushed
	absorbed bool   // the groups have what is in the cell; before, reports are added to it
	touched  uint16 // Fold.interval in which a report came last
}

// pendingSums are what came for a cell since the last flush.
type pendingSums struct {
	sums
	cell uint32
}

// cellTable holds cells in chunks, so that they never move.
type cellTable struct {
	chunks [][]cell
	held   uint32
}

const (
	// cellChunk is the size of a chunk. Not smaller: each is an allocation; not larger:
	// each source has one at least.
	cellChunk = 1 << cellBits
	cellBits  = 7
)

func (t *cellTable) at(i uint32) *cell { return &t.chunks[i>>cellBits][i&(cellChunk-1)] }

func (t *cellTable) add(c cell) uint32 {
	i := t.held
	if int(i>>cellBits) == len(t.chunks) {
		t.chunks = append(t.chunks, make([]cell, cellChunk))
	}
	t.held++
	*t.at(i) = c
	return i
}

// empty forgets everything and keeps the chunks that the segment needed.
func (t *cellTable) empty() {
	used := (t.held + cellChunk - 1) >> cellBits
	clear(t.chunks[used:])
	t.chunks, t.held = t.chunks[:used], 0
}

func (f *Fold) paneOf(unixMillis int64) uint32 {
	if p := f.recent; p != nil && unixMillis >= p.startMillis && unixMillis < p.endMillis {
		return f.recentAt
	}
	length := f.parameters.Pane.Milliseconds()
	start := unixMillis - unixMillis%length
	at, ok := f.paneAt[start]
	if !ok {
		at = uint32(len(f.panes))
		f.panes = append(f.panes, f.sparePanes.take())
		p := f.panes[at]
		p.start, p.startMillis, p.endMillis = time.UnixMilli(start).UTC(), start, start+length
		f.paneAt[start] = at
	}
	f.recent, f.recentAt = f.panes[at], at
	return at
}

// sparePaneRoom is how many times the cells that a pane had its list may have room for,
// to serve another pane. Not smaller: a list that grows has room for twice its cells; not
// larger: the list of a burst of series would stay.
const sparePaneRoom = 3

// cellOf finds a series' cell. Most reports are of the pane that the series' newest
// cell is of.
func (f *Fold) cellOf(id, pane uint32) (uint32, *cell) {
	s := &f.series.series[id]
	for at := s.newest; at != 0; {
		c := f.cells.at(at - 1)
		if c.pane == pane {
			return at - 1, c
		}
		at = c.older
	}
	c := cell{series: id, pane: pane, older: s.newest, absorbed: f.direct}
	if s.newest > 0 {
		s.expected = f.cells.at(s.newest - 1).blockSpans()
	}
	c.sums = expecting(&s.expected)
	at := f.cells.add(c)
	s.newest = at + 1
	f.panes[pane].cells = append(f.panes[pane].cells, at)
	if !f.direct {
		f.fresh = append(f.fresh, at)
	}
	added := f.cells.at(at)
	f.joinGroups(added)
	return at, added
}

// add adds a report to a cell.
func (f *Fold) add(at uint32, c *cell, r *telemetry.Report) {
	f.added++
	if c.touched != f.interval {
		c.touched = f.interval
		f.touched++
	}
	if f.direct && !hasLists(r) { // all cells are absorbed
		f.addThrough(c, r)
		return
	}
	f.arena.add(f.openSums(at, c), r)
}

// openSums returns what a report is added to: the cell itself until its groups have
// absorbed it, then what is pending.
func (f *Fold) openSums(at uint32, c *cell) *sums {
	if !c.absorbed {
		return &c.sums
	}
	if c.pending == 0 {
		f.pendings = append(f.pendings, pendingSums{cell: at})
		c.pending = uint32(len(f.pendings))
	}
	return &f.pendings[c.pending-1].sums
}

// absorb adds what is pending to its cells, and that and the cells that are fresh to
// their groups.
func (f *Fold) absorb() {
	for _, at := range f.fresh {
		c := f.cells.at(at)
		c.absorbed = true
		if f.series.series[c.series].members > 0 {
			f.arena.unpackSums(&c.sums, &f.unpacked)
			f.absorbInto(c, &c.sums, &f.unpacked)
		}
	}
	for i := range f.pendings {
		p := &f.pendings[i]
		c := f.cells.at(p.cell)
		c.pending = 0
		f.arena.unpackSums(&p.sums, &f.unpacked)
		f.arena.absorb(&c.sums, &f.unpacked, 0)
		if p.lists > 0 {
			f.arena.listsOf(&c.sums).MergePanes(f.arena.lists[p.lists-1])
		}
		f.absorbInto(c, &p.sums, &f.unpacked)
		f.arena.restart(&p.sums)
	}
	f.fresh, f.pendings = f.fresh[:0], f.pendings[:0]
	if f.added > 0 {
		f.direct = directDivisor*f.added < directFactor*f.touched
		f.added, f.touched = 0, 0
		f.interval++
	}
}

// Reports go to groups at once where, between two flushes, each cell had fewer than
// directFactor / directDivisor of them. Not more: a report is an addition for each grouping
// then; not fewer: each would be added to what is pending alone, and that to the cell.
const (
	directFactor  = 3
	directDivisor = 2
)

// partial is what a group has in a pane so far. It is good until the next one.
func (f *Fold) partial(g *groupPane) telemetry.GroupPartial {
	t := &f.unpacked
	f.arena.unpackSums(&g.sums, t)
	t.Clients, t.Nodes, t.Gauges = f.clients[:0], f.nodes[:0], f.gauges[:0]
	if !g.group.grouping.Omit.Has(telemetry.PartDistincts) {
		f.identify(g, t)
	}
	if g.gauged {
		g.eachPresent(func(id uint32) {
			for at := f.series.series[id].newest; at != 0; at = f.cells.at(at - 1).older {
				if c := f.cells.at(at - 1); c.pane == g.at && c.lists > 0 {
					t.JoinGauges(f.arena.lists[c.lists-1])
				}
			}
		})
	}
	f.clients, f.nodes, f.gauges = t.Clients, t.Nodes, t.Gauges
	return telemetry.GroupPartial{Pane: g.pane.start, Totals: *t}
}
