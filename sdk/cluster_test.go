package weir

import (
	"context"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/deploy/broker"
	"github.com/weirmq/weir/ingest"
	"github.com/weirmq/weir/telemetry"
)

const (
	// telemetryPartitions are several, so that keys matter.
	telemetryPartitions = 4
	// patience is how long a test waits for what must come.
	patience = 20 * time.Second
)

// startBroker runs a cluster of one broker until the test ends.
func startBroker(t testing.TB, addr string) *broker.Broker {
	t.Helper()
	b, err := broker.Start(broker.Config{Addr: addr})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}

// startClusters runs a cluster to measure, with topics of 3 partitions, and one for telemetry.
func startClusters(t testing.TB, topics ...string) (measured, reports []string) {
	t.Helper()
	m, r := startBroker(t, "").Addrs(), startBroker(t, "").Addrs()
	if len(topics) > 0 {
		createTopics(t, m, 3, topics...)
	}
	createTopics(t, r, telemetryPartitions, telemetry.TopicTelemetry)
	return m, r
}

func createTopics(t testing.TB, addrs []string, partitions int32, topics ...string) {
	t.Helper()
	appendTime := "LogAppendTime"
	config := map[string]*string{"message.timestamp.type": &appendTime}
	if topics[0] != telemetry.TopicTelemetry {
		config = nil
	}
	answers, err := kadm.NewClient(dial(t, addrs)).CreateTopics(t.Context(), partitions, 1, config, topics...)
	if err == nil {
		err = answers.Error()
	}
	if err != nil {
		t.Fatalf("create %v: %v", topics, err)
	}
}

// dial opens a franz-go client that is closed when the test ends, unless before.
func dial(t testing.TB, addrs []string, options ...kgo.Opt) *kgo.Client {
	t.Helper()
	c, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(addrs...)}, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// open opens a Client that reports often.
func open(t testing.TB, brokers []string, config Config) *Client {
	t.Helper()
	config.TelemetryBrokers = brokers
	if config.Interval == 0 {
		config.Interval = minInterval
	}
	c, err := Open(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeNow(c) })
	return c
}

// closeNow ends a Client whose last reports do not matter.
func closeNow(c *Client) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_ = c.Close(ctx)
}

// mustClose closes a Client and holds that nothing was lost.
func mustClose(t testing.TB, c *Client) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := c.Close(ctx); err != nil {
		t.Fatal(err)
	}
	if stats := c.Stats(); stats.Dropped != 0 || stats.Waiting != 0 {
		t.Fatalf("closed with %+v: want nothing dropped and nothing waiting", stats)
	}
}

// eventually waits for a condition.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		if time.Now().After(deadline) {
			t.Fatalf("waited %s in vain: %s", patience, what)
		}
		<-tick.C
	}
}

// received is a report as the ingest stage gets it.
type received struct {
	telemetry.Report
	Key       string
	Partition int32
	Offset    int64
}

// readReports reads weir.telemetry to its end. Each record must be a report that the
// ingest stage takes. Those of one partition are in order.
func readReports(t testing.TB, addrs []string) []received {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c := dial(t, addrs, kgo.ConsumeTopics(telemetry.TopicTelemetry), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchMaxWait(50*time.Millisecond))
	defer c.Close()
	ends, err := kadm.NewClient(c).ListEndOffsets(ctx, telemetry.TopicTelemetry)
	if err != nil {
		t.Fatal(err)
	}
	var left int64
	ends.Each(func(end kadm.ListedOffset) { left += end.Offset })
	var out []received
	for left > 0 {
		fetches := c.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			t.Fatalf("read reports: %v", err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			left--
			out = append(out, decode(t, r))
		})
	}
	return out
}

func decode(t testing.TB, r *kgo.Record) received {
	t.Helper()
	report, err := ingest.NewDecoder(ingest.DefaultLimits()).Decode(r.Value, r.Timestamp.UnixMilli())
	if err != nil {
		t.Fatalf("partition %d offset %d: the ingest stage refuses the report: %v", r.Partition, r.Offset, err)
	}
	return received{*report, string(r.Key), r.Partition, r.Offset}
}
