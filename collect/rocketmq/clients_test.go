package rocketmq

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/weirmq/weir/collect"
	"github.com/weirmq/weir/remoting"
	"github.com/weirmq/weir/telemetry"
)

// TestClientsAreReportedOnceForEachGroup has a client that two masters know, under two ports, one that is in two groups, and releases
// that are known and not.
func TestClientsAreReportedOnceForEachGroup(t *testing.T) {
	on := func(port string) answers {
		connection := func(id, language string, version int32) remoting.Connection {
			return remoting.Connection{ClientID: id, Addr: "10.0.0.7:" + port, Language: language, Version: version}
		}
		java := connection("10.0.0.7@1", "JAVA", 479)
		a := answers{answered: true, groups: map[string]*group{"billing": {known: true}, "audit": {known: true}}}
		a.groups["billing"].consumers.Connections = []remoting.Connection{java, connection("10.0.0.7@go", "GO", 317),
			connection("host@7@0@k3x9", "JAVA", 479), connection("10.0.0.7@old@unit", "JAVA", 372)}
		a.groups["audit"].consumers.Connections = []remoting.Connection{java}
		a.producers = map[string][]remoting.Producer{"orders": {{Connection: connection("10.0.0.7@next", "JAVA", 480)}}, innerProducers: {{Connection: java}}}
		return a
	}
	members, err := clientsOf([]answers{on("40001"), on("40002"), {}})
	if err != nil {
		t.Fatal(err)
	}
	config := Config{Identity: collect.Identity{Tiers: collect.Tiers{{Name: "S1", Groups: []string{"bill*"}}}}}
	out := config.reporter(began)
	out.clients(members)
	var got []string
	for _, report := range out.All {
		l := report.Labels
		got = append(got, fmt.Sprintf("%s %s%v %s %s %s %q %s", l.Op, l.Group, l.Extra, l.Client, l.Node, l.SDKLang, l.SDKVersion, l.Tier))
		if report.Messages != 0 || len(report.Gauges) > 0 {
			t.Errorf("a client is reported with %+v", report)
		}
		if _, err := telemetry.MarshalReport(&report); err != nil {
			t.Error(err)
		}
	}
	want := []string{
		`broker audit[] 10.0.0.7@1 10.0.0.7 java "5.3.3" `,
		`broker billing[] 10.0.0.7@1 10.0.0.7 java "5.3.3" S1`,
		`broker billing[] 10.0.0.7@go 10.0.0.7 go "" S1`,
		`broker billing[] 10.0.0.7@old@unit 10.0.0.7 java "4.8.0-SNAPSHOT" S1`,
		`broker billing[] host@7@0@k3x9 10.0.0.7 java "" S1`,
		`broker [{producer_group orders}] 10.0.0.7@next 10.0.0.7 java "5.3.4-SNAPSHOT" `,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q,\nwant %q", got, want)
	}
}

// TestClientsBeyondTheBoundAreCounted has one client more than are reported, and as many as are.
func TestClientsBeyondTheBoundAreCounted(t *testing.T) {
	a := answers{groups: map[string]*group{"g": {}}}
	for i := range collect.MaxClients {
		a.groups["g"].consumers.Connections = append(a.groups["g"].consumers.Connections, remoting.Connection{ClientID: fmt.Sprint("c", i)})
	}
	if got, err := clientsOf([]answers{a}); len(got) != collect.MaxClients || err != nil {
		t.Errorf("got %d clients, %v, want all %d", len(got), err, collect.MaxClients)
	}
	a.producers = map[string][]remoting.Producer{"p": {{}}}
	got, err := clientsOf([]answers{a})
	if want := fmt.Sprintf("1 clients are not reported: a collector reports at most %d in a cluster", collect.MaxClients); len(got) != collect.MaxClients || err == nil || err.Error() != want {
		t.Errorf("got %d clients, %v, want %d, %s", len(got), err, collect.MaxClients, want)
	}
}

// clientsAreSeen has the consumer and the producer of the fleet's traffic.
func (f *fleet) clientsAreSeen(t *testing.T) {
	f.poller.clients = collect.ClientReports{}
	reports, err := f.poller.Poll(t.Context(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]int{}
	for _, r := range reports {
		if r.Labels.SDKLang != "" {
			got[fmt.Sprintf("%s %s%v %v %s %s", r.Labels.Op, r.Labels.Group, r.Labels.Extra, r.Labels.Client != "", r.Labels.SDKLang, r.Labels.SDKVersion)]++
		}
	}
	for _, want := range []string{"broker readers[] true java 5.3.3", "broker [{producer_group writers}] true java 5.3.3"} {
		if got[want] != 1 {
			t.Errorf("got %v, want 1 of %s", got, want)
		}
	}
}
