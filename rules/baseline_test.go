package rules

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/weirmq/weir/telemetry"
)

// daysPast is what one group counted in the hour at noon so many days ago; what is not in it is as otherwise says.
type daysPast struct {
	noon      time.Time
	messages  map[int]uint64
	otherwise Knowledge
	asked     *[]string
}

// Hour is what Past says.
func (d daysPast) Hour(_ *telemetry.Grouping, _ string, start time.Time) (Counted, Knowledge) {
	if d.asked != nil {
		*d.asked = append(*d.asked, start.Format("01-02 15h"))
	}
	for back, messages := range d.messages {
		if start.Equal(d.noon.AddDate(0, 0, -back)) {
			return Counted{Messages: messages}, Known
		}
	}
	return Counted{}, d.otherwise
}

// atNoon evaluates conditions for a group of topic orders at some times of an hour, and returns those that are true at the last.
func atNoon(t *testing.T, past Past, noon time.Time, steps []time.Duration, conditions ...string) []string {
	t.Helper()
	text := "groups:\n  - name: test\n    rules:\n"
	for i, condition := range conditions {
		text += fmt.Sprintf("      - {alert: A%d, by: [topic], window: 1m, expr: %q}\n", i, condition)
	}
	parsed, faults := Parse("rules.yaml", []byte(text))
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	e := NewEvaluator(&Set{Rules: parsed}, Config{Pane: 10 * time.Second, Past: past})
	grouping, before := parsed[0].Grouping.ID, noon
	e.Restore(nil, Progress{EvaluatedUntil: before, HeardUntil: before, Begins: map[string]time.Time{grouping: noon.Add(-time.Hour)}})
	e.Apply(&telemetry.GroupBatch{Groups: []telemetry.GroupPartials{{Grouping: grouping, Values: []string{"orders"},
		Partials: []telemetry.GroupPartial{{Pane: before, Totals: telemetry.Totals{Reports: 1}}}}}})
	for _, step := range steps {
		e.ApplyWatermark(telemetry.Watermark{EventTime: noon.Add(step), At: noon.Add(step), Sources: 1})
		e.Advance()
	}
	var active []string
	for _, alert := range e.Alerts() {
		if alert.State == telemetry.AlertFiring {
			var number int
			if _, err := fmt.Sscanf(alert.Rule, "A%d", &number); err != nil {
				t.Fatal(err)
			}
			active = append(active, conditions[number])
		}
	}
	return active
}

var noonOfTests = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

// TestABaselineIsTheMedianOfDays that are known, and their spread; of too few days it is unknown.
func TestABaselineIsTheMedianOfDays(t *testing.T) {
	const hour = 3600
	week := map[int]uint64{1: 10 * hour, 2: 12 * hour, 3: 11 * hour, 4: 90 * hour, 5: 0, 6: 11 * hour, 7: 12 * hour}
	for _, test := range []struct {
		name string
		past daysPast
		true []string
	}{
		{"a week with an odd day", daysPast{messages: week}, []string{
			"baseline(7d).tps == 11", "baseline(7d).messages == 39600", "baseline(7d).days == 7", "abs(baseline(7d).tps_spread - 1.4826) < 0.000001",
			"baseline(2d).tps == 11 and baseline(2d).days == 2", "messages == 0 and baseline(7d).tps >= 1", "tps < baseline(7d).tps - 3 * baseline(7d).tps_spread"}},
		{"three days known", daysPast{messages: map[int]uint64{1: 2 * hour, 4: 4 * hour, 7: 9 * hour}, otherwise: Absent}, []string{
			"baseline(7d).tps == 4", "baseline(7d).days == 3"}},
		{"two days known", daysPast{messages: map[int]uint64{1: 2 * hour, 2: 4 * hour}, otherwise: Absent}, []string{
			"baseline(2d).tps == 3", "baseline(7d).tps > 0 or messages == 0"}},
		{"a day not read yet", daysPast{messages: map[int]uint64{1: 2 * hour, 2: 4 * hour, 3: 4 * hour}, otherwise: Unread}, []string{
			"baseline(3d).tps == 4"}},
		{"a silent week", daysPast{messages: map[int]uint64{1: 0, 2: 0, 3: 0, 4: 0, 5: 0, 6: 0, 7: 0}}, []string{
			"baseline(7d).tps == 0", "baseline(7d).tps_spread == 0", "not (baseline(7d).tps > 0)", "baseline(7d).error_rate == 0"}},
	} {
		test.past.noon = noonOfTests
		if got := atNoon(t, test.past, noonOfTests, []time.Duration{10 * time.Second}, test.true...); !slices.Equal(got, test.true) {
			t.Errorf("%s: %q hold, want %q", test.name, got, test.true)
		}
	}
	unknown := []string{"baseline(7d).tps == 0", "baseline(7d).days >= 0", "baseline(7d).tps_spread >= 0", "not (baseline(7d).tps > 0)", "messages == 0 and baseline(7d).tps >= 0"}
	for name, past := range map[string]Past{
		"too few days":   daysPast{noon: noonOfTests, messages: map[int]uint64{1: hour, 2: hour}, otherwise: Absent},
		"a day not read": daysPast{noon: noonOfTests, messages: map[int]uint64{1: hour, 2: hour, 3: hour, 4: hour, 5: hour, 7: hour}, otherwise: Unread},
		"nobody answers": nil,
	} {
		if got := atNoon(t, past, noonOfTests, []time.Duration{10 * time.Second}, unknown...); len(got) > 0 {
			t.Errorf("%s: %q hold, want none", name, got)
		}
	}
}

