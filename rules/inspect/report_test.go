package inspect

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weirmq/weir/internal/golden"
	"github.com/weirmq/weir/rules"
	"github.com/weirmq/weir/telemetry"
)

var day = time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC)

func large(topic, summary string) telemetry.Finding {
	labels := map[string]string{"alertname": "Large", "severity": "info", "topic": topic, "cluster": "eu"}
	return telemetry.Finding{Rule: "Large", Severity: "info", ID: telemetry.Fingerprint(labels), Labels: labels, Values: map[string]float64{"size_max": 20480},
		Annotations: map[string]string{"summary": summary}, WindowStart: day, WindowEnd: day.Add(rules.Day), Completeness: 0.99995}
}

// told is a report with all that one may say.
func told() *Report {
	return &Report{Inspection: telemetry.Inspection{Day: day, AskedAt: day.Add(30 * time.Hour), Completeness: 0.9999999, Revision: "0f3a12b4c5d6", Rules: 4,
		Findings: []telemetry.Finding{large("orders", "orders is\n  large"), large("a|b", "*a|b* <is> large")}},
		Asked: []rules.InspectedRule{{Rule: "Large", Groups: 9, Findings: 2, Limited: 3}, {Rule: "Cold", Groups: 4, Undecided: 1}, {Rule: "Old"}, {Rule: "Bad", LastError: "no number"}},
		Notes: []string{"the store lacks 1 of 90 reports of 2026-11-25."}}
}

// TestReports compares what is printed with the files in testdata.
func TestReports(t *testing.T) {
	t.Parallel()
	nothing := &Report{Inspection: telemetry.Inspection{Day: day, AskedAt: day.Add(30 * time.Hour), Completeness: 1, Rules: 1}}
	uncounted := &Report{Inspection: nothing.Inspection, Uncounted: true}
	for name, report := range map[string]*Report{"told": told(), "nothing": nothing, "uncounted": uncounted} {
		for _, format := range Formats {
			var out strings.Builder
			if err := report.Write(&out, format); err != nil {
				t.Fatal(err)
			}
			golden.Compare(t, filepath.Join("testdata", name+"."+format), out.String())
		}
	}
	if !told().Failed() || nothing.Failed() {
		t.Error("a report failed where every rule was asked, or did not")
	}
	if err := nothing.Write(&strings.Builder{}, "yaml"); fmt.Sprint(err) != `print an inspection: format "yaml" is none of text, json, markdown` {
		t.Errorf("got %v for another format", err)
	}
}

// TestDigest has the same identity whenever its day is asked, and says what was found and what was not.
func TestDigest(t *testing.T) {
	t.Parallel()
	report := told()
	got := report.Digest(day.Add(30 * time.Hour))
	want := `Large: orders is large
Large: *a|b* <is> large
Note: the store lacks 1 of 90 reports of 2026-11-25.
Note: Large finds 3 more than its limit allows.
Note: Cold is undecided of 1 group: too much is unknown.
Note: Bad could not be asked of all groups: no number.
All of them: weir rules inspect --day 2026-11-25, or SELECT * FROM inspections WHERE day = '2026-11-25'.`
	if diff := cmp.Diff(want, got.Annotations["description"]); diff != "" {
		t.Errorf("description (-want +got):\n%s", diff)
	}
	if got.Annotations["summary"] != "2 findings on 2026-11-25: Large 2" || got.Values["Large"] != 2 || !IsDigest(&got) {
		t.Errorf("got %+v", got)
	}
	report.AskedAt, report.Findings = report.AskedAt.Add(time.Hour), report.Findings[:1]
	again := report.Digest(day.Add(30 * time.Hour))
	if again.ID != got.ID || !again.FiredAt.Equal(got.FiredAt) || again.Seq != got.Seq || !again.EvaluatedAt.After(got.EvaluatedAt) {
		t.Errorf("it is asked again as %+v, before as %+v", again, got)
	}
	report.Day = day.Add(rules.Day)
	if next := report.Digest(day); next.ID == got.ID {
		t.Error("two days have one identity")
	}
	if IsDigest(&telemetry.Alert{Rule: DigestName, GroupKey: "0123456789abcdef\x00a"}) {
		t.Error("an alert of a rule is a digest")
	}
}

// TestADigestNamesSome: a few of each rule, and all lines are short.
func TestADigestNamesSome(t *testing.T) {
	t.Parallel()
	report := &Report{Inspection: telemetry.Inspection{Day: day}}
	for rule := range 6 {
		asked := rules.InspectedRule{Rule: fmt.Sprint("Rule", rule), Findings: 50}
		report.Asked = append(report.Asked, asked)
		for range asked.Findings {
			f := large("orders", strings.Repeat("ü", 500))
			f.Rule = asked.Rule
			report.Findings = append(report.Findings, f)
		}
	}
	lines := strings.Split(report.Digest(day).Annotations["description"], "\n")
	if len(lines) != 22 || lines[20] != "and 280 more; at most 20 are named, 5 of a rule." || strings.Count(strings.Join(lines, "\n"), "Rule0: ") != 5 {
		t.Errorf("it has %d lines: %q", len(lines), lines)
	}
	if want := "Rule0: " + strings.Repeat("ü", 152) + "…"; lines[0] != want {
		t.Errorf("a line is %q, want %q", lines[0], want)
	}
	report.Findings = []telemetry.Finding{large("orders", "")}
	if got := report.Digest(day).Annotations["description"]; !strings.HasPrefix(got, "Large: cluster=eu topic=orders\n") {
		t.Errorf("without a summary it says %q", got)
	}
}
