package telemetry_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/weirmq/weir/telemetry"
)

// join is a way to merge totals.
type join func(into, from *telemetry.Totals)

var joins = map[string]join{
	"MergeSources": (*telemetry.Totals).MergeSources,
	"MergePanes":   (*telemetry.Totals).MergePanes,
}

// merged joins clones, from the left.
func merged(merge join, parts ...telemetry.Totals) telemetry.Totals {
	into := parts[0].Clone()
	for _, part := range parts[1:] {
		from := part.Clone()
		merge(&into, &from)
	}
	return into
}

func TestMergingTotalsIsCommutativeAndAssociative(t *testing.T) {
	for name, merge := range joins {
		t.Run(name, func(t *testing.T) {
			forSeeds(t, 2000, func(t *testing.T, r *rand.Rand) {
				a, b, c := randomTotals(r), randomTotals(r), randomTotals(r)
				equal(t, "a+b and b+a", merged(merge, a, b), merged(merge, b, a))
				equal(t, "(a+b)+c and a+(b+c)", merged(merge, merged(merge, a, b), c), merged(merge, a, merged(merge, b, c)))
				// What is merged into nothing is unchanged.
				equal(t, "0+a and a", a, merged(merge, telemetry.Totals{}, a))
			})
		})
	}
}

// TestMergingTwiceChangesNoJoin holds that gauges and distincts need no identity. Only MergeSources adds gauges up:
// over series, of which another source has others.
func TestMergingTwiceChangesNoJoin(t *testing.T) {
	forSeeds(t, 2000, func(t *testing.T, r *rand.Rand) {
		a, b := randomTotals(r), randomTotals(r)
		for name, merge := range joins {
			once, twice := merged(merge, a, b), merged(merge, a, b, b)
			equal(t, name+": clients", once.Clients, twice.Clients)
			equal(t, name+": nodes", once.Nodes, twice.Nodes)
			equal(t, name+": stopped clients", once.StoppedClients, twice.StoppedClients)
			equal(t, name+": overflowed clients", once.OverflowedClients, twice.OverflowedClients)
			equal(t, name+": events", once.Events, twice.Events)
			equal(t, name+": clients of versions", clientsOf(once.Versions), clientsOf(twice.Versions))
		}
		merge := joins["MergePanes"]
		equal(t, "gauges", merged(merge, a, b).Gauges, merged(merge, a, b, b).Gauges)
	})
}

func clientsOf(versions []telemetry.VersionTotals) map[string][]string {
	out := map[string][]string{}
	for _, v := range versions {
		out[v.SDKVersion] = v.Clients
	}
	return out
}

// TestReportsAddUpInAnyOrder holds that a cell does not depend on the order of its reports.
func TestReportsAddUpInAnyOrder(t *testing.T) {
	forSeeds(t, 1000, func(t *testing.T, r *rand.Rand) {
		reports := make([]telemetry.Report, 2+r.IntN(5))
		for i := range reports {
			reports[i] = randomReport(r)
		}
		add := func() (t telemetry.Totals) {
			for i := range reports {
				t.AddReport(&reports[i])
			}
			return t
		}
		first := add()
		r.Shuffle(len(reports), func(i, j int) { reports[i], reports[j] = reports[j], reports[i] })
		equal(t, "shuffled", first, add())
		again := first.Clone()
		again.AddReport(&reports[0])
		equal(t, "gauges of a report added twice", first.Gauges, again.Gauges)
		equal(t, "events of a report added twice", first.Events, again.Events)
	})
}

// randomReport is a report near the others of its kind, ties in time included.
func randomReport(r *rand.Rand) telemetry.Report {
	report := telemetry.Report{Schema: telemetry.Schema, StartUnixMillis: second + r.Int64N(3), LengthMillis: uint32(1 + r.IntN(2)),
		Messages: r.Uint64N(100), Bytes: r.Uint64N(100), Rebalances: r.Uint64N(2), LatencyMicros: randomHistogram(r, 4)}
	for _, name := range choose(r, "lag_messages", "members") {
		report.Gauges = append(report.Gauges, telemetry.Gauge{Name: name, Value: float64(r.IntN(5))})
	}
	for _, class := range choose(r, "broker", "timeout") {
		report.Errors = append(report.Errors, telemetry.ErrorCount{Class: class, Count: r.Uint64N(3)})
	}
	for range r.IntN(2) {
		report.Events = append(report.Events, telemetry.Event{Kind: telemetry.EventPaused, TimeUnixMillis: second + r.Int64N(3)})
	}
	return report
}

