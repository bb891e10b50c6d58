package rules

import (
	"testing"
	"time"

	"github.com/weirmq/weir/telemetry"
)

// TestAlertsTellOfTheirRules: each transition is of the rules that made it, whatever was swapped in between, and an alert that is
// restored keeps what it had.
func TestAlertsTellOfTheirRules(t *testing.T) {
	t.Parallel()
	set := func(expr, revision string) *Set {
		parsed, faults := Parse("rules.yaml", []byte("groups: [{name: g, rules: [{alert: Surge, by: [topic], window: 10s, expr: "+expr+"}]}]\n"))
		if len(faults) > 0 {
			t.Fatal(faults)
		}
		out := NewSet(parsed, nil)
		out.Revision = revision
		return out
	}
	before := set("tps > 10", "before")
	begin := time.Date(2026, 11, 26, 8, 0, 0, 0, time.UTC)
	e := NewEvaluator(before, Config{Pane: 10 * time.Second, AheadExpiry: time.Minute})
	at := begin
	pane := func(messages uint64) []telemetry.Alert {
		e.Apply(&telemetry.GroupBatch{Groups: []telemetry.GroupPartials{{Grouping: before.Groupings()[0].ID, Values: []string{"orders"},
			Partials: []telemetry.GroupPartial{{Pane: at, Totals: telemetry.Totals{Reports: 1, Messages: messages}}}}}})
		at = at.Add(10 * time.Second)
		e.ApplyWatermark(telemetry.Watermark{EventTime: at, At: at, Sources: 1})
		return e.Advance()
	}
	e.ApplyWatermark(telemetry.Watermark{EventTime: begin, At: begin, Sources: 1})
	e.Advance()
	if got := pane(1000); len(got) != 1 || got[0].State != telemetry.AlertFiring || got[0].Revision != "before" {
		t.Fatalf("it fires as %+v", got)
	}
	e.Swap(set("tps > 20", "after"))
	for range 3 {
		for _, refreshed := range pane(1000) {
			if refreshed.Transition || refreshed.Revision != "before" {
				t.Errorf("its values are told of as %+v", refreshed)
			}
		}
	}
	restored := NewEvaluator(set("tps > 20", "later"), Config{Pane: 10 * time.Second})
	restored.Restore(e.Alerts(), e.Progress())
	if got := restored.Alerts(); len(got) != 1 || got[0].Revision != "before" {
		t.Errorf("it is restored as %+v", got)
	}
	if got := pane(1); len(got) != 1 || got[0].State != telemetry.AlertResolved || got[0].Revision != "after" {
		t.Errorf("it resolves as %+v", got)
	}
}
