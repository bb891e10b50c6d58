package rules

import (
	"cmp"
	"fmt"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/weirmq/weir/telemetry"
)

func TestFiresEarly(t *testing.T) {
	const absence = "it may be true because input is missing"
	for text, want := range map[string]string{
		"tps > 10": "", "10 <= messages": "", `errors >= 10 and tier == "S1"`: "", "latency_max > 800ms or size_max > 10KiB": "",
		`clients > 3 and topic != "x"`: "", "tps * 2 + 5 > 10": "",
		"p99 > 800ms":                     "p99 > 800ms may become false while more comes in",
		"tps > 10 and error_rate > 1%":    "error_rate > 1% may become false while more comes in",
		"size_p99 > 1MiB":                 "size_p99 > 1MiB may become false while more comes in",
		"lag > 10":                        "lag > 10 may become false while more comes in",
		"tps * -1 > -10":                  absence,
		"tps < 10":                        absence,
		"tps > 10 and tps > 2 * prev.tps": absence,
		"not (tps > 10)":                  absence,
	} {
		rule := parseRule(t, text, "")
		if early, why := rule.FiresEarly(); why != want || early != (want == "") {
			t.Errorf("%s: got %v, %q, want %q", text, early, why, want)
		}
	}
	parsed, faults := Parse("r.yaml", []byte(`groups: [{name: g, rules: [{alert: A, by: [sdk_version], expr: errors > 3 and sdk_version < "1.18.0"}]}]`))
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	if early, why := parsed[0].FiresEarly(); !early {
		t.Errorf("a version, which is of the group, keeps a rule from firing early: %s", why)
	}
	if early, why := parseRule(t, "tps > 10", ", limit: 3").FiresEarly(); early || !strings.HasPrefix(why, "it has a limit") {
		t.Errorf("with a limit: got %v, %q", early, why)
	}
}

func parseRule(t *testing.T, expression, further string) *Rule {
	t.Helper()
	parsed, faults := Parse("rules.yaml", fmt.Appendf(nil, "groups:\n  - name: g\n    rules:\n      - {alert: A, by: [topic, tier], window: 20s, expr: '%s'%s}\n", expression, further))
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	return parsed[0]
}

// beginner is an evaluator that has heard one watermark of its one source.
type beginner struct {
	*Evaluator
	t        *testing.T
	start    time.Time
	segments uint64
}

func begin(t *testing.T, rules ...*Rule) *beginner {
	b := &beginner{Evaluator: NewEvaluator(&Set{Rules: rules}, Config{Pane: fleetPane, AheadExpiry: time.Minute}), t: t, start: time.Unix(1_800_000_000, 0).UTC()}
	b.comes(0, 0)
	return b
}

// comes has the source come to a time while the aggregator's clock shows another, in seconds.
func (b *beginner) comes(to, clock int) {
	b.ApplyWatermark(telemetry.Watermark{Source: fleetSource, EventTime: b.start.Add(time.Duration(to) * time.Second),
		At: b.start.Add(time.Duration(clock) * time.Second), Sources: 1})
}

// put has messages come for the pane at a second, in a segment of their own.
func (b *beginner) put(at int, messages uint64) {
	b.segments++
	grouping := b.set.Groupings()[0]
	b.Apply(&telemetry.GroupBatch{Source: fleetSource, Segment: telemetry.Segment{Block: b.segments}, Groups: []telemetry.GroupPartials{{Grouping: grouping.ID,
		Omitted: grouping.Omit, Values: []string{"orders", "S1"}, Partials: []telemetry.GroupPartial{{Pane: b.start.Add(time.Duration(at) * time.Second),
			Totals: telemetry.Totals{Reports: 1, Messages: messages}}}}}})
}

// expect compares what changed.
func (b *beginner) expect(changed []telemetry.Alert, want ...string) {
	b.t.Helper()
	var got []string
	for _, alert := range changed {
		got = append(got, fmt.Sprintf("%s %s of %g, completeness %g, transition %v", alert.EvaluatedAt.Sub(b.start), alert.State, alert.Values["messages"],
			alert.Completeness, alert.Transition))
	}
	if diff := gocmp.Diff(want, got); diff != "" {
		b.t.Errorf("-want +got:\n%s", diff)
	}
}

