package rules

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/weirmq/weir/telemetry"
)

// hoursOf is what groups counted in an hour, known of those that are in it.
type hoursOf map[time.Time]Counted

// Hour is what Past says.
func (h hoursOf) Hour(_ *telemetry.Grouping, _ string, start time.Time) (Counted, Knowledge) {
	if counted, known := h[start]; known {
		return counted, Known
	}
	return Counted{}, Unread
}

// TestTheHourOfYesterday asks an evaluator at 12:00 and 12:01 of what was counted a day before.
func TestTheHourOfYesterday(t *testing.T) {
	set, faults := Parse("rules.yaml", []byte(`groups:
  - name: test
    rules:
      - alert: SendRateZero
        by: [topic]
        window: 1m
        expr: messages == 0 and ago("1d").tps > 0
      - alert: NeverSent
        by: [topic]
        window: 1m
        expr: messages == 0 and ago(24h).messages == 0
      - alert: Failed
        by: [topic]
        window: 1m
        expr: ago(1d).bps == 2B/s and ago(1d).bytes == 7200B and ago(1d).errors == 1800 and ago(1d).error_rate == 0.2
`))
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	noon := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	eleven, twelve := noon.Add(-25*time.Hour), noon.Add(-24*time.Hour)
	busy := Counted{Messages: 7200, Bytes: 7200, Errors: 1800}
	for _, test := range []struct {
		name string
		past Past
		at   time.Time
		want string
	}{
		{"unknown where nobody answers", nil, noon, "[]"},
		{"unknown where the hour is not known", hoursOf{twelve: busy}, noon, "[]"},
		{"the hour in which the window ends", hoursOf{eleven: busy, twelve: {}}, noon, "[Failed SendRateZero]"},
		{"the next hour", hoursOf{eleven: busy, twelve: {}}, noon.Add(10 * time.Second), "[NeverSent]"},
	} {
		e := NewEvaluator(&Set{Rules: set}, Config{Pane: 10 * time.Second, Past: test.past})
		grouping, before := set[0].Grouping.ID, test.at.Add(-10*time.Second)
		e.Restore(nil, Progress{EvaluatedUntil: before, HeardUntil: before, Begins: map[string]time.Time{grouping: test.at.Add(-time.Hour)}})
		e.Apply(&telemetry.GroupBatch{Groups: []telemetry.GroupPartials{{Grouping: grouping, Values: []string{"orders"},
			Partials: []telemetry.GroupPartial{{Pane: before, Totals: telemetry.Totals{Reports: 1}}}}}})
		e.ApplyWatermark(telemetry.Watermark{EventTime: test.at, At: test.at, Sources: 1})
		var firing []string
		for _, alert := range e.Advance() {
			firing = append(firing, alert.Rule)
		}
		slices.Sort(firing)
		if got := fmt.Sprint(firing); got != test.want {
			t.Errorf("%s: %s fire, want %s", test.name, got, test.want)
		}
	}
}

// TestSpansOfThePast that there are, and fields that they have.
func TestSpansOfThePast(t *testing.T) {
	for text, want := range map[string]string{
		"tps > ago(2h).tps and tps > ago(28d).tps": "<nil>",
		"tps > ago(90m).tps":                       `got duration "90m", want at most 1h, or whole hours up to 28d`,
		"tps > ago(29d).tps":                       `got duration "29d", want at most 1h, or whole hours up to 28d`,
		"tps > over(2h).tps":                       `got duration "2h", want at most 1h`,
		"p99 > ago(1d).p99":                        "ago of more than 1h has no p99",
		"ago(1d).latency_share_above(1s) > 0.5":    "ago of more than 1h has no latency_share_above",
	} {
		if _, err := compileExpr(text, nil, LaneRealtime); fmt.Sprint(err) != want {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
	}
}
