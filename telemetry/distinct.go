package telemetry

import (
	"cmp"
	"slices"
	"strings"
)

// MaxListedClients bounds the clients and nodes listed in one Totals. Not smaller:
// a consumer group of a large service has a few hundred; not larger: the list
// travels with every partial of its group.
const MaxListedClients = 1024

// insertBounded puts s into a sorted set. Of a full one the first MaxListedClients by
// name stay, so that no order of merging matters.
func insertBounded(set []string, s string) []string {
	if len(set) == MaxListedClients && s >= set[MaxListedClients-1] {
		return set // most of a large group's names end here
	}
	at, found := slices.BinarySearch(set, s)
	if found {
		return set
	}
	if len(set) < MaxListedClients {
		return slices.Insert(set, at, s)
	}
	if at < len(set) {
		copy(set[at+1:], set[at:])
		set[at] = s
	}
	return set
}

// MergeDistincts adds the clients, nodes and versions of the same group's totals of another source or pane.
func (t *Totals) MergeDistincts(o *Totals) {
	t.joinClients(o)
	for _, n := range o.Nodes {
		t.Nodes = insertBounded(t.Nodes, n)
	}
	for _, c := range o.StoppedClients {
		t.StoppedClients = insertBounded(t.StoppedClients, c)
	}
	for _, v := range o.Versions {
		t.addVersion(VersionTotals{v.SDKLang, v.SDKVersion, v.Messages, nil}, v.Clients...)
	}
}

// joinClients keeps OverflowedClients a lower bound: there are at least as many clients
// as either side knows of, and as the two list together.
func (t *Totals) joinClients(o *Totals) {
	if slices.Equal(t.Clients, o.Clients) { // as in most panes
		t.OverflowedClients = max(t.OverflowedClients, o.OverflowedClients)
		return
	}
	together := len(t.Clients)
	for _, c := range o.Clients {
		if _, found := slices.BinarySearch(t.Clients, c); !found {
			together++
		}
	}
	known := max(uint64(len(t.Clients))+t.OverflowedClients, uint64(len(o.Clients))+o.OverflowedClients, uint64(together))
	for _, c := range o.Clients {
		t.Clients = insertBounded(t.Clients, c)
	}
	t.OverflowedClients = known - uint64(len(t.Clients))
}

func (t *Totals) addVersion(v VersionTotals, clients ...string) {
	at, found := slices.BinarySearchFunc(t.Versions, v, func(a, b VersionTotals) int {
		return cmp.Or(strings.Compare(a.SDKLang, b.SDKLang), strings.Compare(a.SDKVersion, b.SDKVersion))
	})
	if !found {
		t.Versions = slices.Insert(t.Versions, at, VersionTotals{SDKLang: v.SDKLang, SDKVersion: v.SDKVersion})
	}
	t.Versions[at].Messages += v.Messages
	for _, client := range clients {
		if client != "" {
			t.Versions[at].Clients = insertBounded(t.Versions[at].Clients, client)
		}
	}
}
