package kafka

import (
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/sdk/internal/reported"
	"github.com/weirmq/weir/sdk/report"
	"github.com/weirmq/weir/telemetry"
)

// TestStartedAndStopped holds that the first report of each topic says that its client
// started and the last one that it stopped.
func TestStartedAndStopped(t *testing.T) {
	measured, reports := startClusters(t, "orders", "payments")
	c := open(t, reports, report.Config{})
	client := reported.Dial(t, measured, kgo.WithHooks(NewHooks(c)))
	for range 3 {
		before := c.Stats().Acknowledged
		sendWave(t, client, []string{"orders", "payments"}, 5)
		reported.Eventually(t, "both topics are reported", func() bool { return c.Stats().Acknowledged >= before+2 })
	}
	client.Close()
	mustClose(t, c)
	all := readReports(t, reports)
	for _, topic := range []string{"orders", "payments"} {
		own := slices.DeleteFunc(slices.Clone(all), func(r reported.Report) bool { return r.Labels.Topic != topic })
		if len(own) < 3 {
			t.Fatalf("%s: %d reports: want several", topic, len(own))
		}
		first, last := own[0], own[len(own)-1]
		if !hasEvent(&first, telemetry.EventStarted) || !hasEvent(&last, telemetry.EventStopped) {
			t.Errorf("%s: the first report says %v and the last %v: want started and stopped", topic, first.Events, last.Events)
		}
		if got := reported.Sum(own, reported.Series{}).EventsByKind; got[telemetry.EventStarted] != 1 || got[telemetry.EventStopped] != 1 {
			t.Errorf("%s: got events %v: want started and stopped once", topic, got)
		}
	}
}

func hasEvent(r *reported.Report, kind telemetry.EventKind) bool {
	return slices.ContainsFunc(r.Events, func(e telemetry.Event) bool { return e.Kind == kind })
}

// TestPausedAndResumed pauses a consumer without messages. It is reported all the same.
func TestPausedAndResumed(t *testing.T) {
	measured, reports := startClusters(t, "orders")
	c := open(t, reports, report.Config{})
	h := NewHooks(c)
	client := reported.Dial(t, measured, kgo.WithHooks(h), kgo.ConsumeTopics("orders"))
	acknowledgedAfter := func(what string, change func(...string), topics ...string) {
		before := c.Stats().Acknowledged
		change(topics...)
		reported.Eventually(t, what, func() bool { return c.Stats().Acknowledged > before })
	}
	acknowledgedAfter("the start is reported", func(...string) {})
	acknowledgedAfter("the pause is reported", func(topics ...string) { client.PauseFetchTopics(topics...) }, "orders")
	acknowledgedAfter("the end of the pause is reported", client.ResumeFetchTopics, "orders")
	client.Close()
	mustClose(t, c)

	var kinds []telemetry.EventKind
	paused, since := false, int64(0)
	for _, r := range readReports(t, reports) {
		for _, e := range r.Events {
			kinds = append(kinds, e.Kind)
			paused = e.Kind == telemetry.EventPaused || paused && e.Kind != telemetry.EventResumed
			if e.Kind == telemetry.EventPaused {
				since = e.TimeUnixMillis
			}
		}
		if !paused && len(r.Gauges) > 0 || paused && len(r.Gauges) != 2 {
			t.Fatalf("after events %v the gauges are %v", kinds, r.Gauges)
		}
		if !paused {
			continue
		}
		now := r.StartUnixMillis + int64(r.LengthMillis)
		want := []telemetry.Gauge{{Name: "paused", Value: 1}, {Name: "paused_seconds", Value: float64(now-since) / 1000}}
		if !slices.Equal(r.Gauges, want) {
			t.Errorf("after events %v the gauges are %v: want %v", kinds, r.Gauges, want)
		}
	}
	if want := []telemetry.EventKind{telemetry.EventStarted, telemetry.EventPaused, telemetry.EventResumed, telemetry.EventStopped}; !slices.Equal(kinds, want) {
		t.Errorf("got events %v, want %v", kinds, want)
	}
}

// duringNew calls hooks' look while kgo.NewClient is at work, as a report may.
type duringNew struct{ hooks *Hooks }

func (d duringNew) OnNewClient(*kgo.Client) { d.hooks.look(1000) }

// TestReportWhileAClientIsMade holds that a client is not asked before it can answer.
func TestReportWhileAClientIsMade(t *testing.T) {
	c := openOffline(t, report.Config{})
	h := NewHooks(c)
	reported.Dial(t, []string{nowhere}, kgo.WithHooks(h, duringNew{h}), kgo.ConsumeTopics("orders"))
	if len(taken(h)) > 0 {
		t.Error("the client was asked for its topics while it was made")
	}
}
