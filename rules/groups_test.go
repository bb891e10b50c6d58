package rules

import (
	"strings"
	"testing"
	"time"

	"github.com/weirmq/weir/telemetry"
)

// TestGaugesOfASpannedMinuteCountOnce has a pane in which one segment ends and the
// next begins: both saw the same series, and their lag is not twice as large.
func TestGaugesOfASpannedMinuteCountOnce(t *testing.T) {
	lag := func(series uint64, sum float64) *telemetry.Totals {
		return &telemetry.Totals{Reports: series, Messages: 10,
			Gauges: []telemetry.GaugeValue{{Name: telemetry.GaugeLagMessages, TimeUnixMillis: int64(sum), Last: sum, Max: sum, Sum: sum, Min: sum, Series: series}}}
	}
	first, second := telemetry.Source{Partition: 0}, telemetry.Source{Partition: 1}
	before, after := telemetry.Segment{MinuteUnix: 1}, telemetry.Segment{MinuteUnix: 2}
	for _, c := range []struct {
		name  string
		parts map[part]*telemetry.Totals
		want  float64
	}{
		{"the later of two whole segments", map[part]*telemetry.Totals{{first, before}: lag(3, 300), {first, after}: lag(3, 270)}, 270},
		{"the whole one while the later has heard of fewer", map[part]*telemetry.Totals{{first, before}: lag(3, 300), {first, after}: lag(1, 90)}, 300},
		{"sources add up", map[part]*telemetry.Totals{{first, before}: lag(3, 300), {second, before}: lag(1, 50), {second, after}: lag(1, 40)}, 340},
	} {
		pane := &paneState{}
		for of, totals := range c.parts {
			pane.put(contribution{of: of, totals: totals}, false)
		}
		s := stretch{totals: *pane.total(), seconds: time.Second.Seconds()}
		span := s.span(0)
		if span.Lag != c.want {
			t.Errorf("%s: lag is %g, want %g", c.name, span.Lag, c.want)
		}
		if want := float64(10 * len(c.parts)); span.Messages != want {
			t.Errorf("%s: got %g messages, want %g: counters add up over segments", c.name, span.Messages, want)
		}
	}
}

// TestWhatLacksLessReplaces holds that of one version the partial counts that lacks less: a rule that came with a reload
// reads more of the same reports.
func TestWhatLacksLessReplaces(t *testing.T) {
	of := part{source: telemetry.Source{Partition: 1}}
	latency, size := telemetry.PartLatency, telemetry.PartSize
	pane := &paneState{}
	for _, step := range []struct {
		reports uint64
		omitted telemetry.Parts
		kept    telemetry.Parts
	}{
		{5, latency | size, latency | size},
		{5, latency, latency},
		{5, size, latency}, // neither lacks less than the other
		{4, 0, latency},
		{5, 0, 0},
		{5, latency, 0},
		{6, size, size},
	} {
		if late := pane.put(contribution{of: of, totals: &telemetry.Totals{Reports: step.reports}, omitted: step.omitted}, false); late != 0 {
			t.Errorf("%+v: %d reports are late", step, late)
		}
		if pane.total(); pane.omitted != step.kept {
			t.Errorf("%+v: what is kept lacks %b", step, pane.omitted)
		}
	}
	if late := pane.put(contribution{of: of, totals: &telemetry.Totals{Reports: 6}}, true); late != 0 || pane.parts[0].omitted != 0 {
		t.Errorf("the same reports after the pane closed: %d are late and it lacks %b, want neither", late, pane.parts[0].omitted)
	}
}

// TestPanesAreKeptByGrouping holds that a group is kept as long as rules of its grouping look back, and that a restart reads no more
// than the groups need that there are.
func TestPanesAreKeptByGrouping(t *testing.T) {
	f := newFleet(t, []string{"tps > 40 | 30s"}, 3, 1)
	long, faults := Parse("rules.yaml", []byte("groups: [{name: g, rules: [{alert: Long, by: [node], window: 10s, expr: 'tps > ago(1m, 2m).tps'}]}]"))
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	f.Swap(&Set{Rules: append(f.set.Rules, long...), Policy: fleetPolicy})
	topics, nodes := f.set.Rules[0].Grouping.ID, long[0].Grouping.ID
	pane := func(grouping string) {
		f.ApplyPartial(&Partial{Key: grouping, Grouping: grouping, Values: []string{"a", "b", "c"}, Source: fleetSource, Pane: f.at, Totals: &telemetry.Totals{Reports: 1, Messages: 1}})
	}
	for range 100 {
		f.hear(3)
		f.Advance()
	}
	if got, want := f.evaluated.Sub(f.OldestNeeded()), 30*time.Second+2*fleetPane; got != want {
		t.Errorf("%s are read again of topics, want %s", got, want)
	}
	for range 100 {
		pane(topics)
		pane(nodes)
		f.hear(3)
		f.Advance()
	}
	if got, want := f.evaluated.Sub(f.OldestNeeded()), 3*time.Minute+2*fleetPane; got != want {
		t.Errorf("%s are read again of topics and nodes, want %s", got, want)
	}
	for grouping, want := range map[string]int{topics: 5, nodes: 20} {
		if got := len(f.groups[grouping].panes); got != want {
			t.Errorf("%d panes of %s are kept, want %d", got, grouping, want)
		}
	}
}

// TestAFullEvaluatorKeepsWhatFires holds that groups over the limit are counted, and end no alert of those within it.
func TestAFullEvaluatorKeepsWhatFires(t *testing.T) {
	parsed, faults := Parse("rules.yaml", []byte("groups:\n  - name: g\n    rules:\n      - {alert: Surge, by: [topic], window: 10s, expr: tps > 10}\n"))
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	set, begin := &Set{Rules: parsed}, time.Unix(1_800_000_000, 0)
	e := NewEvaluator(set, Config{Pane: 10 * time.Second, MaxGroups: 2})
	heard := func(at time.Duration) {
		e.ApplyWatermark(telemetry.Watermark{EventTime: begin.Add(at), At: begin.Add(at), Sources: 1})
	}
	heard(0)
	for pane := range 6 {
		at := time.Duration(pane) * 10 * time.Second
		topics := []string{"a", "b"}
		if pane > 1 {
			topics = []string{"c", "d", "b", "a"}
		}
		for _, topic := range topics {
			e.Apply(&telemetry.GroupBatch{Groups: []telemetry.GroupPartials{{Grouping: set.Groupings()[0].ID, Values: []string{topic},
				Partials: []telemetry.GroupPartial{{Pane: begin.Add(at), Totals: telemetry.Totals{Reports: 1, Messages: 1000}}}}}})
		}
		heard(at + 10*time.Second)
		e.Advance()
	}
	var firing []string
	for _, alert := range e.Alerts() {
		firing = append(firing, alert.Labels["topic"]+" "+string(alert.State)+" since "+alert.FiredAt.Sub(begin).String())
	}
	if got, want := strings.Join(firing, ", "), "a firing since 10s, b firing since 10s"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := e.Stats().OverflowedGroups; got != 8 {
		t.Errorf("%d partials of groups over the limit are counted, want 8", got)
	}
}
