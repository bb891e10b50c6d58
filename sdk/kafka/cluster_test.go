package kafka

import (
	"context"
	"testing"
	"time"

	"github.com/weirmq/weir/deploy/broker"
	"github.com/weirmq/weir/ingest"
	"github.com/weirmq/weir/sdk/internal/meter"
	"github.com/weirmq/weir/sdk/internal/reported"
	"github.com/weirmq/weir/sdk/report"
	"github.com/weirmq/weir/telemetry"
)

const (
	// nowhere is an address where no broker listens.
	nowhere = "127.0.0.1:1"
	// often is the least interval between reports.
	often = 100 * time.Millisecond
	// seldom is the greatest.
	seldom = time.Minute
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
		reported.CreateTopics(t, m, topics...)
	}
	reported.CreateTopic(t, r)
	return m, r
}

// open opens a Reporter that reports often.
func open(t testing.TB, brokers []string, config report.Config) *report.Reporter {
	t.Helper()
	config.TelemetryBrokers = brokers
	if config.Interval == 0 {
		config.Interval = often
	}
	r, err := report.Open(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeNow(r) })
	return r
}

// openOffline opens a Reporter without a telemetry cluster: nothing is reported while it is asked.
func openOffline(t testing.TB, config report.Config) *report.Reporter {
	t.Helper()
	config.Interval = seldom
	return open(t, []string{nowhere}, config)
}

// closeNow ends a Reporter whose last reports do not matter.
func closeNow(r *report.Reporter) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_ = r.Close(ctx)
}

// mustClose closes a Reporter and holds that nothing was lost.
func mustClose(t testing.TB, r *report.Reporter) {
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

// taken are the reports of what a client's hooks have counted since they were asked last, by op and topic.
func taken(h *Hooks) map[reported.Series]telemetry.Report {
	out := map[reported.Series]telemetry.Report{}
	for m := range h.measured.All {
		var t meter.Taken // of its own: the report shares its memory
		m.Take(&t, h.measured, h.measured.WallMillis())
		out[reported.Series{Op: t.Report.Labels.Op, Topic: t.Report.Labels.Topic}] = t.Report
	}
	return out
}