func TestFireEarly(t *testing.T) {
	b := begin(t, parseRule(t, "messages > 100", ""))
	b.put(0, 60)
	b.expect(b.FireEarly())
	b.put(0, 60)
	b.expect(b.FireEarly(), "10s firing of 120, completeness 0, transition true")
	b.put(0, 7)
	b.expect(b.FireEarly())
	b.comes(10, 11)
	b.expect(b.Advance(), "10s firing of 127, completeness 1, transition false") // what all of the window holds
	b.comes(20, 21)
	b.expect(b.Advance())
	b.comes(30, 31)
	b.expect(b.Advance(), "30s resolved of 0, completeness 1, transition true")
}

// TestLaterPanesWaitForTheirTurn holds that what came for a later pane fires once the one before is evaluated.
func TestLaterPanesWaitForTheirTurn(t *testing.T) {
	b := begin(t, parseRule(t, "messages > 100", ", for: 10s"))
	b.comes(0, 12)
	b.put(10, 500)
	b.expect(b.FireEarly())
	b.expect(b.FireEarly())
	b.comes(10, 15)
	b.expect(b.Advance())
	b.expect(b.FireEarly(), "20s pending of 500, completeness 0, transition true")
	b.comes(20, 25)
	b.expect(b.Advance(), "20s pending of 500, completeness 1, transition false")
	b.put(20, 1)
	b.expect(b.FireEarly(), "30s firing of 501, completeness 0, transition true")
}

// TestFastClocksFireNothingEarly holds that a pane which has not begun by the aggregator's clock is not asked for.
func TestFastClocksFireNothingEarly(t *testing.T) {
	b := begin(t, parseRule(t, "messages > 100", ""))
	b.comes(30, 5) // a client's clock is ahead
	b.Advance()
	b.put(30, 500)
	b.expect(b.FireEarly())
	b.comes(30, 29)
	b.expect(b.FireEarly())
	b.comes(30, 30)
	b.expect(b.FireEarly(), "40s firing of 500, completeness 0, transition true")
}

// TestEarlyOutlivesACrash holds that an alert that fired early, before a crash, goes on as it would have.
func TestEarlyOutlivesACrash(t *testing.T) {
	rule := parseRule(t, "messages > 100", "")
	b := begin(t, rule)
	b.put(0, 120)
	fired := b.FireEarly()
	again := begin(t, rule)
	again.Restore(fired, b.Progress())
	again.put(0, 120)
	again.expect(again.FireEarly())
	again.comes(10, 11)
	again.expect(again.Advance())
	again.comes(20, 21)
	again.expect(again.Advance())
	again.comes(30, 31)
	again.expect(again.Advance(), "30s resolved of 0, completeness 1, transition true")
}

func TestCriticalEarly(t *testing.T) {
	for _, c := range []struct {
		conditions string
		want       bool
	}{
		{"warn: 'p99 > 800ms', crit: 'errors >= 10'", true},
		{"expr: 'clients > 1', warn: 'tps < 5', crit: 'errors >= 10'", true},
		{"expr: 'p99 > 1ms', warn: 'errors >= 1', crit: 'errors >= 10'", false},
		{"warn: 'errors >= 1', crit: 'error_rate > 5%'", false},
		{"warn: 'errors >= 1', crit: 'errors >= 10', limit: 3", false},
		{"crit: 'errors >= 10'", false}, // that is the rule's only one
	} {
		if got := parseConditions(t, c.conditions).CriticalEarly(); got != c.want {
			t.Errorf("%s: got %v, want %v", c.conditions, got, c.want)
		}
	}
}

func parseConditions(t *testing.T, conditions string) *Rule {
	t.Helper()
	parsed, faults := Parse("rules.yaml", fmt.Appendf(nil, "groups:\n  - name: g\n    rules:\n      - {alert: A, by: [topic, tier], window: 20s, %s}\n", conditions))
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	return parsed[0]
}

