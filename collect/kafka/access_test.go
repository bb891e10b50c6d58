package kafka

import (
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/sasl/plain"

	"github.com/weirmq/weir/collect"
)

// allow is a permission of the collector.
func allow(resource kmsg.ACLResourceType, name string, operation kmsg.ACLOperation) kfake.ACL {
	return kfake.ACL{Resource: resource, Name: name, Pattern: kmsg.ACLResourcePatternTypeLiteral, Operation: operation, Allow: true}
}

// leastPrivilege is the list of docs/collect.md.
var leastPrivilege = []kfake.ACL{
	allow(kmsg.ACLResourceTypeTopic, "*", kmsg.ACLOperationDescribe),
	allow(kmsg.ACLResourceTypeTopic, "*", kmsg.ACLOperationDescribeConfigs),
	allow(kmsg.ACLResourceTypeGroup, "*", kmsg.ACLOperationDescribe),
	allow(kmsg.ACLResourceTypeCluster, "kafka-cluster", kmsg.ACLOperationDescribe),
}

// guarded starts a cluster that asks who polls it, and what they may.
func guarded(t *testing.T, acls ...kfake.ACL) *measured {
	t.Helper()
	running, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.EnableSASL(), kfake.EnableACLs(),
		kfake.Superuser("PLAIN", "admin", "secret"), kfake.User("PLAIN", "weir", "secret", acls...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(running.Close)
	as := func(user string) kgo.Opt { return kgo.SASL(plain.Auth{User: user, Pass: "secret"}.AsMechanism()) }
	m := measure(t, running.ListenAddrs(), as("admin"))
	poller, err := Open(Config{Identity: collect.Identity{Cluster: "eu", Env: "prod", Collector: "weir-1"}, Options: []kgo.Opt{kgo.SeedBrokers(m.addrs...), as("weir")}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(poller.Close)
	m.poller = poller
	m.topic("orders", 1)
	m.send("orders", 0, 3)
	m.commit("billing", "orders", 0, 1)
	return m
}

// TestLeastPrivilege polls with nothing but what docs/collect.md lists: all is found out.
func TestLeastPrivilege(t *testing.T) {
	t.Parallel()
	m := guarded(t, leastPrivilege...)
	lines := m.poll(0)
	m.expect(of(lines, "op=broker", "brokers_alive=1"),
		"op=broker brokers_alive=1 nodes_alive=1 active_controllers=1 under_replicated_partitions=0 leaderless_partitions=0 preferred_leader_misses=0 under_min_isr_partitions=0")
	m.expect(of(lines, "op=group"), "op=group group=billing members=0 rebalancing_groups=0",
		"op=group group=billing topic=orders partition=0 lag_messages=2", "op=group group=billing topic=orders lag_median_messages=2")
}

// TestWhatMayNotBeSeenIsLeftOut takes permissions away: what they are for is unknown, and not 0, and the error says what was refused.
func TestWhatMayNotBeSeenIsLeftOut(t *testing.T) {
	t.Parallel()
	m := guarded(t, leastPrivilege[0], leastPrivilege[2])
	lines, err := m.pollWith(0)
	if err == nil || !strings.Contains(err.Error(), "poll cluster eu: ask for the configurations of topics: orders: TOPIC_AUTHORIZATION_FAILED") {
		t.Errorf("got %v", err)
	}
	m.expect(of(lines, "op=broker", "brokers_alive=1"),
		"op=broker brokers_alive=1 nodes_alive=1 active_controllers=1 under_replicated_partitions=0 leaderless_partitions=0 preferred_leader_misses=0")
	m.expect(of(lines, "topic=orders", "op=broker"), "op=broker topic=orders partition=0 in_sync_replicas=1")

	m = guarded(t, leastPrivilege[2])
	lines, _ = m.pollWith(0)
	m.expect(of(lines, "topic=orders"))
	m = guarded(t, leastPrivilege[:2]...)
	lines, _ = m.pollWith(0)
	m.expect(of(lines, "op=group"))
}

// TestPartOfAnAnswer fails one request: what it is for is left out, and the rest is there.
func TestPartOfAnAnswer(t *testing.T) {
	t.Parallel()
	running, m := fake(t, 1)
	m.topic("orders", 1)
	m.send("orders", 0, 3)
	m.commit("billing", "orders", 0, 1)
	m.poll(0)
	refuse := func(key int16, answer func(kmsg.Request) kmsg.Response) {
		running.ControlKey(key, func(r kmsg.Request) (kmsg.Response, error, bool) { return answer(r), nil, true })
	}
	refuse(int16(kmsg.ListGroups), func(r kmsg.Request) kmsg.Response {
		out := r.ResponseKind().(*kmsg.ListGroupsResponse)
		out.ErrorCode = 31 // CLUSTER_AUTHORIZATION_FAILED
		return out
	})
	lines, err := m.pollWith(1)
	if err == nil || !strings.Contains(err.Error(), "did not tell of its groups: CLUSTER_AUTHORIZATION_FAILED") {
		t.Errorf("got %v", err)
	}
	m.expect(of(lines, "op=group"))
	if len(of(lines, "op=probe")) != 1 || len(of(lines, "topic=orders", "partition=0")) != 1 {
		t.Errorf("the rest is not there: %v", lines)
	}
	refuse(int16(kmsg.ListOffsets), func(r kmsg.Request) kmsg.Response { return r.ResponseKind() })
	lines = m.poll(1) // the start of no partition is said
	m.expect(of(lines, "op=group"), "op=group group=billing tier=S2 members=0 rebalancing_groups=0")
}
