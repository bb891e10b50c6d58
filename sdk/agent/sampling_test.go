package agent_test

import (
	"context"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/control"
	"github.com/weirmq/weir/deploy/broker"
	"github.com/weirmq/weir/ingest"
	"github.com/weirmq/weir/sdk/agent"
	"github.com/weirmq/weir/sdk/internal/reported"
	"github.com/weirmq/weir/sdk/kafka"
	"github.com/weirmq/weir/sdk/report"
	"github.com/weirmq/weir/telemetry"
)

// write writes a command's record, or a tombstone.
func write(t *testing.T, to *kgo.Client, c control.Command, over bool) {
	t.Helper()
	now := time.Now().UTC()
	c.Schema, c.Revision, c.Author, c.Reason, c.CreatedAt, c.ExpiresAt, c.Percent = control.Schema, 1, "li@example.com", "looking closely", now, now.Add(time.Hour), 100
	value, err := c.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if over {
		value = nil
	}
	if err := to.ProduceSync(t.Context(), &kgo.Record{Topic: control.Topic, Key: []byte(c.Key()), Value: value}).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

// applying says whether so many commands apply to the agent's one client.
func applying(a *agent.Agent, count int) func() bool {
	return func() bool {
		clients := a.State().Clients
		return len(clients) == 1 && len(clients[0].Applies) == count
	}
}

// TestSamplingAndIntervalChangeWhileAServiceRuns holds that commands have other messages told of and reports made more often, of a topic and
// a client that were there before, that it is what a program lets be changed unless it says otherwise, and that all is as configured when
// they are taken away.
func TestSamplingAndIntervalChangeWhileAServiceRuns(t *testing.T) {
	t.Parallel()
	b, err := broker.Start(broker.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	reported.CreateTopic(t, b.Addrs())
	reported.CreateTopics(t, b.Addrs(), "orders", "returns")
	reported.CreateCompacted(t, b.Addrs(), control.Topic)
	reporter, err := report.Open(report.Config{TelemetryBrokers: b.Addrs(), Interval: time.Minute, SampleOneIn: -1, SlowAfter: -1})
	if err != nil {
		t.Fatal(err)
	}
	a, err := agent.Open(t.Context(), agent.Config{Telemetry: reporter, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Close(context.Background()) })
	client := reported.Dial(t, b.Addrs(), kgo.WithHooks(kafka.NewHooks(reporter)))
	if err := a.Bind(client); err != nil {
		t.Fatal(err)
	}
	send := func(count int) {
		for range count {
			for _, topic := range []string{"orders", "returns"} {
				if err := client.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Value: []byte("one")}).FirstErr(); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	send(5)
	sample := control.Command{Name: "sample-orders", Scope: control.Scope{Topic: "orders"}, Sampling: &control.Sampling{OneIn: 1}}
	often := control.Command{Name: "often", Everywhere: true, ReportInterval: &control.ReportInterval{Seconds: 0.1}}
	write(t, client, sample, false)
	write(t, client, often, false)
	reported.Eventually(t, "both apply", applying(a, 2))
	send(7)
	sampled := func(topic string) (count int) {
		all := reported.Read(t, b.Addrs(), func(value []byte, appendedMillis int64) (*telemetry.Report, error) {
			return ingest.NewDecoder(ingest.DefaultLimits()).Decode(value, appendedMillis)
		})
		told := slices.Clone(reported.Sum(all, reported.Series{Op: "send", Topic: topic}).Exemplars)
		for _, e := range told {
			if e.Kept == telemetry.KeptSampled {
				count++
				if e.SampledOf != 1 {
					t.Errorf("a message is sampled one of %d, want 1", e.SampledOf)
				}
			}
		}
		return count
	}
	reported.Eventually(t, "messages are told of within the shorter interval", func() bool { return sampled("orders") == 7 })
	write(t, client, sample, true)
	write(t, client, often, true)
	reported.Eventually(t, "nothing applies", applying(a, 0))
	send(3)
	if got := reporter.Registry().Interval(time.Minute); got != time.Minute {
		t.Errorf("reports are made every %s, want as configured", got)
	}
	client.Close()
	if err := reporter.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if orders, returns := sampled("orders"), sampled("returns"); orders != 7 || returns != 0 {
		t.Errorf("%d messages of orders and %d of returns are told of, want 7 and 0", orders, returns)
	}
}
