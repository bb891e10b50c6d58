package rules

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/weirmq/weir/telemetry"
)

var inspectedDay = time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC)

// inspectionOf asks one expression of series by topic, of the day and those before.
func inspectionOf(t *testing.T, text string) *Inspection {
	t.Helper()
	parsed, faults := Parse("rules.yaml", []byte("groups:\n  - name: daily\n    lane: inspection\n    rules:\n      - "+
		strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n        ")+"\n"))
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	return NewInspection(NewSet(parsed, nil), inspectedDay, inspectedDay.Add(-100*Day), inspectedDay.Add(Day))
}

// had is what a topic had on a day.
func had(topic string, messages uint64, change ...func(*telemetry.SeriesDay)) *telemetry.SeriesDay {
	day := &telemetry.SeriesDay{Labels: &telemetry.Labels{Topic: topic, Op: "send"}, Totals: telemetry.Totals{Reports: 1, Messages: messages}}
	day.Hours[5] = messages
	for _, c := range change {
		c(day)
	}
	return day
}

// found are what an inspection finds, by topic, with what it read.
func found(in *Inspection) string {
	_, findings := in.Finish()
	var out []string
	for _, f := range findings {
		out = append(out, fmt.Sprint(f.Labels["topic"], " ", f.Values))
	}
	return strings.Join(out, ", ")
}

func gauge(name string, value float64, at time.Duration) func(*telemetry.SeriesDay) {
	return func(day *telemetry.SeriesDay) {
		day.Totals.Gauges = append(day.Totals.Gauges, telemetry.GaugeValue{Name: name, Last: value, Sum: value, Min: value, Max: value, Series: 1,
			TimeUnixMillis: inspectedDay.Add(at).UnixMilli()})
	}
}

func by(client, version string) func(*telemetry.SeriesDay) {
	return func(day *telemetry.SeriesDay) {
		day.Labels.Client, day.Labels.SDKLang, day.Labels.SDKVersion = client, "go", version
	}
}

// TestInspectionsSeeWholeDays: each field of a view, over the window and elsewhere.
func TestInspectionsSeeWholeDays(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		rule string
		take func(*Inspection)
		want string
	}{
		{"alert: A\nby: [topic]\nexpr: messages > 9", func(in *Inspection) {
			in.Take(0, had("a", 6))
			in.Take(0, had("a", 4)) // another series
			in.Take(0, had("b", 9))
			in.Take(1, had("b", 9)) // another day
		}, "a map[messages:10]"},
		{"alert: A\nby: [topic]\nwindow: 2d\nexpr: messages > 9 and tps > 0.00010", func(in *Inspection) {
			in.Take(0, had("b", 9))
			in.Take(1, had("b", 9))
			in.Take(2, had("c", 100))
		}, "b map[messages:18 tps:0.00010416666666666667]"},
		{"alert: A\nby: [topic]\nexpr: volatility > 20 or tps_median > 0", func(in *Inspection) {
			in.Take(0, had("a", 3600, func(d *telemetry.SeriesDay) {
				for hour := range 24 {
					d.Hours[hour] = 3600
				}
				d.Hours[5] = 3600 * 30
			}))
		}, "a map[tps_median:1 volatility:29]"},
		{"alert: A\nby: [topic]\nexpr: lag > 5 and members == 3", func(in *Inspection) {
			in.Take(0, had("a", 1, gauge("lag_messages", 50, 7*time.Hour), gauge("members", 8, 7*time.Hour))) // gone by then
			in.Take(0, had("a", 1, gauge("lag_messages", 4, 10*time.Hour), gauge("members", 3, 9*time.Hour)))
			in.Take(0, had("a", 1, gauge("lag_messages", 3, 10*time.Hour), gauge("members", 8, 8*time.Hour))) // members that were gone by then
			in.Take(0, had("b", 1, gauge("lag_messages", 100, 10*time.Hour)))                                 // members unknown
		}, "a map[lag:7 members:3]"},
		{"alert: A\nby: [topic]\nexpr: messages < 5 and over(7d).messages > 100 and ago(7d).messages == 50 and prev.messages == 60", func(in *Inspection) {
			in.Take(0, had("a", 4))
			in.Take(1, had("a", 60))
			in.Take(6, had("a", 40))
			in.Take(7, had("a", 50))
			in.Take(8, had("a", 1000))
		}, "a map[messages:4]"},
		{"alert: A\nby: [topic]\nexpr: ago(1d, 3d).messages == 90 and over(3d).messages == 64 and ago(1d).messages == 60", func(in *Inspection) {
			in.Take(0, had("a", 4))
			in.Take(1, had("a", 60))
			in.Take(3, had("a", 30))
			in.Take(4, had("a", 1000))
		}, "a map[]"},
		{"alert: A\nby: [topic]\nexpr: departed_clients == 1 and clients == 1 and nodes == 0", func(in *Inspection) {
			in.Take(0, had("a", 1, by("c1", "1.0.0")))
			in.Take(1, had("a", 1, by("c1", "1.0.0")))
			in.Take(1, had("a", 1, by("c2", "1.0.0")))
		}, "a map[clients:1 departed_clients:1 nodes:0]"},
		{"alert: A\nby: [topic]\nexpr: outdated(\"1.1.0\") > 0.3 and clients > 1500", func(in *Inspection) {
			for i := range 2000 {
				in.Take(0, had("a", 1, by(fmt.Sprint("c", i), []string{"1.0.0", "1.2.0"}[i%2])))
			}
		}, "a map[clients:2000]"},
		{"alert: A\nby: [topic]\nexpr: size_max > 1KB and size_p99 < 900B and p99 > 1s and error_rate > 0.1", func(in *Inspection) {
			in.Take(0, had("a", 100, func(d *telemetry.SeriesDay) {
				for range 200 {
					d.Totals.SizeBytes.Observe(100)
					d.Totals.LatencyMicros.Observe(2_000_000)
				}
				d.Totals.SizeBytes.Observe(2000)
				d.Totals.Errors = []telemetry.ErrorCount{{Class: "broker", Count: 50}}
			}))
		}, "a map[error_rate:0.3333333333333333 p99:2 size_max:2000"},
	} {
		in := inspectionOf(t, c.rule)
		c.take(in)
		if got := found(in); !strings.HasPrefix(got, c.want) || c.want == "" {
			t.Errorf("%s\nfinds %q, want %q", c.rule, got, c.want)
		}
	}
}

// TestAnInspectionFindsWhatIsNotThere only where it is known not to be: of what was there in the last days, where the store goes
// back as far as the window and lacks nothing.
func TestAnInspectionFindsWhatIsNotThere(t *testing.T) {
	t.Parallel()
	const cold = "alert: Cold\nby: [topic]\nwindow: 7d\nexpr: messages == 0"
	ask := func(change func(*Inspection)) (string, InspectedRule) {
		in := inspectionOf(t, cold)
		in.Know(&telemetry.Labels{Topic: "idle"})
		in.Know(&telemetry.Labels{Topic: "busy"})
		in.Take(6, had("busy", 1))
		change(in)
		told, findings := in.Finish()
		var topics []string
		for _, f := range findings {
			topics = append(topics, f.Labels["topic"])
		}
		return strings.Join(topics, " "), told[0]
	}
	for name, c := range map[string]struct {
		change           func(*Inspection)
		want             string
		found, unsettled int
	}{
		"known":          {func(*Inspection) {}, "idle", 1, 0},
		"just begun":     {func(in *Inspection) { in.from = inspectedDay.Add(-6 * Day) }, "idle", 1, 0},
		"begun later":    {func(in *Inspection) { in.from = inspectedDay.Add(-6*Day + time.Second) }, "", 0, 1},
		"behind":         {func(in *Inspection) { in.to = inspectedDay.Add(Day - time.Second) }, "", 0, 1},
		"lacking":        {func(in *Inspection) { in.Lacks(6, 0.999) }, "", 0, 1},
		"lacking before": {func(in *Inspection) { in.Lacks(7, 0.999) }, "idle", 1, 0},
	} {
		got, told := ask(c.change)
		if got != c.want || told != (InspectedRule{Rule: "Cold", Groups: 2, Findings: c.found, Undecided: c.unsettled}) {
			t.Errorf("%s: found %q, %+v", name, got, told)
		}
	}
	if in := inspectionOf(t, cold); in.Days() != 7 || len(in.FindsAbsent()) != 1 || !in.Day(6).Equal(inspectedDay.Add(-6*Day)) {
		t.Errorf("it looks back %d days, to %s", in.Days(), in.Day(6))
	}
	if in := inspectionOf(t, "alert: A\nby: [topic]\nexpr: messages > 5 and lag > 1"); len(in.FindsAbsent()) != 0 || fmt.Sprint(in.Gauges()) != "[lag_messages]" ||
		in.Omit() != telemetry.AllParts {
		t.Errorf("it finds what is absent by %v, and reads gauges %v and all but %b", in.FindsAbsent(), in.Gauges(), in.Omit())
	}
}

// TestWhatTheStoreLacksElsewhereIsUnknown: of a day that is compared with, some may be missing.
func TestWhatTheStoreLacksElsewhereIsUnknown(t *testing.T) {
	t.Parallel()
	for lacking, want := range map[int]InspectedRule{
		6: {Rule: "New", Groups: 1, Findings: 1},
		7: {Rule: "New", Groups: 1, Undecided: 1},
	} {
		in := inspectionOf(t, "alert: New\nby: [topic]\nexpr: messages > 5 and ago(7d).messages == 0")
		in.Take(0, had("a", 6))
		in.Lacks(lacking, 0.9)
		if told, _ := in.Finish(); told[0] != want {
			t.Errorf("where day %d lacks reports it is %+v, want %+v", lacking, told[0], want)
		}
	}
}

// TestAPartOfADayShowsWhatIsThere: more reports could not take it away.
func TestAPartOfADayShowsWhatIsThere(t *testing.T) {
	t.Parallel()
	in := inspectionOf(t, "alert: Large\nby: [topic]\nexpr: messages > 5")
	in.Lacks(0, 0.25)
	in.Take(0, had("a", 6))
	_, findings := in.Finish()
	if len(findings) != 1 || findings[0].Completeness != 0.25 || in.Completeness() != 0.25 {
		t.Errorf("found %+v", findings)
	}
}

// TestLimitOfFindings keeps the first ones by their group.
func TestLimitOfFindings(t *testing.T) {
	t.Parallel()
	in := inspectionOf(t, "alert: Large\nby: [topic]\nlimit: 2\nwarn: messages > 5\ncrit: messages > 50\nlabels: {team: a}")
	for _, topic := range []string{"d", "c", "b", "a"} {
		in.Take(0, had(topic, map[string]uint64{"a": 60}[topic]+6))
	}
	told, findings := in.Finish()
	if told[0] != (InspectedRule{Rule: "Large", Groups: 4, Findings: 2, Limited: 2}) {
		t.Errorf("got %+v", told)
	}
	got := fmt.Sprintln(findings[0].Severity, findings[0].Labels, findings[1].Severity, findings[1].Labels)
	if got != "critical map[alertname:Large severity:critical team:a topic:a] warning map[alertname:Large severity:warning team:a topic:b]\n" {
		t.Errorf("got %s", got)
	}
	if findings[0].ID != telemetry.Fingerprint(map[string]string{"alertname": "Large", "team": "a", "topic": "a"}) {
		t.Error("the severity is part of the identity")
	}
}

// TestInspectionsByTier ask each group by what its tier says, and are one rule.
func TestInspectionsByTier(t *testing.T) {
	t.Parallel()
	in := inspectionOf(t, "alert: Many\nby: [topic, tier]\nexpr: messages > 50\nby_tier: {S1: {expr: messages > 5, window: 2d}}")
	for _, tier := range []string{"S1", "S2"} {
		for back := range 3 {
			in.Take(back, had(tier, 3, func(d *telemetry.SeriesDay) { d.Labels.Tier = tier }))
		}
		in.Take(0, had("large", 60, func(d *telemetry.SeriesDay) { d.Labels.Tier = tier }))
	}
	told, findings := in.Finish()
	var got []string
	for _, f := range findings {
		got = append(got, fmt.Sprint(f.Labels["topic"], " ", f.Labels["tier"], " ", f.Values["messages"]))
	}
	if strings.Join(got, ", ") != "S1 S1 6, large S1 60, large S2 60" || len(told) != 1 || told[0] != (InspectedRule{Rule: "Many", Groups: 4, Findings: 3}) {
		t.Errorf("got %q, %+v", got, told)
	}
}

// TestFaultsOfTheLane names what an inspection cannot have, and what to do.
func TestFaultsOfTheLane(t *testing.T) {
	t.Parallel()
	group := func(head, rule string) string {
		return "groups:\n  - name: daily\n    " + head + "\n    rules:\n      - {alert: A, by: [topic], " + rule + "}\n"
	}
	for text, want := range map[string]string{
		group("lane: inspections", "expr: tps > 1"):                         `got lane "inspections", want inspection or realtime`,
		group("lane: inspection", "expr: tps > 1, for: 5m"):                 "an inspection has no for: it is asked once of a day, and finds something or not",
		group("lane: inspection", "expr: tps > 1, keep_firing_for: 5m"):     "an inspection has no keep_firing_for: it is asked once of a day, and finds something or not",
		group("lane: inspection", "expr: tps > 1, window: 5m"):              `window: got duration "5m", want whole days from 1d to 30d in an inspection`,
		group("lane: inspection", "expr: tps > 1, window: 31d"):             `window: got duration "31d", want whole days from 1d to 30d in an inspection`,
		group("lane: inspection", "expr: over(5m).tps > 1"):                 `expr: got duration "5m", want whole days from 1d to 30d in an inspection`,
		group("lane: inspection", "expr: ago(29d).tps > 1, window: 2d"):     "the rule looks back 31d, at most 30d is kept",
		group("lane: inspection", "expr: 'ago(7d, 1h).tps > 1'"):            `expr: got duration "1h", want whole days from 1d to 30d in an inspection`,
		group("lane: inspection", "expr: 'ago(7d, 5d, 1d).tps > 1'"):        "expr: ago takes how long ago and how long a span, and is given 3 arguments",
		group("lane: inspection", "expr: 'ago(29d, 2d).tps > 1'"):           "the rule looks back 31d, at most 30d is kept",
		group("lane: inspection", "expr: tps > 2 * baseline(7d).tps"):       "expr: an inspection has no baseline: its windows have all hours of a day",
		group("lane: inspection", "expr: over(7).tps > 1"):                  "expr: over takes a duration with its unit",
		group("lane: inspection", "expr: send_skew > 3"):                    "expr: an inspection has no send_skew: it is the median of all panes, and days are not kept by pane",
		group("lane: inspection", "expr: prev.send_skew > 3"):               "expr: an inspection has no send_skew: it is the median of all panes, and days are not kept by pane",
		group("lane: inspection\n    defaults: {for: 5m}", "expr: tps > 1"): "an inspection has no for: it is asked once of a day, and finds something or not",
		group("lane: realtime", "expr: tps > 1, window: 1d"):                "got window 1d, want above 0 and at most 1h",
	} {
		_, faults := Parse("rules.yaml", []byte(text))
		if len(faults) != 1 || faults[0].Message != want {
			t.Errorf("%s\nhas %v, want %q", text, faults, want)
		}
	}
	all, faults := Parse("rules.yaml", []byte(group("lane: inspection", "expr: ago(7d).p99 > 1s and over(7d).lag > 5 and clients > 2, window: 7d")+
		strings.Replace(group("lane: realtime", "expr: tps > 1"), "groups:\n", "", 1)))
	set := NewSet(all, nil)
	if len(faults) > 0 || len(set.Inspections) != 1 || len(set.Rules) != 1 {
		t.Fatalf("got %v, and %d inspections and %d rules", faults, len(set.Inspections), len(set.Rules))
	}
	if set.Lookback() != DefaultWindow || len(set.Groupings()) != 1 || set.Groupings()[0].Omit != telemetry.AllParts {
		t.Error("an inspection is part of what is evaluated all the time")
	}
}
