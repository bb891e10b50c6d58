package aggregate

import "github.com/weirmq/weir/telemetry"

// group is one set of label values of one grouping.
type group struct {
	grouping string
	values   []string
	key      string
	panes    []*groupPane // the newest last
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
	s.groups = nil
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
	c.groups = make([]*groupPane, len(c.series.groups))
	for i, g := range c.series.groups {
		gp := g.in(c.pane)
		c.groups[i] = gp
		gp.cells = append(gp.cells, c)
		gp.totals.JoinIdentity(&c.series.labels)
		if client := c.series.labels.Client; client != "" {
			gp.clients[client] = struct{}{}
		}
		f.touch(gp)
	}
}

// in returns the group's part in a pane.
func (g *group) in(p *pane) *groupPane {
	for i := len(g.panes) - 1; i >= 0; i-- {
		if g.panes[i].pane == p {
			return g.panes[i]
		}
	}
	gp := &groupPane{group: g, pane: p, clients: map[string]struct{}{}}
	g.panes = append(g.panes, gp)
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
	f.groupings, f.groups, f.dirty = groupings, map[string]*group{}, nil
	for _, s := range f.series.byLabel {
		f.group(s)
		for _, c := range s.cells {
			f.joinGroups(c)
			for _, g := range c.groups {
				g.totals.JoinCounters(&s.labels, &c.totals)
				g.gauged = g.gauged || len(c.totals.Gauges) > 0
			}
		}
	}
}
