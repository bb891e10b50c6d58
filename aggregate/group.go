package aggregate

import (
	"slices"
	"strings"

	"github.com/weirmq/weir/telemetry"
)

// group is one set of label values of one grouping.
type group struct {
	grouping  *telemetry.Grouping
	values    []string
	key       string
	partition int32    // of weir.groups, by key
	members   []uint32 // series
	clients   roster   // of those that name a client
	nodes     roster
	panes     []*groupPane // of the open segment, the newest last
}

// membership is a series in a group: which member it is.
type membership struct {
	group  *group
	member uint32
}

// groupPane is a group in one pane: what its series' cells add up to.
type groupPane struct {
	sums
	group    *group
	pane     *pane
	at       uint32 // of the pane
	versions []versionMessages
	present  []uint64 // a bit for each member that has a cell
	gauged   bool     // some cell has gauges: they are joined anew at a flush
	dirty    bool     // in Fold.dirty
}

// versionMessages are the messages of one version of a client library.
type versionMessages struct {
	version  uint32
	messages uint64
}

// group puts a series into the groups of all groupings that admit it.
func (f *Fold) group(id uint32) {
	labels := f.series.labels(id)
	first := uint32(len(f.memberships))
	for i := range f.groupings {
		grouping := &f.groupings[i]
		key, ok := grouping.AppendKey(f.key[:0], labels)
		f.key = key
		if !ok {
			continue
		}
		g := f.groups[string(key)]
		if g == nil {
			values, _ := grouping.Values(labels)
			for at := range values {
				values[at] = strings.Clone(values[at]) // of a record
			}
			g = &group{grouping: grouping, values: values, key: string(key)}
			f.groups[g.key] = g
		}
		f.memberships = append(f.memberships, membership{g, uint32(len(g.members))})
		g.members = append(g.members, id)
	}
	s := &f.series.series[id]
	s.member, s.members, s.grouped = first, uint32(len(f.memberships))-first, f.series.groupings
}

func (f *Fold) membershipsOf(s *series) []membership { return f.memberships[s.member:][:s.members] }

// joinGroups makes a new cell known to its series' groups.
func (f *Fold) joinGroups(c *cell) {
	s := &f.series.series[c.series]
	for _, m := range f.membershipsOf(s) {
		gp := f.partOf(m.group, c.pane)
		word := int(m.member / 64)
		for len(gp.present) <= word {
			gp.present = append(gp.present, 0)
		}
		gp.present[word] |= 1 << (m.member % 64)
		gp.countVersion(s.version, 0)
	}
}

// eachPresent calls yield with the series of members that have a cell.
func (g *groupPane) eachPresent(yield func(id uint32)) {
	for member, id := range g.group.members {
		if g.has(uint32(member)) {
			yield(id)
		}
	}
}

func (g *groupPane) has(member uint32) bool {
	word := int(member / 64)
	return word < len(g.present) && g.present[word]>>(member%64)&1 != 0
}

// partOf returns the group's part in a pane.
func (f *Fold) partOf(g *group, pane uint32) *groupPane {
	for i := len(g.panes) - 1; i >= 0; i-- {
		if g.panes[i].at == pane {
			return g.panes[i]
		}
	}
	gp := f.spare.take()
	gp.group, gp.at, gp.pane = g, pane, f.panes[pane]
	g.panes = append(g.panes, gp)
	gp.pane.groups = append(gp.pane.groups, gp)
	return gp
}

// empty makes a group's part ready for another group and pane.
func (g *groupPane) empty() {
	g.group.panes = g.group.panes[:0]
	*g = groupPane{versions: g.versions[:0], present: g.present[:0]}
}

// absorbInto adds a part of a cell to its series' groups; unpacked is the same part.
func (f *Fold) absorbInto(c *cell, part *sums, unpacked *telemetry.Totals) {
	s := &f.series.series[c.series]
	for _, m := range f.membershipsOf(s) {
		gp := f.partOf(m.group, c.pane)
		f.arena.absorb(&gp.sums, unpacked, m.group.grouping.Omit)
		f.changed(gp, s, part.messages)
		if part.lists > 0 {
			lists := f.arena.lists[part.lists-1]
			f.arena.listsOf(&gp.sums).JoinCounters(&telemetry.Labels{Client: f.series.client(c.series)}, lists)
			gp.gauged = gp.gauged || len(lists.Gauges) > 0
		}
	}
}

// addThrough adds a report without lists to a cell that groups have absorbed, and to the
// groups.
func (f *Fold) addThrough(c *cell, r *telemetry.Report) {
	f.arena.addNumbers(&c.sums, r, 0)
	s := &f.series.series[c.series]
	for _, m := range f.membershipsOf(s) {
		gp := f.partOf(m.group, c.pane)
		f.arena.addNumbers(&gp.sums, r, m.group.grouping.Omit)
		f.changed(gp, s, r.Messages)
	}
}

// changed notes that messages of a series came to a group's part.
func (f *Fold) changed(g *groupPane, s *series, messages uint64) {
	if messages > 0 {
		g.countVersion(s.version, messages)
	}
	if !g.dirty {
		g.dirty = true
		f.dirty = append(f.dirty, g)
	}
}

// countVersion counts messages of a version; with none it notes that a client has it.
func (g *groupPane) countVersion(version uint32, messages uint64) {
	if version == 0 || g.group.grouping.Omit.Has(telemetry.PartDistincts) {
		return
	}
	at, found := slices.BinarySearchFunc(g.versions, version, func(v versionMessages, version uint32) int {
		return int(v.version) - int(version)
	})
	if !found {
		g.versions = slices.Insert(g.versions, at, versionMessages{version: version})
	}
	g.versions[at].messages += messages
}

// Regroup replaces the groupings, as a reload of the rules does. Partials of a new
// grouping are computed from the open segment's cells.
func (f *Fold) Regroup(groupings []telemetry.Grouping) {
	f.reclaim()
	f.absorb()
	f.groupings, f.groups, f.dirty, f.memberships = groupings, map[string]*group{}, f.dirty[:0], f.memberships[:0]
	f.series.groupings++
	f.series.scratchOf = noSeries // what was read last was of a record that is gone
	for _, p := range f.panes {
		p.groups = nil
	}
	for at := range f.cells.held {
		c := f.cells.at(at)
		if f.series.series[c.series].grouped != f.series.groupings {
			f.group(c.series)
		}
		f.joinGroups(c)
		f.arena.unpackSums(&c.sums, &f.unpacked)
		f.absorbInto(c, &c.sums, &f.unpacked)
	}
}
