package aggregate

import (
	"time"

	"github.com/weirmq/weir/telemetry"
)

// pane is one interval of event time in the open segment.
type pane struct {
	start  time.Time
	end    time.Time
	cells  []*cell // in the order of their first report
	groups []*groupPane
	closed bool // its cells were flushed when the watermark passed its end
}

// cell is one series in one pane.
type cell struct {
	series  *series
	pane    *pane
	totals  telemetry.Totals // since the segment began, without what is pending
	pending *pending         // nil where nothing is
	groups  []*groupPane     // of the series' groups in this pane
	flushed uint64           // version last flushed
}

// pending is what came since the last flush.
type pending struct{ telemetry.Totals }

func (f *Fold) paneOf(unixMillis int64) *pane {
	if p := f.recent; p != nil && unixMillis >= p.start.UnixMilli() && unixMillis < p.end.UnixMilli() {
		return p
	}
	seconds, length := unixMillis/1000, int64(f.parameters.Pane/time.Second)
	seconds -= seconds % length
	p := f.panes[seconds]
	if p == nil {
		start := time.Unix(seconds, 0).UTC()
		p = &pane{start: start, end: start.Add(f.parameters.Pane)}
		f.panes[seconds] = p
	}
	f.recent = p
	return p
}

// cellOf finds a series' cell. Most reports are of the pane that the series' newest
// cell is of.
func (f *Fold) cellOf(s *series, p *pane) *cell {
	for i := len(s.cells) - 1; i >= 0; i-- {
		if s.cells[i].pane == p {
			return s.cells[i]
		}
	}
	c := f.reuse.takeCell()
	c.series, c.pane = s, p
	s.cells = append(s.cells, c)
	p.cells = append(p.cells, c)
	f.joinGroups(c)
	return c
}

// absorb adds what is pending to its cells and to their groups.
func (f *Fold) absorb() {
	for _, c := range f.pending {
		for _, g := range c.groups {
			g.totals.JoinCounters(&c.series.labels, &c.pending.Totals)
			f.touch(g)
			if len(c.pending.Gauges) > 0 {
				g.gauged = true
			}
		}
		c.totals.MergePanes(&c.pending.Totals)
		f.reuse.givePending(c.pending)
		c.pending = nil
	}
	f.pending = f.pending[:0]
}
