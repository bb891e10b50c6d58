package capture_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weirmq/weir/rules"
	"github.com/weirmq/weir/rules/capture"
	"github.com/weirmq/weir/telemetry"
)

// loaded are the rules of a folder with one file, and perhaps a policy.
func loaded(t *testing.T, files ...string) *rules.Set {
	t.Helper()
	dir := t.TempDir()
	for i := 0; i < len(files); i += 2 {
		if err := os.WriteFile(filepath.Join(dir, files[i]), []byte(files[i+1]), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	set, err := rules.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

const clientRules = `groups:
  - name: other
    rules:
      - {alert: Other, expr: tps > 1}
  - name: g
    defaults: {by: [topic], window: 20s}
    rules:
      - alert: Few # who is left
        expr: clients < policy.inventory[topic].nodes
        for: 10s
      - {alert: Another, by: [topic], expr: tps > 1}
`

// TestATestOfWhatFiresEndsWithTheStore: it is evaluated each second, and what it was made of is stored later.
func TestATestOfWhatFiresEndsWithTheStore(t *testing.T) {
	set := loaded(t, "rules.yaml", clientRules, "policy.yaml", "inventory:\n  clusters:\n    orders: {nodes: 3}\n")
	begin := time.Date(2026, 11, 26, 8, 0, 0, 0, time.UTC)
	at := func(seconds int) time.Time { return begin.Add(time.Duration(seconds) * time.Second) }
	alert := telemetry.Alert{Rule: "Few", GroupKey: telemetry.GroupKey(set.ByName("Few").Grouping.ID, []string{"orders"}), ActiveAt: at(60), FiredAt: at(70), EvaluatedAt: at(300)}
	resolved := alert
	resolved.ResolvedAt = at(300)
	for name, c := range map[string]struct {
		alert *telemetry.Alert
		end   int
		holds bool
		to    time.Time
	}{
		"all is stored":                  {&alert, 400, true, at(300)},
		"it has fired by then":           {&alert, 70, true, at(70)},
		"it had not fired yet":           {&alert, 69, false, at(300)},
		"it is over, and that is not in": {&resolved, 290, false, at(300)},
	} {
		t.Run(name, func(t *testing.T) {
			made, err := capture.New(set, c.alert, 10*time.Second)
			if err != nil {
				t.Fatal(err)
			}
			if holds := made.EndAt(at(c.end)); holds != c.holds || !made.To.Equal(c.to) {
				t.Errorf("got %v and the end %s, want %v and %s", holds, made.To, c.holds, c.to)
			}
		})
	}
}

// TestTextOfACapture holds what is written: the rule and the policy, clients that reported alike in one line, and what the alert did.
func TestTextOfACapture(t *testing.T) {
	set := loaded(t, "rules.yaml", clientRules, "policy.yaml", "inventory:\n  clusters:\n    orders: {nodes: 3}\n")
	begin := time.Date(2026, 11, 26, 8, 0, 0, 0, time.UTC)
	rule := set.ByName("Few")
	alert := &telemetry.Alert{ID: "00c0ffee00c0ffee", Rule: "Few", Labels: map[string]string{"alertname": "Few", "topic": "orders"}, GroupKey: telemetry.GroupKey(rule.Grouping.ID, []string{"orders"}),
		State: telemetry.AlertFiring, ActiveAt: begin.Add(60 * time.Second), FiredAt: begin.Add(70 * time.Second), EvaluatedAt: begin.Add(80 * time.Second),
		Explanation: &telemetry.Explanation{Parts: []telemetry.ExplainedPart{{Text: "clients < 3", Value: true}}}}
	c, err := capture.New(set, alert, 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	if want := begin; !c.From.Equal(want) || !c.To.Equal(alert.EvaluatedAt) || c.Labels["topic"] != "orders" {
		t.Errorf("it needs %s to %s of %v, want from %s", c.From, c.To, c.Labels, want)
	}
	c.Begun = begin
	cells := &telemetry.StoredCells{}
	for i, client := range []string{"a-9", "a-10", "a-11", "b", "c 1", "a-007"} {
		cells.Labels = append(cells.Labels, &telemetry.Labels{Topic: "orders", Client: client})
		for pane := range 8 {
			if i > 1 && pane > 3 {
				break
			}
			cells.Cells = append(cells.Cells, telemetry.StoredCell{PaneUnix: begin.Unix() + int64(10*pane), Series: uint32(i), Totals: telemetry.Totals{Reports: 1, Messages: 7, Bytes: 70}})
		}
	}
	cells.Labels = append(cells.Labels, &telemetry.Labels{Topic: "bills", Client: "z"})
	cells.Cells = append(cells.Cells, telemetry.StoredCell{PaneUnix: begin.Unix(), Series: 6, Totals: telemetry.Totals{Reports: 1, Messages: 7}})
	c.Take(cells)
	text, failures, err := c.Text()
	if err != nil || len(failures) > 0 {
		t.Errorf("got %v, %v", failures, err)
	}
	const want = `# Few{topic=orders}, 00c0ffee00c0ffee. 0s is 2026-11-26T08:00:00Z.
#   clients < 3: true
rules Few

case captured at 2026-11-26T08:01:00Z
at 0s..40s: topic=orders client="c 1" messages=7
at 0s..40s: topic=orders client=a-007 messages=7
at 0s..1m20s: topic=orders client=a-{9..10} messages=7
at 0s..40s: topic=orders client=a-11 messages=7
at 0s..40s: topic=orders client=b messages=7
advance to 1m20s
expect 1m Few{topic=orders} pending
expect 1m10s Few{topic=orders} firing
expect nothing else

-- rules.yaml --
groups:
  - name: g
    defaults: {by: [topic], window: 20s}
    rules:
      - alert: Few # who is left
        expr: clients < policy.inventory[topic].nodes
        for: 10s
-- policy.yaml --
inventory:
  clusters:
    orders: {nodes: 3}
`
	if diff := cmp.Diff(want, text); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestCapturesThatDiffer: a test that does not show the alert is written, with what differs; one of other rules is not.
func TestCapturesThatDiffer(t *testing.T) {
	set := loaded(t, "rules.yaml", "groups: [{name: g, rules: [{alert: Surge, by: [topic], window: 10s, expr: tps > 10}]}]\n")
	begin := time.Date(2026, 11, 26, 8, 0, 0, 0, time.UTC)
	alert := &telemetry.Alert{Rule: "Surge", Labels: map[string]string{"alertname": "Surge", "topic": "orders"}, GroupKey: telemetry.GroupKey(set.Rules[0].Grouping.ID, []string{"orders"}),
		ActiveAt: begin.Add(20 * time.Second), FiredAt: begin.Add(20 * time.Second), EvaluatedAt: begin.Add(20 * time.Second)}
	c, err := capture.New(set, alert, 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	text, failures, err := c.Text()
	if err != nil || len(failures) != 1 || !strings.HasPrefix(failures[0], "captured_test.txt:6:1: nothing happens to an alert of Surge") || !strings.Contains(text, "expect 20s Surge{topic=orders} firing\n") {
		t.Errorf("got %q, %v of\n%s", failures, err, text)
	}
	const unknown = "something was late or unknown to weir then, as all is that came before the rule was new, or the rule or the policy was changed since"
	for said, want := range map[string]string{"": unknown, "tps  >\n10": unknown, "tps > 8": `the rule was changed since, and has no condition "tps > 8" now`} {
		alert.Explanation = &telemetry.Explanation{}
		if said != "" {
			alert.Explanation.Parts = []telemetry.ExplainedPart{{Text: said, Value: true}, {Text: "tps", Depth: 1, Value: 20}}
		}
		if got := c.Why(); got != want {
			t.Errorf("of %q: got %s, want %s", said, got, want)
		}
	}
	alert.Explanation = nil
	for then, want := range map[string]string{"": unknown, set.Revision: "something was late or unknown to weir then, as all is that came before the rule was new, or the rule or the policy was changed while the alert was there",
		"0123456789ab": "the rules changed since: revision 0123456789ab then, " + set.Revision + " now"} {
		alert.Revision = then
		if got := c.Why(); got != want {
			t.Errorf("of rules of %q: got %s, want %s", then, got, want)
		}
		if text, _, err := c.Text(); err != nil || strings.Contains(text, "\n# "+want+"\nrules Surge\n") != (then == "0123456789ab") {
			t.Errorf("of rules of %q: got %v\n%s", then, err, text)
		}
	}
	alert.GroupKey = "other" + alert.GroupKey
	const want = "no Surge there groups as the alert does; name the folder of the rules that made it by rules.dir of --config"
	if _, err := capture.New(set, alert, 10*time.Second); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// TestAnAlertThatWasThereBefore: a test whose time another life of the alert falls into expects this one, and shows both.
func TestAnAlertThatWasThereBefore(t *testing.T) {
	set := loaded(t, "rules.yaml", "groups: [{name: g, rules: [{alert: Surge, by: [topic], window: 10s, expr: tps > 10}]}]\n")
	begin := time.Date(2026, 11, 26, 8, 0, 0, 0, time.UTC)
	at := func(seconds time.Duration) time.Time { return begin.Add(seconds * time.Second) }
	alert := &telemetry.Alert{Rule: "Surge", Labels: map[string]string{"alertname": "Surge", "topic": "orders"}, GroupKey: telemetry.GroupKey(set.Rules[0].Grouping.ID, []string{"orders"}),
		ActiveAt: at(50), FiredAt: at(50), ResolvedAt: at(60), EvaluatedAt: at(60)}
	c, err := capture.New(set, alert, 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	cells := &telemetry.StoredCells{Labels: []*telemetry.Labels{{Topic: "orders"}}}
	for pane, messages := range []uint64{1, 1000, 1, 1, 1000, 1} {
		cells.Cells = append(cells.Cells, telemetry.StoredCell{PaneUnix: at(0).Unix() + int64(10*pane), Totals: telemetry.Totals{Reports: 1, Messages: messages}})
	}
	c.Take(cells)
	text, failures, err := c.Text()
	if err != nil || len(failures) > 0 || !strings.Contains(text, "expect 50s Surge{topic=orders} firing\nexpect 1m Surge{topic=orders} resolved\n# It was there before, too") {
		t.Errorf("got %q, %v of\n%s", failures, err, text)
	}
}