// TestSeriesJoinInAnyOrder holds that a group does not depend on the order of its series.
func TestSeriesJoinInAnyOrder(t *testing.T) {
	forSeeds(t, 1000, func(t *testing.T, r *rand.Rand) {
		type member struct {
			labels telemetry.Labels
			cell   telemetry.Totals
		}
		members := make([]member, 2+r.IntN(6))
		for i := range members {
			report := randomReport(r)
			members[i].labels = telemetry.Labels{Client: fmt.Sprint(r.IntN(4)), Node: fmt.Sprint(r.IntN(2)), SDKVersion: fmt.Sprint(r.IntN(2))}
			members[i].cell.AddReport(&report)
		}
		join := func() (t telemetry.Totals) {
			for i := range members {
				t.JoinSeries(&members[i].labels, &members[i].cell)
			}
			return t
		}
		first := join()
		r.Shuffle(len(members), func(i, j int) { members[i], members[j] = members[j], members[i] })
		equal(t, "shuffled", first, join())
	})
}

func TestNewestGaugeWinsInASeries(t *testing.T) {
	var cell telemetry.Totals
	for _, g := range []struct {
		second int64
		value  float64
	}{{2, 50}, {3, 41}, {1, 90}} {
		cell.AddReport(&telemetry.Report{StartUnixMillis: 1000 * g.second, LengthMillis: 1000,
			Gauges: []telemetry.Gauge{{Name: "lag_messages", Value: g.value}}})
	}
	want := []telemetry.GaugeValue{{Name: "lag_messages", TimeUnixMillis: 4000, Last: 41, Max: 90, Sum: 41, Min: 41, Series: 1}}
	equal(t, "a series' gauge is the newest by event time, with the greatest beside it", want, cell.Gauges)

	var group telemetry.Totals
	other := telemetry.Totals{Gauges: []telemetry.GaugeValue{{Name: "lag_messages", TimeUnixMillis: 3000, Last: 7, Max: 8, Sum: 7, Min: 7, Series: 1}}}
	group.JoinSeries(&telemetry.Labels{}, &cell)
	group.JoinSeries(&telemetry.Labels{}, &other)
	want = []telemetry.GaugeValue{{Name: "lag_messages", TimeUnixMillis: 4000, Last: 41, Max: 90, Sum: 48, Min: 7, Series: 2}}
	equal(t, "a group's gauge is the sum, the greatest and the least of its series", want, group.Gauges)
}

func TestSeriesOfAGroupNameClientsNodesAndVersions(t *testing.T) {
	paused := telemetry.Totals{Messages: 5, Events: []telemetry.Event{{Kind: telemetry.EventPaused, TimeUnixMillis: 1}}}
	var group telemetry.Totals
	group.JoinSeries(&telemetry.Labels{Client: "b", Node: "n", SDKLang: "go", SDKVersion: "1.2.0"}, &telemetry.Totals{Messages: 3})
	group.JoinSeries(&telemetry.Labels{Client: "a", SDKLang: "go", SDKVersion: "1.2.0"}, &paused)
	group.JoinSeries(&telemetry.Labels{Topic: "orders"}, &telemetry.Totals{Messages: 1})
	want := telemetry.Totals{Messages: 9, Clients: []string{"a", "b"}, Nodes: []string{"n"}, StoppedClients: []string{"a"},
		Versions: []telemetry.VersionTotals{{SDKLang: "go", SDKVersion: "1.2.0", Messages: 8, Clients: []string{"a", "b"}}},
		Events:   paused.Events}
	equal(t, "group", want, group)
}