// expectSeverities compares what changed, by severity.
func (b *beginner) expectSeverities(changed []telemetry.Alert, want ...string) {
	b.t.Helper()
	var got []string
	for _, alert := range changed {
		if alert.Transition {
			got = append(got, fmt.Sprintf("%s %s %s, was %s, seq %d", alert.EvaluatedAt.Sub(b.start), alert.Labels["severity"], alert.State, cmp.Or(alert.FormerLabels["severity"], "none"), alert.Seq))
		}
	}
	if diff := gocmp.Diff(want, got); diff != "" {
		b.t.Errorf("-want +got:\n%s", diff)
	}
}

// TestEscalateEarly holds that an alert which fires becomes critical before its pane is over, and in the same pane as it began.
func TestEscalateEarly(t *testing.T) {
	b := begin(t, parseConditions(t, "warn: 'messages > 100', crit: 'messages > 1000'"))
	b.put(0, 120)
	b.expectSeverities(b.FireEarly(), "10s warning firing, was none, seq 1")
	b.put(0, 1000)
	b.expectSeverities(b.FireEarly(), "10s critical firing, was warning, seq 2")
	b.put(0, 1000)
	b.expectSeverities(b.FireEarly())
	b.comes(10, 11)
	b.expectSeverities(b.Advance())
	b.comes(30, 31)
	b.expectSeverities(b.Advance(), "30s critical resolved, was warning, seq 3")
}

// TestEscalateEarlyAfterFor holds that critical comes early once its condition held for long enough, and not before.
func TestEscalateEarlyAfterFor(t *testing.T) {
	rule := parseConditions(t, "for: 20s, warn: 'p99 > 0s or messages > 100', crit: 'messages > 1000'")
	b := begin(t, rule)
	for pane := range 3 {
		b.put(10*pane, 500)
		b.FireEarly()
		b.comes(10*pane+10, 10*pane+11)
		b.Advance()
	}
	for pane := 3; pane < 5; pane++ {
		b.put(10*pane, 2000)
		b.expect(b.FireEarly())
		b.comes(10*pane+10, 10*pane+11)
		if changed := b.Advance(); len(changed) != 4-pane { // since when critical holds, and no more
			t.Errorf("%d records at the end of pane %d", len(changed), pane)
		}
	}
	b.put(50, 1)
	again := begin(t, rule)
	again.Restore(b.Alerts(), b.Progress())
	for _, e := range []*beginner{b, again} {
		e.comes(50, 51)
		e.put(40, 2000)
		e.put(50, 2000)
		e.expectSeverities(e.FireEarly(), "1m0s critical firing, was warning, seq 3")
		e.comes(60, 61)
		e.expectSeverities(e.Advance())
	}
}

// TestOnlyCriticalIsEarly holds that a condition for critical is asked early where the other may be taken back.
func TestOnlyCriticalIsEarly(t *testing.T) {
	b := begin(t, parseConditions(t, "warn: 'messages < 5 and messages > 0', crit: 'messages > 1000'"))
	b.put(0, 1)
	b.expectSeverities(b.FireEarly())
	b.put(0, 2000)
	b.expectSeverities(b.FireEarly(), "10s critical firing, was none, seq 1")
	b.comes(10, 11)
	b.expectSeverities(b.Advance())
}

// TestTheOtherConditionIsNotEarly holds that what is found true of a rule that is asked early for critical only is that.
func TestTheOtherConditionIsNotEarly(t *testing.T) {
	rule := parseConditions(t, "warn: 'tps_median > 1', crit: 'messages > 100 and topic matches tier'") // no kernel has the latter
	if !rule.CriticalEarly() {
		t.Fatal("critical is not asked early")
	}
	b := begin(t, rule)
	b.put(0, 500)
	b.expect(b.FireEarly())
	b.comes(10, 11)
	b.expectSeverities(b.Advance(), "10s warning firing, was none, seq 1")
}
