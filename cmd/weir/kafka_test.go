package main

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/deploy/kafka"
	"github.com/weirmq/weir/deploy/parts"
	weir "github.com/weirmq/weir/sdk"
)

const largeMessageRule = `groups:
  - name: test
    rules:
      - alert: LargeMessage
        by: [cluster, topic]
        where: op == "send"
        window: 3s
        expr: size_max > 10240
        labels: {severity: info}
        annotations: {summary: '{{ .topic }} carries {{ .size_max | humanize1024 }}B'}
`

// TestApacheKafka runs the whole flow on a real Apache Kafka: what instrumented
// clients sent and consumed is in ClickHouse exactly, and one alert lives its whole
// life through Alertmanager. Two processes share the partitions.
func TestApacheKafka(t *testing.T) {
	t.Parallel()
	jars, err := parts.Kafka()
	if err != nil {
		t.Fatal(err)
	}
	logs := &logBuffer{}
	running, err := kafka.Start(t.Context(), kafka.Config{JarDir: jars, DataDir: filepath.Join(t.TempDir(), "kafka"), LogWriter: logs})
	if err != nil {
		t.Fatalf("%v\n%s", err, logs)
	}
	t.Cleanup(func() { _ = running.Stop(context.Background()) })
	h := newHouse(t, []string{running.Addr()}, largeMessageRule)
	h.startWeir()
	first := h.statusAddr
	h.writeConfig(largeMessageRule)
	h.startWeir()
	if first == h.statusAddr {
		t.Fatal("the second process needs an address of its own")
	}
	client := openClient(t, h.brokers, "orders")
	const sent = 3000
	client.produce(sent-1, 300)
	client.produce(1, 20_000)
	eventually(t, func() bool { firing, _ := h.notified("LargeMessage"); return firing > 0 },
		func() string {
			return fmt.Sprintf("LargeMessage did not fire; the chat heard %+v", h.chat.Notifications())
		})
	client.consume(sent)
	client.close()
	bytes := (sent-1)*300 + 20_000
	want := fmt.Sprintf("consume\t%d\t%d\nsend\t%d\t%d", sent, bytes, sent, bytes)
	h.await("SELECT op, sum(messages), sum(bytes) FROM rollup_10s FINAL WHERE topic = 'orders' AND op IN ('send', 'consume') GROUP BY op ORDER BY op", want)
	eventually(t, func() bool { _, resolved := h.notified("LargeMessage"); return resolved > 0 },
		func() string { return "LargeMessage did not resolve" })
	h.await("SELECT countIf(state = 'firing') > 0, countIf(state = 'resolved') > 0 FROM alerts FINAL WHERE rule = 'LargeMessage'", "1\t1")
}

// instrumented is a client of the business topic with Weir's SDK.
type instrumented struct {
	t         *testing.T
	topic     string
	telemetry *weir.Client
	hooks     *weir.Hooks
	client    *kgo.Client
}

func openClient(t *testing.T, brokers []string, topic string) *instrumented {
	t.Helper()
	telemetry, err := weir.Open(weir.Config{TelemetryBrokers: brokers, Cluster: "test", Env: "test", Group: "billing",
		Client: t.Name(), Tier: "S1", Lane: "stable", Tag: "test"})
	if err != nil {
		t.Fatal(err)
	}
	hooks := telemetry.Hooks()
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.WithHooks(hooks),
		kgo.ConsumeTopics(topic), kgo.ConsumerGroup("billing"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := kadm.NewClient(client).CreateTopic(t.Context(), 2, 1, nil, topic); err != nil {
		t.Fatal(err)
	}
	return &instrumented{t: t, topic: topic, telemetry: telemetry, hooks: hooks, client: client}
}

func (c *instrumented) produce(count, valueBytes int) {
	c.t.Helper()
	records := make([]*kgo.Record, count)
	for i := range records {
		records[i] = &kgo.Record{Topic: c.topic, Value: make([]byte, valueBytes)}
	}
	if err := c.client.ProduceSync(c.t.Context(), records...).FirstErr(); err != nil {
		c.t.Fatal(err)
	}
}

func (c *instrumented) consume(count int) {
	c.t.Helper()
	for seen := 0; seen < count; {
		fetches := c.client.PollFetches(c.t.Context())
		if err := fetches.Err(); err != nil {
			c.t.Fatal(err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			c.hooks.TimeHandler(r).Done(nil)
			seen++
		})
	}
}

func (c *instrumented) close() {
	c.t.Helper()
	c.client.Close()
	if err := c.telemetry.Close(c.t.Context()); err != nil {
		c.t.Fatal(err)
	}
}
