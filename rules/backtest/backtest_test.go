package backtest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weirmq/weir/internal/golden"
	"github.com/weirmq/weir/rules"
	"github.com/weirmq/weir/telemetry"
)

var midnight = time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC) // a Wednesday

const pane = 10 * time.Second

// load is a set of one file.
func load(t *testing.T, text string) *rules.Set {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "rules.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	set, err := rules.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// surge fires for topics with more messages than a threshold.
func surge(threshold int, rest string) string {
	return fmt.Sprintf(`groups:
  - name: test
    rules:
      - alert: Surge
        by: [topic]
        window: 10s
        expr: messages > %d
        annotations: {summary: '{{ .topic }} has {{ .messages }}'}
        actions: [{send_limit: {messages_per_second: 50}, lasts: 5m}]
%s`, threshold, rest)
}

const silence = `      - alert: Silence
        by: [cluster]
        window: 20s
        expr: tps == 0
        for: 10s
`

const never = `      - alert: Never
        by: [topic]
        window: 10s
        expr: messages > 1000000
`

// day is two hours of two topics: messages by pane, one client and source each.
func day(messages func(topic string, at time.Duration) int) []*telemetry.StoredCells {
	labels := []*telemetry.Labels{{Cluster: "main", Topic: "orders", Op: "send", Client: "a"}, {Cluster: "main", Topic: "audit|log", Op: "send", Client: "b"}}
	var out []*telemetry.StoredCells
	for hour := range 2 {
		from := midnight.Add(time.Duration(hour) * time.Hour)
		cells := &telemetry.StoredCells{From: from, To: from.Add(time.Hour), Labels: labels}
		for at := from; at.Before(cells.To); at = at.Add(pane) {
			for series, l := range labels {
				if n := messages(l.Topic, at.Sub(midnight)); n > 0 {
					cells.Cells = append(cells.Cells, telemetry.StoredCell{PaneUnix: at.Unix(), Series: uint32(series),
						Source: telemetry.Source{TopicID: [16]byte{byte(hour + 1)}, Partition: int32(series)}, Segment: telemetry.Segment{MinuteUnix: at.Unix() / 60},
						Totals: telemetry.Totals{Reports: 1, Messages: uint64(n)}})
				}
			}
		}
		out = append(out, cells)
	}
	return out
}

// busy has peaks: of orders, higher ones of both, and a silence of all.
func busy(topic string, at time.Duration) int {
	minute := int(at / time.Minute)
	switch {
	case minute >= 100 && minute < 103:
		return 0
	case minute == 65 && topic == "orders":
		return 90
	case minute == 20 || minute == 30, minute >= 60 && minute < 70:
		return 150
	case minute == 40 && topic != "orders":
		return 250
	}
	return 100
}

func replay(t *testing.T, change func(*Plan), sets ...*rules.Set) []*Timeline {
	t.Helper()
	plan, err := NewPlan(midnight.Add(10*time.Minute), midnight.Add(2*time.Hour), pane, sets...)
	if err != nil {
		t.Fatal(err)
	}
	plan.Begun = true
	change(&plan)
	r := NewReplay(plan, sets...)
	for _, cells := range day(busy) {
		r.Take(cells)
	}
	return r.Finish()
}

// TestReports compares what is printed with the files in testdata.
func TestReports(t *testing.T) {
	t.Parallel()
	hours, err := ParseHours("Mon-Fri 01:20-02:00 Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	sets := []*rules.Set{load(t, surge(120, silence+never)), load(t, surge(200, strings.ReplaceAll(silence, "Silence", "Quiet")+strings.ReplaceAll(never, "Never", "Nowhere")))}
	timelines := replay(t, func(p *Plan) { p.Since = midnight.Add(20 * time.Minute) }, sets...)
	alone := &Report{Head: timelines[0], Hours: hours, Notes: []string{"the store begins late."}}
	compared := &Report{Head: timelines[1], Base: timelines[0], BaseName: "main", Hours: hours, Notes: []string{"the store begins late."}}
	if alone.Differs() || !compared.Differs() {
		t.Error("a report differs where nothing is compared, or does not")
	}
	for name, report := range map[string]*Report{"alone": alone, "compared": compared} {
		for _, format := range Formats {
			var out strings.Builder
			if err := report.Write(&out, format); err != nil {
				t.Fatal(err)
			}
			golden.Compare(t, filepath.Join("testdata", name+"."+format), out.String())
		}
	}
	if err := alone.Write(&strings.Builder{}, "yaml"); fmt.Sprint(err) != `print a backtest: format "yaml" is none of text, json, markdown` {
		t.Errorf("got %v for another format", err)
	}
}

// TestNothingFired: there are no tables.
func TestNothingFired(t *testing.T) {
	t.Parallel()
	timeline := lives(t)
	const span = "2026-11-25T00:00:00Z to 2026-11-25T01:00:00Z"
	for want, report := range map[string]*Report{
		span + ": 1 rule fired 0 times.\n\n1 of 1 rule never fired.\n":                                                  {Head: timeline},
		span + ", against main: 0 new, 0 gone, 0 longer, 0 shorter, 0 moved, 0 the same.\n\n1 of 1 rule never fired.\n": {Head: timeline, Base: timeline, BaseName: "main"},
	} {
		for format, head := range map[string]string{"text": "", "markdown": "### Rules against history\n\n"} {
			var out strings.Builder
			if err := report.Write(&out, format); err != nil || out.String() != head+want {
				t.Errorf("as %s got\n%s\nand %v, want\n%s", format, out.String(), err, head+want)
			}
		}
	}
}

// TestPartitionsAndWorkersChangeNothing of rules without limits.
func TestPartitionsAndWorkersChangeNothing(t *testing.T) {
	t.Parallel()
	set := load(t, surge(120, silence))
	want := fmt.Sprint(told(replay(t, func(*Plan) {}, set)[0]))
	if strings.Count(want, "firing") < 3 {
		t.Fatalf("the history is too quiet: %s", want)
	}
	for _, c := range []struct{ partitions, workers int }{{1, 4}, {5, 1}, {8, 2}, {3, 8}} {
		got := replay(t, func(p *Plan) { p.Partitions, p.Workers = int32(c.partitions), c.workers }, set)[0]
		if diff := cmp.Diff(want, fmt.Sprint(told(got))); diff != "" {
			t.Errorf("%d partitions and %d workers (-want +got):\n%s", c.partitions, c.workers, diff)
		}
	}
}

func told(t *Timeline) []string {
	var out []string
	for _, a := range t.Transitions {
		out = append(out, fmt.Sprintf("%s %s %v %s\n", a.EvaluatedAt.Format(time.TimeOnly), a.State, a.Labels, a.Reason))
	}
	return out
}

// TestAStoreThatBeginsIsAPipelineThatStarts: what was before its first cell is unknown, and
// not silence.
func TestAStoreThatBeginsIsAPipelineThatStarts(t *testing.T) {
	t.Parallel()
	set := load(t, strings.Replace(surge(1000, silence), "messages > 1000", `messages > 0 and over("5m").tps < 10`, 1))
	for begun, want := range map[bool]string{true: "00:00:10", false: "00:20:00"} {
		plan, err := NewPlan(midnight, midnight.Add(2*time.Hour), pane, set)
		if err != nil {
			t.Fatal(err)
		}
		plan.Begun = begun
		r := NewReplay(plan, set)
		r.Take(&telemetry.StoredCells{From: plan.ReadFrom, To: midnight})
		for _, cells := range day(func(topic string, at time.Duration) int {
			if at >= 15*time.Minute && at < 20*time.Minute || topic != "orders" {
				return 0
			}
			return 100
		}) {
			r.Take(cells)
		}
		first := ""
		for _, life := range r.Finish()[0].Lives {
			if life.Rule == "Surge" {
				first = life.Began.Format(time.TimeOnly)
				break
			}
		}
		if begun && first != want || !begun && first < want {
			t.Errorf("with cells from before %t the rule is first true at %q, want %s", begun, first, want)
		}
	}
}
