package rules_test

import (
	"testing"
	"time"

	"github.com/weirmq/weir/rules"
	"github.com/weirmq/weir/telemetry"
)

// TestWhatALimitHoldsBackIsCounted has four topics above a rule's threshold for two panes, and a limit of one.
func TestWhatALimitHoldsBackIsCounted(t *testing.T) {
	parsed, faults := rules.Parse("r.yaml", []byte("groups:\n  - name: g\n    rules:\n      - {alert: Surge, by: [topic], window: 1s, limit: 1, expr: messages > 1}\n"))
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	set, epoch := &rules.Set{Rules: parsed}, time.Unix(1_800_000_000, 0).UTC()
	evaluator := rules.NewEvaluator(set, rules.Config{Pane: time.Second})
	evaluator.ApplyWatermark(telemetry.Watermark{EventTime: epoch, At: epoch, Sources: 1})
	batch := &telemetry.GroupBatch{}
	for _, topic := range []string{"a", "b", "c", "d"} {
		group := telemetry.GroupPartials{Grouping: set.Groupings()[0].ID, Values: []string{topic}}
		for pane := range 2 {
			group.Partials = append(group.Partials, telemetry.GroupPartial{Pane: epoch.Add(time.Duration(pane) * time.Second),
				Totals: telemetry.Totals{Reports: 1, Messages: 5}})
		}
		batch.Groups = append(batch.Groups, group)
	}
	evaluator.Apply(batch)
	advance := func(to time.Duration) rules.RuleHealth {
		evaluator.ApplyWatermark(telemetry.Watermark{EventTime: epoch.Add(to), At: epoch.Add(to), Sources: 1})
		evaluator.Advance()
		return evaluator.Health()[0]
	}
	const want = "the limit of 1 alerts is reached: further groups meet the condition and have none; narrow the rule, or raise limit"
	if got := advance(2 * time.Second); got.Firing != 1 || got.Limited != 3 || got.LastError != want {
		t.Errorf("got %+v, want 1 that fires, 3 held back, and the error %s", got, want)
	}
	if got := evaluator.Stats(); got.LimitedAlerts != 6 || got.EvaluationFailures != 0 {
		t.Errorf("counted %d alerts held back and %d failures, want 6 and none", got.LimitedAlerts, got.EvaluationFailures)
	}
	if got := advance(3 * time.Second); got.Firing != 0 || got.Limited != 0 || got.LastError != "" {
		t.Errorf("once the condition is gone: %+v", got)
	}
}
