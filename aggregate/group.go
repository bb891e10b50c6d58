package aggregate

import "github.com/weirmq/weir/telemetry"

// group is one set of label values of one grouping.
type group struct {
	grouping string
	values   []string
	key      string
	panes    []*groupPane // of the open segment, the newest last
}

// groupPane is a group in one pane: what its series' cells add up to.
type groupPane struct {
	group   *group
	pane    *pane
	totals  telemetry.Totals
	clients map[string]struct{} // each once: a client may send many series
	cells   []*cell             // of its series
	gauged  bool                // some cell has gauges: they are joined anew at a flush
	dirty   bool                // in Fold.dirty
}

// group puts a series into the groups of all groupings that admit it.
func (f *Fold) group(s *series) {
	s.groups, s.grouped = s.groups[:0], f.series.groupings
	for i := range f.groupings {
		grouping := &f.groupings[i]
		values, ok := grouping.Values(&s.labels)
		if !ok {
			continue
		}
		key := telemetry.GroupKey(grouping.ID, values)
		g := f.groups[key]
		if g == nil {
			g = &group{grouping: grouping.ID, values: values, key: key}
			f.groups[key] = g
		}
		s.groups = append(s.groups, g)
	}
}

// joinGroups makes a new cell known to its series' groups.
func (f *Fold) joinGroups(c *cell) {
	c.groups = c.groups[:0]
	for _, g := range c.series.groups {
		gp := f.partOf(g, c.pane)
		c.groups = append(c.groups, gp)
		gp.cells = append(gp.cells, c)
		gp.totals.JoinIdentity(&c.series.labels)
		if client := c.series.labels.Client; client != "" {
			gp.clients[client] = struct{}{}
		}
		f.touch(gp)
	}
}

// partOf returns the group's part in a pane.
func (f *Fold) partOf(g *group, p *pane) *groupPane {
	for i := len(g.panes) - 1; i >= 0; i-- {
		if g.panes[i].pane == p {
			return g.panes[i]
		}
	}
	gp := f.reuse.takeGroupPane()
	gp.group, gp.pane = g, p
	g.panes = append(g.panes, gp)
	p.groups = append(p.groups, gp)
	return gp
}

func (f *Fold) touch(g *groupPane) {
	if !g.dirty {
		g.dirty = true
		f.dirty = append(f.dirty, g)
	}
}

// partial is what a group has in a pane so far. It shares memory with the fold.
func (g *groupPane) partial() telemetry.GroupPartial {
	if g.gauged {
		g.totals.Gauges = g.totals.Gauges[:0]
		for _, c := range g.cells {
			g.totals.JoinGauges(&c.totals)
		}
	}
	g.totals.OverflowedClients = uint64(len(g.clients) - len(g.totals.Clients))
	return telemetry.GroupPartial{Pane: g.pane.start, Totals: g.totals}
}

// Regroup replaces the groupings, as a reload of the rules does. Partials of a new
// grouping are computed from the open segment's cells.
func (f *Fold) Regroup(groupings []telemetry.Grouping) {
	f.absorb()
	f.groupings, f.groups, f.dirty = groupings, map[string]*group{}, f.dirty[:0]
	f.series.groupings++
	for _, p := range f.panes {
		p.groups = nil
	}
	for _, p := range f.sortedPanes() {
		for _, c := range p.cells {
			if c.series.grouped != f.series.groupings {
				f.group(c.series)
			}
			f.joinGroups(c)
			for _, g := range c.groups {
				g.totals.JoinCounters(&c.series.labels, &c.totals)
				g.gauged = g.gauged || len(c.totals.Gauges) > 0
			}
		}
	}
}
