package rules

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weirmq/weir/telemetry"
)

func TestFiresEarly(t *testing.T) {
	const absence = "it may be true because input is missing"
	for text, want := range map[string]string{
		"tps > 10": "", "10 <= messages": "", `errors >= 10 and tier == "S1"`: "", "latency_max > 800ms or size_max > 10KiB": "",
		`clients > 3 and topic != "x"`: "", "tps * 2 + 5 > 10": "",
		"p99 > 800ms":                     "p99 > 0.8 may become false while more comes in",
		"tps > 10 and error_rate > 1%":    "error_rate > 0.01 may become false while more comes in",
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
	if diff := cmp.Diff(want, got); diff != "" {
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
