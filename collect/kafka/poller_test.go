package kafka

import (
	"slices"
	"testing"
	"time"

	"github.com/weirmq/weir/telemetry"
)

// TestAPoll says all that is reported of a small cluster.
func TestAPoll(t *testing.T) {
	t.Parallel()
	_, m := fake(t, 2)
	m.topic("orders", 2)
	m.send("orders", 0, 10)
	m.send("orders", 1, 4)
	m.commit("billing", "orders", 0, 3)
	m.commit("billing", "orders", 1, 4)
	first := without(m.poll(0), "lag_seconds")
	m.expect(of(first, "op=broker", "brokers_alive=2"),
		"op=broker brokers_alive=2 nodes_alive=2 active_controllers=1 under_replicated_partitions=0 leaderless_partitions=0 preferred_leader_misses=0 under_min_isr_partitions=0")
	m.expect(of(first, "op=broker", "topic=orders"),
		"op=broker topic=orders tier=S1 min_in_sync_replicas=1 retention_seconds=6.048e+05 max_message_bytes=1.049e+06 compacted=0",
		"op=broker topic=orders partition=0 tier=S1 in_sync_replicas=1",
		"op=broker topic=orders partition=1 tier=S1 in_sync_replicas=1")
	nodes := of(first, "op=broker", "preferred_leader_misses=0", "node="+m.addrs[0])
	nodes = append(nodes, of(first, "op=broker", "preferred_leader_misses=0", "node="+m.addrs[1])...)
	leaders, partitions := m.values(nodes, telemetry.GaugeLeaders), m.values(nodes, telemetry.GaugePartitions)
	if len(leaders) != 2 || !slices.Equal(leaders, partitions) || leaders[0]+leaders[1] != 2 {
		t.Errorf("got %v, want two leaders of two partitions among them", nodes)
	}
	m.expect(of(first, "op=group"),
		"op=group group=billing tier=S2 members=0 rebalancing_groups=0",
		"op=group group=billing topic=orders partition=0 tier=S2 lag_messages=7 retention_left_seconds=6.048e+05",
		"op=group group=billing topic=orders partition=1 tier=S2 lag_messages=0 retention_left_seconds=6.048e+05", // how long a commit stands is not known of the other yet
		"op=group group=billing topic=orders tier=S2 lag_median_messages=3.5")
	for _, addr := range m.addrs {
		m.expect(without(of(first, "op=probe", "node="+addr), "heartbeat_peers_p50_seconds"),
			"op=probe node="+addr+" client=weir-1 heartbeat_failures_in_a_row=0 heartbeats=1")
	}
	m.send("orders", 0, 20)
	second := m.poll(10 * time.Second)
	m.expect(of(second, "op=broker", "topic=orders", "partition=1"),
		"op=broker topic=orders partition=1 tier=S1 in_sync_replicas=1 partition_messages_per_second=0")
}

// TestAgesComeWithPolls sees a message come between two polls, wait, and be read, and looks at none.
func TestAgesComeWithPolls(t *testing.T) {
	t.Parallel()
	_, m := fake(t, 1)
	m.poller.config.OffsetsOnly = true
	m.topic("orders", 1)
	m.send("orders", 0, 5)
	m.commit("billing", "orders", 0, 5)
	m.poll(0)
	m.send("orders", 0, 1)
	m.poll(10 * time.Second)
	m.expectAge(m.poll(50*time.Second), 52, 58) // it came in the middle of the ten seconds, as far as one knows; polls take a while themselves
	m.commit("billing", "orders", 0, 6)
	m.expectAge(m.poll(10*time.Second), 0, 0)
}

// TestWhatRetentionTookIsLostAndNotUnread commits below the start of the log, and past its end.
func TestWhatRetentionTookIsLostAndNotUnread(t *testing.T) {
	t.Parallel()
	_, m := fake(t, 1)
	m.topic("orders", 1)
	m.topic("short", 1)
	m.send("orders", 0, 10)
	m.send("short", 0, 3)
	m.commit("billing", "orders", 0, 2)
	m.commit("billing", "short", 0, 99)
	m.deleteBefore("orders", 0, 6)
	m.poll(0)
	lines := without(m.poll(10*time.Second), "stalled_partitions", "stopped_partitions", "rewound_partitions", "growing_partitions", "retention_left_seconds", "lag_seconds")
	m.expect(of(lines, "op=group", "topic=orders", "partition=0"), "op=group group=billing topic=orders partition=0 tier=S2 lag_messages=4")
	m.expect(of(lines, "op=group", "topic=short"))
}

// TestADeadBrokerHoldsUpNobody removes one of three: its partitions have no heartbeat any more, and the rest is known.
func TestADeadBrokerHoldsUpNobody(t *testing.T) {
	t.Parallel()
	running, m := fake(t, 3)
	m.topic("orders", 3)
	m.poll(0)
	gone := m.addrs[2]
	if err := running.RemoveNode(2); err != nil {
		t.Fatal(err)
	}
	lines := m.poll(10 * time.Second)
	m.expect(of(lines, "op=broker", "brokers_alive=2", "nodes_alive=2"),
		"op=broker brokers_alive=2 nodes_alive=2 active_controllers=1 under_replicated_partitions=0 leaderless_partitions=0 preferred_leader_misses=0 under_min_isr_partitions=0")
	m.expect(of(lines, "op=probe", "node="+gone)) // it is no replica of any partition: it has left
}

// TestStatesComeAsSoonAsTheirSpacing has a member that commits nothing more, polled by two that judge commits 2 s and 30 s apart.
func TestStatesComeAsSoonAsTheirSpacing(t *testing.T) {
	t.Parallel()
	_, m := fake(t, 1)
	config := m.poller.config
	config.StateSpacing = 2 * time.Second
	soon, err := Open(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(soon.Close)
	m.topic("orders", 1)
	m.send("orders", 0, 1)
	m.consume("billing", "orders", 1)
	m.send("orders", 0, 3)
	late := m.poller
	stalled := func(p *Poller) []float64 {
		m.poller = p
		return m.values(of(m.poll(0), "group=billing", "partition=0"), telemetry.GaugeStalled)
	}
	const between = 2500 * time.Millisecond // not the spacing itself: polls do not all take equally long
	for range 9 {
		m.now = m.now.Add(between)
		if got := append(stalled(soon), stalled(late)...); len(got) > 0 {
			t.Fatalf("it is stalled (%v) before ten commits were seen", got)
		}
	}
	m.now = m.now.Add(between)
	if got := stalled(soon); !slices.Equal(got, []float64{1}) {
		t.Errorf("after ten commits stalled is %v, want 1", got)
	}
	if got := stalled(late); len(got) > 0 {
		t.Errorf("where commits are judged 30 s apart stalled is %v after as long, want unknown", got)
	}
}
