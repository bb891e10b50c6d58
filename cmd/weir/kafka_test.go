package main

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/deploy/child"
	"github.com/weirmq/weir/deploy/kafka"
	"github.com/weirmq/weir/deploy/parts"
	"github.com/weirmq/weir/pipeline"
	sdkkafka "github.com/weirmq/weir/sdk/kafka"
	"github.com/weirmq/weir/sdk/report"
)

// earlyMoments are when a process joins its groups. On the embedded broker a member
// that dies while it joins keeps its partitions, so these are Kafka's alone.
var earlyMoments = []moment{
	{"as soon as it runs", func(*house, *process) bool { return true }},
	{"when it is ready", func(_ *house, p *process) bool { return p.status().Ready }},
	{"when some reports are read", func(_ *house, p *process) bool { return p.stage(pipeline.RoleAggregate).Records > 0 }},
}

// TestApacheKafka runs the whole flow on a real Apache Kafka: what instrumented
// clients sent and consumed is in ClickHouse exactly, and one alert lives its whole
// life through Alertmanager. Processes are killed while they join their groups; then
// two share the partitions, and one is stopped in mid-flow. In the end a collector tells
// of what else there is.
func TestApacheKafka(t *testing.T) {
	t.Parallel()
	jars, err := parts.Kafka()
	if err != nil {
		t.Fatal(err)
	}
	logs := &child.Output{}
	running, err := kafka.Start(t.Context(), kafka.Config{JarDir: jars, DataDir: filepath.Join(t.TempDir(), "kafka"), LogWriter: logs})
	if err != nil {
		t.Fatalf("%v\n%s", err, logs)
	}
	t.Cleanup(func() { _ = running.Stop(context.Background()) })
	h := fullHouse(t, []string{running.Addr()}, largeMessageRule)
	h.ownedBy(inventoryPolicy)
	client := openClient(t, h.brokers, "orders")
	config, addr := h.writeConfig()
	sent := h.killed(client, config, addr, earlyMoments)
	first, second := h.startWeir(), h.startWeir()
	awaitPartitions(t, pipeline.RoleAggregate, housePartitions, first, second)
	large := 0
	eventually(t, func() bool {
		client.produce(1, largeBytes)
		large++
		firing, _ := h.notified("LargeMessage", "orders")
		return firing > 0
	}, func() string { return "LargeMessage did not fire" + h.state() })
	client.produce(sent, smallBytes)
	first.stopInOrder()
	client.consume(2*sent + large)
	client.close()
	messages, bytes := 2*sent+large, 2*sent*smallBytes+large*largeBytes
	want := fmt.Sprintf("consume\t%d\t%d\nsend\t%d\t%d", messages, bytes, messages, bytes)
	h.await("SELECT op, sum(messages), sum(bytes) FROM rollup_10s FINAL WHERE topic = 'orders' AND op IN ('send', 'consume') GROUP BY op ORDER BY op", want)
	h.await(completeStore, "0\t0")
	h.awaitResolved("LargeMessage", "orders")
	h.await("SELECT countIf(state = 'firing') > 0, countIf(state = 'resolved') > 0 FROM alerts FINAL WHERE rule = 'LargeMessage'", "1\t1")
	h.expectInventory(client)
	second.stopInOrder()
}

// instrumented is a client of the business topic with Weir's SDK.
type instrumented struct {
	t         *testing.T
	topic     string
	telemetry *report.Reporter
	hooks     *sdkkafka.Hooks
	client    *kgo.Client
}

func openClient(t *testing.T, brokers []string, topic string) *instrumented {
	t.Helper()
	return openClientOf(t, brokers, brokers, topic)
}

// openClientOf is openClient where telemetry has brokers of its own.
func openClientOf(t *testing.T, telemetryBrokers, brokers []string, topic string) *instrumented {
	t.Helper()
	telemetry, err := report.Open(report.Config{TelemetryBrokers: telemetryBrokers, Cluster: "test", Env: "test", Group: "billing",
		Client: t.Name(), Tier: "S1", Lane: "stable", Tag: "test"})
	if err != nil {
		t.Fatal(err)
	}
	hooks := sdkkafka.NewHooks(telemetry)
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.WithHooks(hooks), kgo.UnknownTopicRetries(-1), // a broker that starts knows no topic yet
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

// flow produces small messages until stopped, which returns how many were acknowledged.
func (c *instrumented) flow() (stop func() (messages int)) {
	c.t.Helper()
	ended, sent := make(chan struct{}), make(chan int, 1)
	go func() {
		ticker := time.NewTicker(reportPause)
		defer ticker.Stop()
		messages := 0
		for {
			select {
			case <-ended:
				sent <- messages
				return
			case <-ticker.C:
			}
			for range flowMessages {
				record := &kgo.Record{Topic: c.topic, Value: make([]byte, smallBytes)}
				if err := c.client.ProduceSync(context.WithoutCancel(c.t.Context()), record).FirstErr(); err != nil {
					c.t.Errorf("send a message: %v", err)
					continue
				}
				messages++
			}
		}
	}()
	return sync.OnceValue(func() int { close(ended); return <-sent })
}

// flowMessages are sent one after the other in each pause of a flow.
const flowMessages = 20

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
