package report

import (
	"context"
	"testing"

	"github.com/weirmq/weir/deploy/broker"
	"github.com/weirmq/weir/ingest"
	"github.com/weirmq/weir/sdk/internal/meter"
	"github.com/weirmq/weir/sdk/internal/reported"
	"github.com/weirmq/weir/telemetry"
)

// nowhere is an address where no broker listens.
const nowhere = "127.0.0.1:1"

// startCluster runs a cluster for telemetry until the test ends.
func startCluster(t testing.TB) []string {
	t.Helper()
	b, err := broker.Start(broker.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	reported.CreateTopic(t, b.Addrs())
	return b.Addrs()
}

// open opens a Reporter that reports often.
func open(t testing.TB, brokers []string, config Config) *Reporter {
	t.Helper()
	config.TelemetryBrokers = brokers
	if config.Interval == 0 {
		config.Interval = minInterval
	}
	r, err := Open(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeNow(r) })
	return r
}

// openOffline opens a Reporter without a telemetry cluster: nothing is reported while it is asked.
func openOffline(t testing.TB, config Config) *Reporter {
	t.Helper()
	config.Interval = maxInterval
	return open(t, []string{nowhere}, config)
}

// closeNow ends a Reporter whose last reports do not matter.
func closeNow(r *Reporter) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_ = r.Close(ctx)
}

// mustClose closes a Reporter and holds that nothing was lost.
func mustClose(t testing.TB, r *Reporter) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), reported.Patience)
	defer cancel()
	if err := r.Close(ctx); err != nil {
		t.Fatal(err)
	}
	if stats := r.Stats(); stats.Dropped != 0 || stats.Waiting != 0 {
		t.Fatalf("closed with %+v: want nothing dropped and nothing waiting", stats)
	}
}

func readReports(t testing.TB, addrs []string) []reported.Report {
	t.Helper()
	return reported.Read(t, addrs, func(value []byte, appendedMillis int64) (*telemetry.Report, error) {
		return ingest.NewDecoder(ingest.DefaultLimits()).Decode(value, appendedMillis) // each has a report of its own
	})
}

// measure makes a client that the Reporter measures.
func measure(r *Reporter) *meter.Client {
	c := r.Registry().NewClient(meter.Identity{System: "kafka", Library: "franz-go"}, nil)
	c.Started("till", "")
	return c
}

// send has a client send one message to each topic.
func send(c *meter.Client, topics ...string) {
	const key = meter.KeyBytes
	for _, topic := range topics {
		c.Begin(key)
		c.Sent(key, &meter.Message{Topic: topic, Offset: -1})
	}
}