// TestABaselineIsMadeOncePerHour: it asks for the hour in which the window ends, of each day, and ten minutes before the next hour
// for that one, so that it is known by then.
func TestABaselineIsMadeOncePerHour(t *testing.T) {
	var asked []string
	past := daysPast{noon: noonOfTests, messages: map[int]uint64{1: 7200, 2: 7200}, otherwise: Absent, asked: &asked}
	for _, test := range []struct {
		until time.Duration
		want  string
	}{
		{50 * time.Minute, "[11-25 12h 11-24 12h]"},
		{time.Hour, "[11-25 12h 11-24 12h 11-25 13h 11-24 13h]"},
		{time.Hour + 20*time.Minute, "[11-25 12h 11-24 12h 11-25 13h 11-24 13h 11-25 13h 11-24 13h]"},
	} {
		asked = nil
		if got := atNoon(t, past, noonOfTests, []time.Duration{10 * time.Second, test.until}, "baseline(2d).tps == 2"); len(got) != 1 {
			t.Error("what is unknown in the next hour resolved it")
		}
		if got := fmt.Sprint(asked); got != test.want {
			t.Errorf("until %s it asks for %s, want %s", test.until, got, test.want)
		}
	}
	asked = nil
	atNoon(t, past, noonOfTests, []time.Duration{50 * time.Minute, 50*time.Minute + 10*time.Second}, "ago(1d).tps == 2")
	if got, want := fmt.Sprint(asked[len(asked)-3:]), "[11-25 12h 11-25 13h 11-25 12h]"; got != want {
		t.Errorf("ago asks for %s, want %s", got, want)
	}
}

// TestFieldsOfABaseline are those of hours past, their spreads in the same unit, and how many days are known.
func TestFieldsOfABaseline(t *testing.T) {
	fields := append(slices.Clone(pastFields), "busy")
	want := slices.Clone(fields)
	for _, field := range fields {
		want = append(want, field+"_spread")
		if fieldDimensions[field] != fieldDimensions[field+"_spread"] {
			t.Errorf("%s has another dimension than its spread", field)
		}
	}
	if want = append(want, "days"); !slices.Equal(baselineFields, want) {
		t.Errorf("they are %v, want %v", baselineFields, want)
	}
	counts := []Counted{{Messages: 3600, Bytes: 36000, Errors: 1200, Minutes: 1<<60 - 1}, {Messages: 7200, Bytes: 72000, Errors: 1800, Handled: 1800, Minutes: 1<<30 - 1}}
	got := baselineOf(counts)
	if got.TPS != 1.5 || got.BPS != 15 || got.Messages != 5400 || got.Bytes != 54000 || got.Errors != 1500 || got.ErrorRate != 0.25 || got.Busy != 0.75 || got.Days != 2 {
		t.Errorf("of two days it is %+v", got)
	}
	for name, off := range map[string]float64{"tps": got.TPSSpread - 0.5*spreadScale, "bytes": got.BytesSpread - 18000*spreadScale, "errors": got.ErrorsSpread - 300*spreadScale,
		"error rate": got.ErrorRateSpread, "busy": got.BusySpread - 0.25*spreadScale} {
		if math.Abs(off) > 1e-9 {
			t.Errorf("the spread of %s is off by %g", name, off)
		}
	}
}

// TestABaselineExplainsItself: an alert has the values that its condition read of the baseline.
func TestABaselineExplainsItself(t *testing.T) {
	parsed, faults := Parse("rules.yaml", []byte("groups: [{name: test, rules: [{alert: A, by: [topic], expr: messages == 0 and baseline(2d).tps > 2 * baseline(2d).tps_spread}]}]"))
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	view := &View{Baseline: func(string) Baseline { return Baseline{TPS: 3, TPSSpread: 0.5} }}
	var got []string
	parts, _ := parsed[0].explainers[0].explain(view)
	for _, part := range parts {
		got = append(got, fmt.Sprintf("%s=%v%s", part.Text, part.Value, part.Unit))
	}
	for _, want := range []string{"baseline(2d).tps=3/s", "2 * baseline(2d).tps_spread=1/s", "baseline(2d).tps_spread=0.5/s", "baseline(2d).tps > 2 * baseline(2d).tps_spread=true"} {
		if !slices.Contains(got, want) {
			t.Errorf("it says %q, without %q", got, want)
		}
	}
	view.Baseline = func(string) Baseline { return unknownBaseline() }
	if parts, _ := parsed[0].explainers[0].explain(view); parts[0].Value != nil {
		t.Errorf("with an unknown baseline the condition is %v", parts[0].Value)
	}
}

// TestABaselineIsNeverEarly, and stands among what a rule reads.
func TestABaselineIsNeverEarly(t *testing.T) {
	parsed, faults := Parse("rules.yaml", []byte("groups: [{name: test, rules: [{alert: A, by: [topic], expr: tps > 3 * baseline(7d).tps}]}]"))
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	if early, why := parsed[0].FiresEarly(); early || why != "it may be true because input is missing" {
		t.Errorf("it fires early: %t, %s", early, why)
	}
	if got := fmt.Sprint(parsed[0].Reads()); got != "[tps baseline(7d)]" {
		t.Errorf("it reads %s", got)
	}
	if !(&Set{Rules: parsed}).LooksPast() {
		t.Error("it does not look past")
	}
	if got := parsed[0].Lookback(); got != parsed[0].Window {
		t.Errorf("it looks back %s, want its window: nothing more is kept", got)
	}
}
