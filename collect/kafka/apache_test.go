package kafka

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/weirmq/weir/deploy/kafka"
	"github.com/weirmq/weir/deploy/parts"
)

// apache starts Apache Kafka.
func apache(t *testing.T) *measured {
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
	return measure(t, []string{running.Addr()})
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

// TestApacheKafka polls a real broker.
func TestApacheKafka(t *testing.T) {
	t.Parallel()
	m := apache(t)
	for _, test := range []struct {
		name string
		run  func(*testing.T, *measured)
	}{
		{"what is reported", testWhatApacheKafkaSays}, {"lag is that of Kafka's tool", testLagIsThatOfKafkasTool},
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
	two := "2"
	if _, err := m.admin.CreateTopic(m.Context(), 1, 1, map[string]*string{"min.insync.replicas": &two}, "refused"); err != nil {
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
		"op=broker brokers_alive=1 nodes_alive=1 active_controllers=1 under_replicated_partitions=0 leaderless_partitions=0 under_min_isr_partitions=1")
	m.expect(of(lines, "op=broker", "topic=orders"),
		"op=broker topic=orders partition=0 tier=S1 in_sync_replicas=1",
		"op=broker topic=orders partition=1 tier=S1 in_sync_replicas=1")
	if disks := of(lines, "op=broker", "node="+m.addrs[0]); len(disks) != 1 || !strings.Contains(disks[0], " disk_used_ratio=0.") {
		t.Errorf("got disks %v", disks)
	}
	groups := without(lines, "lag_seconds", "retention_left_seconds", "stalled_partitions", "stopped_partitions", "rewound_partitions", "growing_partitions")
	m.expect(of(groups, "op=group", "group=billing"),
		"op=group group=billing tier=S2 members=1",
		"op=group group=billing topic=orders partition=0 tier=S2 lag_messages=5",
		"op=group group=billing topic=orders partition=1 tier=S2 lag_messages=0", // never committed, and empty
		"op=group group=billing topic=orders tier=S2 lag_median_messages=2.5")
	m.expect(of(groups, "op=group", "group=next"),
		"op=group group=next members=1",
		"op=group group=next topic=audit partition=0 lag_messages=3",
		"op=group group=next topic=audit lag_median_messages=3")
	m.expect(of(groups, "op=group", "group=left"),
		"op=group group=left members=0",
		"op=group group=left topic=orders partition=1 lag_messages=0",
		"op=group group=left topic=orders lag_median_messages=0")
	before := m.poller.Requests()
	m.poll(10 * time.Second)
	// Metadata; ApiVersions, three ListOffsets, ListGroups, DescribeGroups, ConsumerGroupDescribe, OffsetFetch, DescribeLogDirs; DescribeQuorum.
	if got := m.poller.Requests() - before; got != 11 {
		t.Errorf("a poll takes %d requests, want 11", got)
	}
}
