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
	group  *group
	pane   *pane
	at     uint32 // of the pane
	totals telemetry.Totals
	cells  []uint32 // of its series
	joined int      // cells whose series are in the totals' lists of clients, nodes and versions
	gauged bool     // some cell has gauges: they are joined anew at a flush
	dirty  bool     // in Fold.dirty
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
func (f *Fold) joinGroups(at uint32) {
	s := &f.series.series[f.cells[at].series]
	for _, g := range s.groups {
		gp := f.partOf(g, f.cells[at].pane)
		gp.cells = append(gp.cells, at)
		f.touch(gp)
	}
}

// partOf returns the group's part in a pane.
func (f *Fold) partOf(g *group, pane uint32) *groupPane {
	for i := len(g.panes) - 1; i >= 0; i-- {
		if g.panes[i].at == pane {
			return g.panes[i]
		}
	}
	gp := f.takeGroupPane()
	gp.group, gp.at, gp.pane = g, pane, f.panes[pane]
	g.panes = append(g.panes, gp)
	gp.pane.groups = append(gp.pane.groups, gp)
	return gp
}

// takeGroupPane returns an empty one, of a segment before where there is any.
func (f *Fold) takeGroupPane() *groupPane {
	n := len(f.spare)
	if n == 0 {
		return &groupPane{}
	}
	g := f.spare[n-1]
	f.spare = f.spare[:n-1]
	return g
}

// empty makes a group's part ready for another group and pane.
func (g *groupPane) empty() {
	g.group.panes = g.group.panes[:0]
	g.totals.Reset()
	*g = groupPane{totals: g.totals, cells: g.cells[:0]}
}

func (f *Fold) touch(g *groupPane) {
	if !g.dirty {
		g.dirty = true
		f.dirty = append(f.dirty, g)
	}
}

// partial is what a group has in a pane so far. It shares memory with the fold.
func (f *Fold) partial(g *groupPane) telemetry.GroupPartial {
	if g.gauged {
		g.totals.Gauges = g.totals.Gauges[:0]
		for _, at := range g.cells {
			if lists := f.cells[at].lists; lists > 0 {
				g.totals.JoinGauges(f.arena.lists[lists-1])
			}
		}
	}
	for _, at := range g.cells[g.joined:] {
		g.totals.JoinIdentity(&f.series.series[f.cells[at].series].labels)
	}
	if len(g.totals.Clients) == telemetry.MaxListedClients && g.joined < len(g.cells) {
		g.totals.OverflowedClients = uint64(f.clientsOf(g) - telemetry.MaxListedClients)
	}
	g.joined = len(g.cells)
	return telemetry.GroupPartial{Pane: g.pane.start, Totals: g.totals}
}

// clientsOf counts the clients of a group's part, each once: one may send many series.
func (f *Fold) clientsOf(g *groupPane) int {
	clear(f.clients)
	for _, at := range g.cells {
		if client := f.series.series[f.cells[at].series].labels.Client; client != "" {
			f.clients[client] = struct{}{}
		}
	}
	return len(f.clients)
}

// Regroup replaces the groupings, as a reload of the rules does. Partials of a new
// grouping are computed from the open segment's cells.
func (f *Fold) Regroup(groupings []telemetry.Grouping) {
	f.reclaim()
	f.absorb()
	f.groupings, f.groups, f.dirty = groupings, map[string]*group{}, f.dirty[:0]
	f.series.groupings++
	for _, p := range f.panes {
		p.groups = nil
	}
	for at := range f.cells {
		c := &f.cells[at]
		s := &f.series.series[c.series]
		if s.grouped != f.series.groupings {
			f.group(s)
		}
		f.joinGroups(uint32(at))
		part := f.arena.totals(&c.sums)
		for _, g := range s.groups {
			f.absorbInto(f.partOf(g, c.pane), &s.labels, &part)
		}
	}
}
