package kafka

import (
	"context"
	"errors"
	"math"
	"path/filepath"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/weirmq/weir/deploy/kafka"
	"github.com/weirmq/weir/deploy/parts"
	"github.com/weirmq/weir/telemetry"
)

// apache starts Apache Kafka.
func apache(t *testing.T) (*measured, *kafka.Server) {
	t.Helper()
	jars, err := parts.Kafka()
	if err != nil {
		t.Fatal(err)
	}
	running, err := kafka.Start(t.Context(), kafka.Config{JarDir: jars, DataDir: filepath.Join(t.TempDir(), "kafka")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = running.Stop(context.Background()) })
	return measure(t, []string{running.Addr()}), running
}

// consume joins a group and commits what it reads, until so many messages were read; the member stays.
func (m *measured) consume(group, topic string, messages int) {
	m.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(m.addrs...), kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic), kgo.DisableAutoCommit())
	if err != nil {
		m.Fatal(err)
	}
	m.Cleanup(client.Close)
	ctx, cancel := context.WithTimeout(m.Context(), patience)
	defer cancel()
	for read := 0; read < messages; {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err0(); err != nil {
			m.Fatal(err)
		}
		read += fetches.NumRecords()
	}
	if err := client.CommitUncommittedOffsets(ctx); err != nil {
		m.Fatal(err)
	}
}

// joinNext is a member of a group of type consumer (KIP-848), which commits an offset. It never leaves.
func (m *measured) joinNext(group, topic string, offset int64) {
	m.Helper()
	heartbeat := kmsg.NewPtrConsumerGroupHeartbeatRequest()
	heartbeat.Group, heartbeat.MemberID, heartbeat.RebalanceTimeoutMillis = group, "member-one-of-the-group", 60_000
	heartbeat.SubscribedTopicNames, heartbeat.Topics = []string{topic}, []kmsg.ConsumerGroupHeartbeatRequestTopic{}
	var epoch int32
	for assigned := false; !assigned; {
		answer, err := heartbeat.RequestWith(m.Context(), m.client)
		if err == nil {
			err = kerr.ErrorForCode(answer.ErrorCode)
		}
		if errors.Is(err, kerr.CoordinatorNotAvailable) || errors.Is(err, kerr.CoordinatorLoadInProgress) {
			continue
		}
		if err != nil {
			m.Fatal(err)
		}
		epoch, assigned = answer.MemberEpoch, answer.Assignment != nil && len(answer.Assignment.Topics) > 0
		heartbeat.MemberEpoch, heartbeat.SubscribedTopicNames, heartbeat.RebalanceTimeoutMillis, heartbeat.Topics = epoch, nil, -1, nil
	}
	request := kmsg.NewPtrOffsetCommitRequest()
	request.Group, request.MemberID, request.Generation = group, heartbeat.MemberID, epoch
	t, p := kmsg.NewOffsetCommitRequestTopic(), kmsg.NewOffsetCommitRequestTopicPartition()
	p.Offset = offset
	t.Topic, t.Partitions = topic, []kmsg.OffsetCommitRequestTopicPartition{p}
	request.Topics = []kmsg.OffsetCommitRequestTopic{t}
	answer, err := request.RequestWith(m.Context(), m.client)
	if err == nil {
		err = kerr.ErrorForCode(answer.Topics[0].Partitions[0].ErrorCode)
	}
	if err != nil {
		m.Fatal(err)
	}
}

// expectDisk wants a disk whose parts fit together.
func (m *measured) expectDisk(lines []string) {
	m.Helper()
	size, free, used := m.values(lines, telemetry.GaugeDiskSize), m.values(lines, telemetry.GaugeDiskFree), m.values(lines, telemetry.GaugeDiskUsed)
	if len(size) != 1 || len(free) != 1 || len(used) != 1 || free[0] <= 0 || math.Abs(used[0]-(1-free[0]/size[0])) > 0.01 {
		m.Errorf("got disks %v", lines)
	}
}

// quota sets how much of a thread's time the collector may take of the broker, or takes the limit away.
func (m *measured) quota(percent float64, remove bool) {
	m.Helper()
	quota := kmsg.NewPtrAlterClientQuotasRequest()
	entry, name := kmsg.NewAlterClientQuotasRequestEntry(), "weir-collect"
	entry.Entity = []kmsg.AlterClientQuotasRequestEntryEntity{{Type: "client-id", Name: &name}}
	entry.Ops = []kmsg.AlterClientQuotasRequestEntryOp{{Key: "request_percentage", Value: percent, Remove: remove}}
	quota.Entries = []kmsg.AlterClientQuotasRequestEntry{entry}
	answer, err := quota.RequestWith(m.Context(), m.client)
	if err == nil {
		err = kerr.ErrorForCode(answer.Entries[0].ErrorCode)
	}
	if err != nil {
		m.Fatal(err)
	}
}

