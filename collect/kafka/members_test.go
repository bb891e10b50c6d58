package kafka

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/weirmq/weir/collect"
)

// TestClientsOfGroupsAreReported has two members of one client, one on another host, and one that waits for partitions in a group that rebalances.
func TestClientsOfGroupsAreReported(t *testing.T) {
	stable := &group{name: "billing", state: "Stable", members: 3, owned: map[at]bool{},
		clients: []client{clientOf("consumer-2", "/10.0.0.8:40312"), clientOf("consumer-1", "/10.0.0.7"), clientOf("consumer-1", "/10.0.0.7")}}
	stable.own(0, "orders", []int32{0})
	stable.own(1, "orders", []int32{1, 2})
	stable.own(2, "audit", []int32{0})
	waits := &group{name: "audit", state: "PreparingRebalance", members: 1, clients: []client{clientOf("consumer-1", "/10.0.0.9")}}
	config := Config{Identity: collect.Identity{Tiers: collect.Tiers{{Name: "S1", Groups: []string{"bill*"}}}}}
	out := config.reporter(time.Unix(1_795_626_000, 0))
	for _, g := range []*group{stable, waits} {
		out.group(g, nil)
	}
	if err := out.clients([]*group{stable, waits}); err != nil {
		t.Fatal(err)
	}
	var got []string
	for i := range out.All {
		got = append(got, line(&out.All[i]))
	}
	m := measured{T: t}
	m.expect(got,
		"op=group group=billing tier=S1 members=3 rebalancing_groups=0",
		"op=group group=audit members=1 rebalancing_groups=1",
		"op=broker node=10.0.0.7 client=consumer-1@10.0.0.7 group=billing tier=S1 assigned_partitions=3",
		"op=broker node=10.0.0.8 client=consumer-2@10.0.0.8 group=billing tier=S1 assigned_partitions=1",
		"op=broker node=10.0.0.9 client=consumer-1@10.0.0.9 group=audit")
	if len(stable.owned) != 4 {
		t.Errorf("members have %d partitions, want 4", len(stable.owned))
	}
}

// TestClientsBeyondTheBoundsAreCounted has a group with more clients than are reported of one, and then more groups than a cluster has room for.
func TestClientsBeyondTheBoundsAreCounted(t *testing.T) {
	large := &group{}
	for i := range maxClientsOfGroup + 2 {
		large.clients = append(large.clients, client{id: fmt.Sprintf("c%04d", i)})
	}
	for _, c := range []struct{ groups, reported, beyond int }{
		{1, maxClientsOfGroup, 2},
		{collect.MaxClients/maxClientsOfGroup + 1, collect.MaxClients, 2*(collect.MaxClients/maxClientsOfGroup) + maxClientsOfGroup + 2},
	} {
		config := Config{}
		out := config.reporter(time.Unix(1_795_626_000, 0))
		var groups []*group
		for range c.groups {
			groups = append(groups, large)
		}
		err := out.clients(groups)
		if want := fmt.Sprintf("%d clients are not reported: ", c.beyond); err == nil || !strings.HasPrefix(err.Error(), want) || len(out.All) != c.reported {
			t.Errorf("%d groups: %d clients are reported, %v; want %d, %s", c.groups, len(out.All), err, c.reported, want)
		}
	}
}

// TestClientsAreReportedTwiceAMinute polls a member every 15 s.
func TestClientsAreReportedTwiceAMinute(t *testing.T) {
	t.Parallel()
	_, m := fake(t, 1)
	m.topic("orders", 2)
	m.send("orders", 0, 1)
	m.consume("billing", "orders", 1)
	var got []int
	for range 4 {
		lines := m.poll(15 * time.Second)
		got = append(got, len(of(lines, "op=broker", "group=billing", "client=kgo@127.0.0.1", "node=127.0.0.1", "assigned_partitions=2")))
	}
	if want := []int{1, 0, 1, 0}; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %v clients, want %v", got, want)
	}
}
