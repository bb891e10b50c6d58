package grafana_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/weirmq/weir/deploy/grafana"
	"github.com/weirmq/weir/deploy/grafana/datasource"
	"github.com/weirmq/weir/deploy/grafana/proof"
)

// panelFrame is what a panel of a dashboard answers.
func panelFrame(t *testing.T, engine proof.Engine, file, title string, r datasource.Request, choice proof.Choice) *proof.Frame {
	t.Helper()
	d, err := grafana.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	d.Panels = slices.DeleteFunc(d.Panels, func(p grafana.Panel) bool { return p.Title != title }) // the others would be asked, too
	for _, result := range prove(t, engine, d, r, choice, false) {
		if result.Frame != nil {
			return result.Frame
		}
	}
	t.Fatalf("%s has no answer of a panel %q", file, title)
	return nil
}

// expectNumbers compares what panels say with what the fleet's story has.
func expectNumbers(t *testing.T, engine proof.Engine, r datasource.Request) {
	alerts := func(title string, choice proof.Choice) [][]any {
		return panelFrame(t, engine, "alerts.json", title, r, choice).Rows
	}
	if got := fmt.Sprint(alerts("Fired", proof.Choice{})); got != "[[8]]" {
		t.Errorf("fired: %s, want the 8 lives that fired, the one whose severity rose counted once", got)
	}
	alive := map[string]string{} // the last step's
	for _, row := range alerts("Firing over time", proof.Choice{}) {
		alive[fmt.Sprint(row[1])] = fmt.Sprint(row[0], " ", row[2])
	}
	warning, _ := strings.CutSuffix(alive["warning"], " 1")
	info, _ := strings.CutSuffix(alive["info"], " 2")
	if warning != info || warning == "" || strings.HasPrefix(alive["critical"], info) {
		t.Errorf("firing at the end: %q, want one warning, two of info, and nothing critical, as all else is resolved", alive)
	}
	escalated := proof.Choice{Values: map[string][]string{"rule": {"HeartbeatSlow"}, "severity": {"warning"}}}
	if got := alerts("Firing over time", escalated); len(got) == 0 || strings.HasPrefix(fmt.Sprint(got[len(got)-1][0]), info) {
		t.Errorf("firing at the end: %v, want none of the lives whose severity was a warning", got)
	}

	readers := proof.Choice{Values: map[string][]string{"client": {"payments-0-consume-0"}}}
	plain, err := engine.Ask(t.Context(), "SELECT round(sum(errors) / sum(messages), 9) FROM clients WHERE client = 'payments-0-consume-0'")
	if err != nil {
		t.Fatal(err)
	}
	for _, filters := range [][]datasource.Filter{nil, {{Key: "clients.latency_max_ms", Operator: ">", Value: "0"}}} {
		readers.Filters = filters
		got := panelFrame(t, engine, "client.json", "Errors", r, readers).Rows[0][0].(float64)
		if want := plain.Rows[0][0].(float64); want == 0 || max(got-want, want-got) > 1e-6 {
			t.Errorf("errors by %v: a share of %v, want %v: a message whose handler failed is one", filters, got, want)
		}
	}

	expectUnknown(t, engine, r)
	if got := panelFrame(t, engine, "pipeline.json", "Segments not whole", r, proof.Choice{}).Rows; fmt.Sprint(got) != "[[0]]" {
		t.Errorf("segments that are not whole: %v, want 0", got)
	}
}

// expectUnknown: of a range that has nothing, or whose panes may be gone, these panels know nothing, and do not say 0 or 1970.
func expectUnknown(t *testing.T, engine proof.Engine, r datasource.Request) {
	d, err := grafana.Load("pipeline.json")
	if err != nil {
		t.Fatal(err)
	}
	r.From, r.To = r.From.AddDate(0, 0, -9), r.To.AddDate(0, 0, -9)
	asked := 0
	for _, panel := range d.Panels {
		if panel.Title != "Segments not whole" && panel.Title != "Newest pane" {
			continue
		}
		asked++
		sql, err := datasource.Expand(panel.Targets[0].RawSQL, nil, nil, r)
		if err != nil {
			t.Fatal(err)
		}
		if frame, err := engine.Ask(t.Context(), sql); err != nil || frame.Rows[0][0] != nil {
			t.Errorf("%s of nine days ago: %v, %v, want unknown", panel.Title, frame, err)
		}
	}
	if asked != 2 {
		t.Errorf("%d of the two panels are there", asked)
	}
}

// expectWholeSteps: a chart of sums has no step that begins before the range, or ends after it, which would look like a fall.
func expectWholeSteps(t *testing.T, engine proof.Engine, r datasource.Request) {
	r.From, r.Interval = r.To.Add(-17*time.Minute), 5*time.Minute
	for file, titles := range map[string][]string{
		"fleet.json":    {"Messages sent"},
		"topic.json":    {"Messages", "Bytes by topic"},
		"client.json":   {"Messages by client", "Messages by node"},
		"pipeline.json": {"Reports by source", "Refused and lost", "Rows written"},
		"group.json":    {"Sent against consumed"},
	} {
		for _, title := range titles {
			var steps []string
			for _, row := range panelFrame(t, engine, file, title, r, proof.Choice{}).Rows {
				steps = append(steps, fmt.Sprint(row[0]))
			}
			steps = slices.Compact(steps)
			if len(steps) != 2 && len(steps) != 3 {
				t.Errorf("%s, %s: the steps %q, want those of five minutes that seventeen have as a whole", file, title, steps)
			}
			for _, step := range steps {
				begins, err := time.Parse(time.DateTime, step)
				if err != nil || begins.Before(r.From) || begins.Add(r.Interval).After(r.To) {
					t.Errorf("%s, %s: the step %s is not whole between %v and %v, %v", file, title, step, r.From, r.To, err)
				}
			}
		}
	}
}
