package kafka

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

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

// TestApacheKafka polls a real broker.
func TestApacheKafka(t *testing.T) {
	t.Parallel()
	m := apache(t)
	m.topic("orders", 2)
	m.send("orders", 0, 10)
	m.consume("billing", "orders", 10)
	m.send("orders", 0, 5)
	m.commit("left", "orders", 1, 0)
	lines := m.poll(0)
	m.expect(of(lines, "op=probe"), "op=probe node="+m.addrs[0]+" client=weir-1 heartbeats=1")
	m.expect(of(lines, "op=broker", "topic=orders"),
		"op=broker topic=orders partition=0 in_sync_replicas=1",
		"op=broker topic=orders partition=1 in_sync_replicas=1")
	m.expect(of(lines, "op=group", "group=billing"),
		"op=group group=billing members=1",
		"op=group group=billing topic=orders partition=0 lag_messages=5",
		"op=group group=billing topic=orders lag_median_messages=5")
	m.expect(of(lines, "op=group", "group=left"),
		"op=group group=left members=0",
		"op=group group=left topic=orders partition=1 lag_messages=0",
		"op=group group=left topic=orders lag_median_messages=0")
	before := m.poller.Requests()
	m.poll(10 * time.Second)
	t.Logf("%d requests for a poll", m.poller.Requests()-before)
}
