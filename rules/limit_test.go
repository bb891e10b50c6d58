package rules_test

import (
	"testing"
	"time"

	"github.com/weirmq/weir/rules"
	"github.com/weirmq/weir/telemetry"
)

// limitEpoch is second 0 of the tests of this file.
var limitEpoch = time.Unix(1_800_000_000, 0).UTC()

// limitedEvaluator evaluates rules of one grouping, to groups of which five messages came in each of two panes of a second.
func limitedEvaluator(t *testing.T, text string, groups ...[]string) *rules.Evaluator {
	t.Helper()
	parsed, faults := rules.Parse("r.yaml", []byte(text))
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	set := &rules.Set{Rules: parsed}
	evaluator := rules.NewEvaluator(set, rules.Config{Pane: time.Second})
	evaluator.ApplyWatermark(telemetry.Watermark{EventTime: limitEpoch, At: limitEpoch, Sources: 1})
	batch := &telemetry.GroupBatch{}
	for _, values := range groups {
		group := telemetry.GroupPartials{Grouping: set.Groupings()[0].ID, Values: values}
		for pane := range 2 {
			group.Partials = append(group.Partials, telemetry.GroupPartial{Pane: limitEpoch.Add(time.Duration(pane) * time.Second),
				Totals: telemetry.Totals{Reports: 1, Messages: 5}})
		}
		batch.Groups = append(batch.Groups, group)
	}
	evaluator.Apply(batch)
	return evaluator
}

// advance evaluates up to some time after the epoch, and returns the health of the one rule that there is.
func advance(t *testing.T, evaluator *rules.Evaluator, to time.Duration) rules.RuleHealth {
	t.Helper()
	evaluator.ApplyWatermark(telemetry.Watermark{EventTime: limitEpoch.Add(to), At: limitEpoch.Add(to), Sources: 1})
	evaluator.Advance()
	health := evaluator.Health()
	if len(health) != 1 {
		t.Fatalf("got the health of %d rules, want one: %+v", len(health), health)
	}
	return health[0]
}

// TestWhatALimitHoldsBackIsCounted has four topics above a rule's threshold for two panes, and a limit of one.
func TestWhatALimitHoldsBackIsCounted(t *testing.T) {
	evaluator := limitedEvaluator(t, "groups:\n  - name: g\n    rules:\n      - {alert: Surge, by: [topic], window: 1s, limit: 1, expr: messages > 1}\n",
		[]string{"a"}, []string{"b"}, []string{"c"}, []string{"d"})
	const want = "the limit of 1 alerts is reached: further groups meet the condition and have none; narrow the rule, or raise limit"
	if got := advance(t, evaluator, 2*time.Second); got.Firing != 1 || got.Limited != 3 || got.LastError != want {
		t.Errorf("got %+v, want 1 that fires, 3 held back, and the error %s", got, want)
	}
	if got := evaluator.Stats(); got.LimitedAlerts != 6 || got.EvaluationFailures != 0 {
		t.Errorf("counted %d alerts held back and %d failures, want 6 and none", got.LimitedAlerts, got.EvaluationFailures)
	}
	if got := advance(t, evaluator, 3*time.Second); got.Firing != 0 || got.Limited != 0 || got.LastError != "" {
		t.Errorf("once the condition is gone: %+v", got)
	}
}

// TestTheTiersOfARuleShareItsHealthAndLimit has two groups of S1 and two of others: of both variants two may fire together.
func TestTheTiersOfARuleShareItsHealthAndLimit(t *testing.T) {
	evaluator := limitedEvaluator(t, "groups:\n  - name: g\n    rules:\n"+
		"      - {alert: Surge, by: [topic, tier], window: 1s, limit: 2, expr: messages > 2, by_tier: {S1: {expr: messages > 1}}}\n",
		[]string{"a", "S1"}, []string{"b", "S1"}, []string{"c", "S2"}, []string{"d", ""})
	got := advance(t, evaluator, 2*time.Second)
	if got.Groups != 4 || got.Firing != 2 || got.Limited != 2 || got.LastError == "" {
		t.Errorf("got %+v, want 4 groups, 2 alerts that fire, 2 held back, and a word about it", got)
	}
	if got := evaluator.Stats(); got.Evaluations != 8 {
		t.Errorf("counted %d evaluations, want one of each of 4 groups in 2 panes", got.Evaluations)
	}
}
