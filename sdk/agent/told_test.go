package agent

import (
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/control"
	"github.com/weirmq/weir/ingest"
	"github.com/weirmq/weir/sdk/internal/reported"
	"github.com/weirmq/weir/sdk/report"
	"github.com/weirmq/weir/telemetry"
)

// reports are all that was reported so far, as the ingest stage takes it.
func (s *shop) reports() []reported.Report {
	s.t.Helper()
	return reported.Read(s.t, s.addrs, func(value []byte, appendedMillis int64) (*telemetry.Report, error) {
		return ingest.NewDecoder(ingest.DefaultLimits()).Decode(value, appendedMillis)
	})
}

// TestWhatAppliesIsTold holds what is reported of a client: the series, its labels, gauges and events, and a send that was withheld.
func TestWhatAppliesIsTold(t *testing.T) {
	t.Parallel()
	s := newShop(t, "orders")
	a := s.open(Config{Enabled: []control.Capability{control.CapabilityPause, control.CapabilityLargeMessages}},
		report.Config{Interval: 100 * time.Millisecond, Env: "production", Cluster: "eu-1", Tier: "S1", Lane: "stable"})
	c := s.consume(a, kgo.ConsumeTopics("orders"), kgo.ConsumerGroup("billing"), kgo.ClientID("billing"))
	name := a.of(c.client).client.Measured().Labels().Client
	elsewhere := command("other-env", "orders", pause)
	elsewhere.Scope.Env = "staging"
	s.put(elsewhere)
	mine := command("pause-orders", "", pause)
	mine.Scope = control.Scope{Env: "production", Cluster: "eu-1", System: "kafka", Topic: "orders", Group: "billing", Tier: "S1", Lane: "stable",
		Client: name}
	s.put(mine)
	s.put(command("sizes", "orders", func(c *control.Command) { c.LargeMessages = &control.LargeMessages{RefuseBytes: 20_000} }))
	s.put(command("slow", "orders", limit(5)))
	s.write(control.CommandKey("broken"), []byte("{}"))
	reported.Eventually(t, "all is read", func() bool { return a.State().Offset == 5 && applies(a, "pause-orders") })
	a.refresh(time.Now()) // as its goroutine does soon: what is read applies to senders from then on
	if err := a.Producer(c.client).ProduceSync(t.Context(), &kgo.Record{Topic: "orders", Value: make([]byte, 30_000)}).FirstErr(); err == nil {
		t.Error("a message that is too large is sent")
	}
	reported.Eventually(t, "all applies", func() bool { return applies(a, "sizes") && len(a.State().Clients[0].Refuses) == 1 })
	s.take("pause-orders")
	reported.Eventually(t, "the pause is over", func() bool { return !applies(a, "pause-orders") })
	if err := a.config.Telemetry.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	all := s.reports()
	of := reported.SumWhere(all, func(r *reported.Report) bool { return r.Labels.Op == "control" })
	for kind, want := range map[telemetry.EventKind]int{telemetry.EventApplied: 2, telemetry.EventReverted: 1, telemetry.EventRefused: 2} {
		reported.Want(t, "events "+kind.String(), uint64(of.EventsByKind[kind]), uint64(want))
	}
	gauges := map[string]float64{}
	for _, r := range all {
		if r.Labels.Op != "control" {
			continue
		}
		if l := r.Labels; l.Topic != "" || l.Group != "billing" || l.Client != name || l.Cluster != "eu-1" || l.System != "kafka" {
			t.Errorf("labels of the series are %+v", l)
		}
		for _, g := range r.Gauges {
			gauges[g.Name] = max(gauges[g.Name], g.Value)
		}
		for _, e := range r.Events {
			if strings.HasPrefix(e.Detail, "pause-orders@1: pause until ") != (e.Kind == telemetry.EventApplied && strings.HasPrefix(e.Detail, "pause-orders")) {
				t.Errorf("event %s says %q", e.Kind, e.Detail)
			}
		}
	}
	for name, want := range map[string]float64{telemetry.GaugeControlOffset: 6, telemetry.GaugeControlRefused: 2, telemetry.GaugeControlTooLarge: 1} {
		if gauges[name] != want {
			t.Errorf("gauge %s was at most %g, want %g", name, gauges[name], want)
		}
	}
	if got := gauges[telemetry.GaugeControlCommands]; got < 1 || got > 2 { // a report says how it stands at its end
		t.Errorf("at most %g commands applied, want 1 or 2", got)
	}
	reported.WantErrors(t, reported.Sum(all, reported.Series{Op: "send", Topic: "orders"}), map[string]uint64{"too_large": 1})
}
