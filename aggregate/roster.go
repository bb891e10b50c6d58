package aggregate

import (
	"cmp"
	"slices"
	"strings"

	"github.com/weirmq/weir/telemetry"
)

// roster is the members of a group that have a name of a kind, sorted by it: who is in
// a pane is listed by walking along it, without sorting again, and without a look at
// series and names that are not listed: they are far apart in memory.
type roster struct {
	order []named
	known int // members of the group that were looked at
}

// named is a member that has a name.
type named struct {
	member  uint32
	name    uint32 // which one of those in the roster, in their order
	version uint32 // of its client library, as a series has it
}

// update takes in the members that came since.
func (r *roster) update(members []uint32, name func(id uint32) string, t *seriesTable) {
	if r.known == len(members) {
		return
	}
	var came []named
	for member := r.known; member < len(members); member++ {
		if id := members[member]; name(id) != "" {
			came = append(came, named{member: uint32(member), version: t.series[id].version})
		}
	}
	r.known = len(members)
	nameOf := func(n named) string { return name(members[n.member]) }
	compare := func(a, b named) int {
		return cmp.Or(strings.Compare(nameOf(a), nameOf(b)), cmp.Compare(a.member, b.member))
	}
	slices.SortFunc(came, compare)
	r.order = merged(r.order, came, compare)
	for i := 1; i < len(r.order); i++ {
		r.order[i].name = r.order[i-1].name
		if nameOf(r.order[i]) != nameOf(r.order[i-1]) {
			r.order[i].name++
		}
	}
}

// merged returns two sorted lists as one, from the last to the first in place.
func merged(sorted, came []named, compare func(a, b named) int) []named {
	from, next := len(sorted)-1, len(came)-1
	sorted = append(sorted, came...)
	for to := len(sorted) - 1; next >= 0; to-- {
		if from >= 0 && compare(sorted[from], came[next]) > 0 {
			sorted[to] = sorted[from]
			from--
			continue
		}
		sorted[to] = came[next]
		next--
	}
	return sorted
}

// identify lists who a group's part is of: clients, nodes, and clients by version.
func (f *Fold) identify(g *groupPane, t *telemetry.Totals) {
	group := g.group
	group.clients.update(group.members, f.series.client, &f.series)
	group.nodes.update(group.members, f.series.node, &f.series)
	f.listed.begin()
	for _, v := range g.versions {
		f.listed.of(&f.series, v.version).Messages = v.messages
	}
	last := int64(-1)
	for _, n := range group.clients.order {
		if !g.has(n.member) {
			continue
		}
		if n.version != 0 {
			if v := f.listed.of(&f.series, n.version); len(v.Clients) < telemetry.MaxListedClients {
				addClient(v, f.series.client(group.members[n.member]))
			}
		}
		if int64(n.name) == last {
			continue
		}
		if last = int64(n.name); len(t.Clients) < telemetry.MaxListedClients {
			t.Clients = append(t.Clients, f.series.client(group.members[n.member]))
		} else {
			t.OverflowedClients++
		}
	}
	last = -1
	for _, n := range group.nodes.order {
		if len(t.Nodes) == telemetry.MaxListedClients {
			break
		}
		if g.has(n.member) && int64(n.name) != last {
			t.Nodes = append(t.Nodes, f.series.node(group.members[n.member]))
			last = int64(n.name)
		}
	}
	t.Versions = f.listed.sorted()
}

// versionList is what one partial says of versions. It is used again for the next.
type versionList struct {
	versions []telemetry.VersionTotals
	place    map[uint32]int // of a version
	version  uint32         // asked for last: most clients of a group have the same
	at       int
}

func (l *versionList) begin() {
	l.versions, l.version = l.versions[:0], 0
	clear(l.place)
}

// of returns a version's totals, made where there were none.
func (l *versionList) of(t *seriesTable, version uint32) *telemetry.VersionTotals {
	if version == l.version {
		return &l.versions[l.at]
	}
	at, ok := l.place[version]
	if !ok {
		at = len(l.versions)
		l.place[version] = at
		l.versions = slices.Grow(l.versions, 1)[:at+1] // with the room that a list of clients had
		name := t.versions[version]
		l.versions[at] = telemetry.VersionTotals{SDKLang: name.lang, SDKVersion: name.version, Clients: l.versions[at].Clients[:0]}
	}
	l.version, l.at = version, at
	return &l.versions[at]
}

// sorted is the list by name.
func (l *versionList) sorted() []telemetry.VersionTotals {
	slices.SortFunc(l.versions, func(a, b telemetry.VersionTotals) int {
		return cmp.Or(strings.Compare(a.SDKLang, b.SDKLang), strings.Compare(a.SDKVersion, b.SDKVersion))
	})
	return l.versions
}

// addClient lists a client with its version; they come sorted.
func addClient(v *telemetry.VersionTotals, client string) {
	if n := len(v.Clients); n == 0 || v.Clients[n-1] != client {
		v.Clients = append(v.Clients, client)
	}
}