// expectThrottled gives the collector a quota that it exceeds, and wants that to be reported.
func (m *measured) expectThrottled() {
	m.Helper()
	m.quota(0.1, false)
	defer m.quota(0, true)
	deadline := time.Now().Add(patience)
	for {
		lines, _ := m.pollWith(10 * time.Second)
		if waits := m.values(of(lines, "op=broker", "node="+m.addrs[0]), telemetry.GaugeThrottle); len(waits) == 1 && waits[0] > 0 {
			return
		}
		if time.Now().After(deadline) {
			m.Fatalf("the collector is over its quota, and nobody says so: %v", lines)
		}
	}
}

// TestApacheKafka polls a real broker.
func TestApacheKafka(t *testing.T) {
	t.Parallel()
	m, running := apache(t)
	for _, test := range []struct {
		name string
		run  func(*testing.T, *measured)
	}{
		{"what is reported", testWhatApacheKafkaSays}, {"lag is that of Kafka's tool", testLagIsThatOfKafkasTool},
		{"messages", testMessagesOfApacheKafka},
		{"canaries, until it is killed", func(_ *testing.T, m *measured) { canariesOfApacheKafka(m, running.Child) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			of := *m
			of.T = t
			test.run(t, &of)
		})
	}
}

// testWhatApacheKafkaSays has groups of two protocols, one that left, one of no commits, and a topic that takes no writes.
func testWhatApacheKafkaSays(t *testing.T, m *measured) {
	m.topic("orders", 2)
	m.topic("audit", 1)
	two, policy, forever, most := "2", "compact,delete", "-1", "2000"
	if _, err := m.admin.CreateTopic(m.Context(), 1, 1, map[string]*string{"min.insync.replicas": &two, "cleanup.policy": &policy,
		"retention.ms": &forever, "max.message.bytes": &most}, "refused"); err != nil {
		t.Fatal(err)
	}
	m.send("orders", 0, 10)
	m.send("audit", 0, 4)
	m.consume("billing", "orders", 10)
	m.joinNext("next", "audit", 1)
	m.send("orders", 0, 5)
	m.commit("left", "orders", 1, 0)
	lines := m.poll(0)
	probe := without(of(lines, "op=probe"), "heartbeat_peers_p50_seconds")
	m.expect(probe, "op=probe node="+m.addrs[0]+" client=weir-1 heartbeat_failures_in_a_row=0 heartbeats=1")
	m.expect(of(lines, "op=broker", "brokers_alive=1"),
		"op=broker brokers_alive=1 nodes_alive=1 active_controllers=1 under_replicated_partitions=0 leaderless_partitions=0 preferred_leader_misses=0 under_min_isr_partitions=1")
	m.expect(of(lines, "op=broker", "topic=orders"),
		"op=broker topic=orders tier=S1 min_in_sync_replicas=1 retention_seconds=6.048e+05 max_message_bytes=1.049e+06 compacted=0",
		"op=broker topic=orders partition=0 tier=S1 in_sync_replicas=1",
		"op=broker topic=orders partition=1 tier=S1 in_sync_replicas=1")
	m.expect(of(lines, "op=broker", "topic=refused"), "op=broker topic=refused tier=S2 min_in_sync_replicas=2 max_message_bytes=2000 compacted=1",
		"op=broker topic=refused partition=0 tier=S2 in_sync_replicas=1")
	m.expectDisk(of(lines, "op=broker", "node="+m.addrs[0]))
	groups := without(lines, "commit_age_seconds", "drain_seconds", "lag_seconds", "retention_left_seconds", "stalled_partitions", "stopped_partitions", "rewound_partitions", "growing_partitions")
	m.expect(of(groups, "op=group", "group=billing"),
		"op=group group=billing tier=S2 members=1 rebalancing_groups=0",
		"op=group group=billing topic=orders partition=0 tier=S2 lag_messages=5",
		"op=group group=billing topic=orders partition=1 tier=S2 lag_messages=0", // never committed, and empty
		"op=group group=billing topic=orders tier=S2 lag_median_messages=2.5")
	m.expect(of(groups, "op=group", "group=next"),
		"op=group group=next members=1 rebalancing_groups=0",
		"op=group group=next topic=audit partition=0 lag_messages=3",
		"op=group group=next topic=audit lag_median_messages=3")
	m.expect(of(groups, "op=group", "group=left"),
		"op=group group=left members=0 rebalancing_groups=0",
		"op=group group=left topic=orders partition=1 lag_messages=0",
		"op=group group=left topic=orders lag_median_messages=0")
	before := m.poller.Requests()
	m.poll(10 * time.Second)
	// Metadata; ApiVersions, three ListOffsets, ListGroups, DescribeGroups, ConsumerGroupDescribe, OffsetFetch, DescribeLogDirs; ApiVersions and DescribeQuorum.
	if got := m.poller.Requests() - before; got != 12 {
		t.Errorf("a poll takes %d requests, want 12", got)
	}
	m.expectThrottled()
}