func TestNewestEventsStay(t *testing.T) {
	var totals telemetry.Totals
	order := rand.New(rand.NewPCG(1, 1)).Perm(3 * telemetry.MaxListedEvents)
	for _, at := range order {
		totals.AddReport(&telemetry.Report{Events: []telemetry.Event{{Kind: telemetry.EventStarted, TimeUnixMillis: int64(at)}}})
	}
	if got := len(totals.Events); got != telemetry.MaxListedEvents {
		t.Fatalf("%d events are kept, want %d", got, telemetry.MaxListedEvents)
	}
	for i, e := range totals.Events {
		if want := int64(2*telemetry.MaxListedEvents + i); e.TimeUnixMillis != want {
			t.Fatalf("event %d is of %d, want %d", i, e.TimeUnixMillis, want)
		}
	}
}

func TestCloneSharesNothing(t *testing.T) {
	original := fullTotals()
	clone := original.Clone()
	other := fullTotals()
	other.Clients = append(other.Clients, "billing-9")
	slices.Reverse(other.Gauges)
	original.MergeSources(&other)
	original.Versions[0].Clients[0] = "changed"
	original.Clients[0] = "changed"
	equal(t, "clone", fullTotals(), clone)
}

// manyClients returns clients numbered [from, to), in order.
func manyClients(from, to int) []string {
	var out []string
	for i := from; i < to; i++ {
		out = append(out, fmt.Sprintf("client-%06d", i))
	}
	return out
}

// TestListsBeyondTheirBoundKeepTheFirstByName holds that what is listed does not depend on the order of merging, and
// that clients that are not listed are never counted twice.
func TestListsBeyondTheirBoundKeepTheFirstByName(t *testing.T) {
	const most = telemetry.MaxListedClients
	for name, merge := range joins {
		t.Run(name, func(t *testing.T) {
			low := telemetry.Totals{Clients: manyClients(0, most), Nodes: manyClients(0, most)}
			high := telemetry.Totals{Clients: manyClients(500, 500+most), Nodes: manyClients(500, 500+most), OverflowedClients: 40}
			want := telemetry.Totals{Clients: manyClients(0, most), Nodes: manyClients(0, most), OverflowedClients: 500}
			equal(t, "low+high", want, merged(merge, low, high))
			equal(t, "high+low", want, merged(merge, high, low))
			equal(t, "twice", want, merged(merge, high, low, low, high, high))
			high.OverflowedClients = 700
			want.OverflowedClients = 700
			equal(t, "the side that knows of more decides", want, merged(merge, low, high))
		})
	}
}

func TestSeriesBeyondTheBoundAreNotListed(t *testing.T) {
	clients := manyClients(0, telemetry.MaxListedClients+300)
	rand.New(rand.NewPCG(1, 1)).Shuffle(len(clients), func(i, j int) { clients[i], clients[j] = clients[j], clients[i] })
	var group telemetry.Totals
	for _, client := range clients {
		group.JoinSeries(&telemetry.Labels{Client: client, Node: client, SDKVersion: "1.0.0"}, &telemetry.Totals{})
	}
	listed := manyClients(0, telemetry.MaxListedClients)
	equal(t, "clients", listed, group.Clients)
	equal(t, "nodes", listed, group.Nodes)
	equal(t, "clients of a version", listed, group.Versions[0].Clients)
	equal(t, "overflowed clients, which only the caller can tell apart", uint64(0), group.OverflowedClients)
}

// TestDrop: what shares memory with the totals keeps what they lose.
func TestDrop(t *testing.T) {
	var whole telemetry.Totals
	whole.LatencyMicros.Observe(5)
	whole.SizeBytes.Observe(7)
	whole.Clients, whole.Messages = []string{"a"}, 3
	part := whole
	part.Drop(telemetry.PartLatency | telemetry.PartDistincts)
	if part.LatencyMicros.Count() != 0 || part.Clients != nil || part.SizeBytes.Count() != 1 || part.Messages != 3 {
		t.Errorf("got %+v, want sizes and messages alone", part)
	}
	if whole.LatencyMicros.Count() != 1 || len(whole.Clients) != 1 {
		t.Errorf("the totals dropped from are %+v now", whole)
	}
}
