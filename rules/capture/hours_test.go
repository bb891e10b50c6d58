package capture_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weirmq/weir/rules"
	"github.com/weirmq/weir/rules/capture"
	"github.com/weirmq/weir/telemetry"
)

const silentRules = `groups:
  - name: g
    rules:
      - alert: Silent
        by: [topic]
        where: op == "send"
        window: 1m
        expr: messages == 0 and baseline(3d).busy >= 50% and baseline(3d).error_rate > 0 and ago(2d).tps == 0
`

// TestHoursPastAreCaptured: a test has what was counted in the hours that the rule asked of, in which minutes, and no other.
func TestHoursPastAreCaptured(t *testing.T) {
	set := loaded(t, "rules.yaml", silentRules)
	noon := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	at := noon.Add(20 * time.Minute)
	alert := &telemetry.Alert{ID: "00c0ffee00c0ffee", Rule: "Silent", Labels: map[string]string{"alertname": "Silent", "topic": "orders"},
		GroupKey: telemetry.GroupKey(set.Rules[0].Grouping.ID, []string{"orders"}), State: telemetry.AlertFiring, ActiveAt: at, FiredAt: at, EvaluatedAt: at}
	c, err := capture.New(set, alert, 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	day := func(back int) time.Time { return noon.AddDate(0, 0, -back) }
	if diff := cmp.Diff([]time.Time{day(3), day(2), day(1)}, c.Hours()); diff != "" {
		t.Fatalf("it asks for other hours (-want +got):\n%s", diff)
	}
	sent, other := &telemetry.Labels{Topic: "orders", Op: "send", Client: "a"}, &telemetry.Labels{Topic: "orders", Op: "consume"}
	for back := 1; back <= 3; back++ {
		c.Know(day(back))
	}
	c.TakeHour(day(1), sent, rules.Counted{Messages: 185, Errors: 5, Handled: 2, Minutes: 1<<60 - 1})
	c.TakeHour(day(1), &telemetry.Labels{Topic: "orders", Op: "send", Client: "b"}, rules.Counted{Messages: 3, Minutes: 7})
	c.TakeHour(day(1), other, rules.Counted{Messages: 1000, Minutes: 1})
	c.TakeHour(day(3), sent, rules.Counted{Messages: 62, Errors: 5, Minutes: 1<<30 - 1 + 1<<40})
	cells := &telemetry.StoredCells{Labels: []*telemetry.Labels{sent}}
	for pane := range int64(4) {
		cells.Cells = append(cells.Cells, telemetry.StoredCell{PaneUnix: at.Unix() - 70 + 10*pane})
	}
	cells.Cells[0].Totals = telemetry.Totals{Reports: 1, Messages: 7}
	c.Begun = day(4)
	c.Take(cells)
	text, failures, err := c.Text()
	if err != nil || len(failures) > 0 {
		t.Errorf("got %v, %v", failures, err)
	}
	const want = `# Silent{topic=orders}, 00c0ffee00c0ffee. 0s is 2026-11-26T12:00:00Z.
rules Silent

case captured at 2026-11-26T12:20:00Z
start at 18m
at -3d: messages=0
at -3d: topic=orders op=send messages=0 errors.other=5
at -3d..-2d23h30m every 1m: topic=orders op=send messages=2
at -2d23h20m: topic=orders op=send messages=2
at -1d: topic=orders op=send messages=8 errors.handler=2 errors.other=3
at -1d..-23h every 1m: topic=orders op=send messages=3
at 18m50s: topic=orders op=send messages=7
at 19m..19m30s: topic=orders op=send messages=0
advance to 20m
expect 20m Silent{topic=orders} firing
expect nothing else

-- rules.yaml --
` + silentRules
	if diff := cmp.Diff(want, text); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
