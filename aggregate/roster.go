package aggregate

import (
	"cmp"
	"slices"
	"strings"

	"github.com/weirmq/weir/telemetry"
)

// roster is the members of a group that have a name of a kind, sorted by it: who is in
// a pane is listed by walking along it, without sorting again.
type roster struct {
	order []uint32 // members
	known int      // members of the group that were looked at
}

// update takes in the members that came since.
func (r *roster) update(members []uint32, name func(id uint32) string) {
	if r.known == len(members) {
		return
	}
	var came []uint32
	for member := r.known; member < len(members); member++ {
		if name(members[member]) != "" {
			came = append(came, uint32(member))
		}
	}
	r.known = len(members)
	compare := func(a, b uint32) int {
		return cmp.Or(strings.Compare(name(members[a]), name(members[b])), cmp.Compare(a, b))
	}
	slices.SortFunc(came, compare)
	r.order = merged(r.order, came, compare)
}

// merged returns two sorted lists as one, from the last to the first in place.
func merged(sorted, came []uint32, compare func(a, b uint32) int) []uint32 {
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
	group.clients.update(group.members, f.series.client)
	group.nodes.update(group.members, f.series.node)
	f.listVersions(g)
	last := ""
	for _, member := range group.clients.order {
		if !g.has(member) {
			continue
		}
		id := group.members[member]
		client := f.series.client(id)
		if version := f.series.series[id].version; version != 0 {
			addClient(f.listed.of(&f.series, version), client)
		}
		if client == last {
			continue
		}
		if last = client; len(t.Clients) < telemetry.MaxListedClients {
			t.Clients = append(t.Clients, client)
		} else {
			t.OverflowedClients++
		}
	}
	last = ""
	for _, member := range group.nodes.order {
		if node := f.series.node(group.members[member]); g.has(member) && node != last && len(t.Nodes) < telemetry.MaxListedClients {
			t.Nodes = append(t.Nodes, node)
			last = node
		}
	}
	t.Versions = f.listed.sorted()
}

// listVersions begins the list of versions with those that a group's part has messages
// or members of.
func (f *Fold) listVersions(g *groupPane) {
	f.listed.begin()
	for _, v := range g.versions {
		f.listed.of(&f.series, v.version).Messages = v.messages
	}
	g.eachPresent(func(id uint32) {
		if version := f.series.series[id].version; version != 0 {
			f.listed.of(&f.series, version)
		}
	})
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
	if n := len(v.Clients); n < telemetry.MaxListedClients && (n == 0 || v.Clients[n-1] != client) {
		v.Clients = append(v.Clients, client)
	}
}
