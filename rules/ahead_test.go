package rules

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weirmq/weir/telemetry"
)

// expectTold compares what is told ahead.
func (b *beginner) expectTold(want ...string) []telemetry.Alert {
	b.t.Helper()
	var got []string
	told := b.TellAhead()
	for _, alert := range told {
		got = append(got, fmt.Sprintf("%s of %g from %s until %s, seq %d, transition %v", alert.State, alert.Values["messages"], alert.FiredAt.Sub(b.start),
			alert.ExpiresAt.Sub(b.start), alert.Seq, alert.Transition))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		b.t.Errorf("-want +got:\n%s", diff)
	}
	return told
}

func TestTellAhead(t *testing.T) {
	b := begin(t, parseRule(t, "messages > 100", ", labels: {team: sre}, annotations: {summary: '{{ .messages }}'}"))
	b.comes(0, 12)
	b.put(10, 60)
	b.expectTold()
	b.put(10, 60)
	b.expect(b.FireEarly())
	before := b.Progress()
	told := b.expectTold("firing of 120 from 20s until 1m20s, seq 0, transition false")[0]
	b.put(10, 7)
	b.expectTold()
	if len(b.Alerts()) > 0 || !cmp.Equal(before, b.Progress()) {
		t.Errorf("what is told ahead is a state: %+v", b.Alerts())
	}
	b.comes(10, 15)
	b.expect(b.Advance())
	b.expectTold()
	fired := b.FireEarly()
	b.expect(fired, "20s firing of 127, completeness 0, transition true")
	told.ExpiresAt = time.Time{}
	if diff := cmp.Diff([]string{told.ID, told.Labels["team"], "120"}, []string{fired[0].ID, fired[0].Labels["team"], told.Annotations["summary"]}); diff != "" || !told.FiredAt.Equal(fired[0].FiredAt) {
		t.Errorf("told ahead, then begun: %s", diff)
	}
	b.put(10, 500)
	b.expectTold()
	if len(b.told) > 0 {
		t.Errorf("the alert has begun, and %v is still noted", b.told)
	}
}

// TestWhatIsToldAheadMayBeginEarlier has what comes late make the pane before true.
func TestWhatIsToldAheadMayBeginEarlier(t *testing.T) {
	b := begin(t, parseRule(t, "messages > 100", ""))
	b.comes(0, 12)
	b.put(10, 120)
	b.expectTold("firing of 120 from 20s until 1m20s, seq 0, transition false")
	b.put(0, 500)
	b.expect(b.FireEarly(), "10s firing of 500, completeness 0, transition true")
	b.expectTold()
}

// TestTheFirstPaneIsToldAhead has several open: told is of the first for which it is true, and once.
func TestTheFirstPaneIsToldAhead(t *testing.T) {
	b := begin(t, parseRule(t, "messages > 100", ""))
	b.comes(0, 22)
	b.put(10, 60)
	b.put(20, 60)
	b.expectTold("firing of 120 from 30s until 1m30s, seq 0, transition false")
	b.put(10, 60)
	b.expectTold()
	b.comes(30, 31)
	b.expect(b.Advance(), "20s firing of 120, completeness 1, transition true")
	if len(b.told) > 0 {
		t.Errorf("the pane is evaluated, and %v is still noted", b.told)
	}
}

// TestOfALivingAlertNothingIsToldAhead holds that people are told ahead of what they do not know yet.
func TestOfALivingAlertNothingIsToldAhead(t *testing.T) {
	b := begin(t, parseRule(t, "messages > 100", ", keep_firing_for: 10s"))
	b.put(0, 120)
	b.expect(b.FireEarly(), "10s firing of 120, completeness 0, transition true")
	b.comes(0, 12)
	b.put(10, 120)
	b.expectTold()
	b.comes(10, 42)
	b.Advance()
	b.comes(40, 42)
	b.put(60, 1)
	b.Advance()
	b.comes(50, 65)
	b.expect(b.Advance(), "50s resolved of 0, completeness 1, transition true")
	b.put(60, 120)
	b.expectTold("firing of 121 from 1m10s until 2m10s, seq 2, transition false") // that it resolved is behind it
}

// TestNotToldAhead are rules whose alerts do not begin as they are told.
func TestNotToldAhead(t *testing.T) {
	for text, rule := range map[string]string{"for": "for: 10s", "limit": "limit: 3", "two severities": "crit: messages > 500, warn: messages > 100"} {
		expression := "expr: messages > 100, "
		if text == "two severities" {
			expression = ""
		}
		parsed, faults := Parse("rules.yaml", fmt.Appendf(nil, "groups:\n  - name: g\n    rules:\n      - {alert: A, by: [topic, tier], window: 20s, %s%s}\n", expression, rule))
		if len(faults) > 0 {
			t.Fatal(text, faults)
		}
		b := begin(t, parsed...)
		b.comes(0, 12)
		b.put(10, 700)
		if told := b.TellAhead(); len(told) > 0 {
			t.Errorf("%s: got %+v", text, told)
		}
	}
}

// TestPanesThatAreToldAheadOf holds which panes are asked for, by the aggregator's clock.
func TestPanesThatAreToldAheadOf(t *testing.T) {
	b := begin(t, parseRule(t, "messages > 100", ""))
	b.comes(0, 9)
	b.put(10, 120) // a client's clock is ahead
	b.expectTold()
	b.comes(0, 10)
	b.expectTold("firing of 120 from 20s until 1m20s, seq 0, transition false")
	b = begin(t, parseRule(t, "messages > 100", ""))
	b.comes(0, 52)
	b.put(10, 120) // of a time that is over for as long as a source is waited for: read again, of an outage
	b.put(40, 1)
	b.expectTold()
	b.put(40, 120)
	b.expectTold("firing of 121 from 50s until 1m50s, seq 0, transition false")
}

// TestANewOwnerTellsAgain holds that what is told ahead outlives neither a crash nor a reload: it is told again.
func TestANewOwnerTellsAgain(t *testing.T) {
	rule := parseRule(t, "messages > 100", "")
	b := begin(t, rule)
	b.comes(0, 12)
	b.put(10, 120)
	const told = "firing of 120 from 20s until 1m20s, seq 0, transition false"
	b.expectTold(told)
	again := begin(t, rule)
	again.Restore(b.Alerts(), b.Progress())
	again.comes(0, 12)
	again.put(10, 120)
	again.expectTold(told)
	again.Swap(&Set{Rules: []*Rule{rule}})
	again.expectTold()
	again.put(10, 1)
	again.expectTold("firing of 121 from 20s until 1m20s, seq 0, transition false")
	again.Swap(&Set{Rules: []*Rule{parseRule(t, "messages > 1000", "")}})
	again.put(10, 1)
	again.expectTold()
	again.comes(40, 41)
	again.expect(again.Advance())
}
