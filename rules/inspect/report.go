// Package inspect tells what the rules of the lane inspection found on a day: as a report for people and programs, and as one
// alert, the digest. In flows what rules.Inspection answered.
package inspect

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/weirmq/weir/rules"
	"github.com/weirmq/weir/telemetry"
)

// Report is what a day's inspection tells.
type Report struct {
	telemetry.Inspection
	Asked []rules.InspectedRule
	Notes []string // what the history lacks, sentences
	// Uncounted says that the ledger has no closed segment of the day, or lacks the end of a source: of how many of the day's reports
	// are stored, nothing is known.
	Uncounted bool
}

// NewReport asks an inspection. The completeness is of the day alone, and nothing of the answer depends on the clock but AskedAt.
func NewReport(in *rules.Inspection, set *rules.Set, askedAt time.Time) *Report {
	r := &Report{Inspection: telemetry.Inspection{Day: in.Day(0), AskedAt: askedAt.UTC(), Completeness: in.Completeness(), Revision: set.Revision,
		Rules: rules.Count(set.Inspections)}}
	r.Asked, r.Findings = in.Finish()
	return r
}

// Failed says that some rule could not be asked of all groups.
func (r *Report) Failed() bool {
	return slices.ContainsFunc(r.Asked, func(a rules.InspectedRule) bool { return a.LastError != "" })
}

// Formats are the names that Write takes.
var Formats = []string{"text", "json", "markdown"}

// Write prints the report in one of Formats.
func (r *Report) Write(out io.Writer, format string) error {
	var text string
	var err error
	switch format {
	case "text":
		text, err = r.text()
	case "json":
		text, err = r.json()
	case "markdown":
		text = r.markdown()
	default:
		err = fmt.Errorf("format %q is none of %s", format, strings.Join(Formats, ", "))
	}
	if err == nil {
		_, err = io.WriteString(out, text)
	}
	if err != nil {
		return fmt.Errorf("print an inspection: %w", err)
	}
	return nil
}

// Summary is the report in a sentence.
func (r *Report) Summary() string {
	stored := share(r.Completeness) + " of the day's reports are stored"
	if r.Uncounted {
		stored = "how many of the day's reports are stored is unknown"
	}
	return fmt.Sprintf("%s: %s of %s, %s.", r.Day.Format(time.DateOnly), amount(len(r.Findings), "finding"), amount(r.Rules, "rule"), stored)
}

// share is a share as people read it. What is not all is not 100%.
func share(of float64) string {
	text := fmt.Sprintf("%.4g%%", 100*of)
	if text == "100%" && of < 1 {
		return "nearly 100%"
	}
	return text
}

func amount(n int, of string) string {
	if n == 1 {
		return "1 " + of
	}
	return fmt.Sprintf("%d %ss", n, of)
}

// notes are what the history lacks, and what became of rules besides findings.
func (r *Report) notes() []string {
	out := slices.Clone(r.Notes)
	for _, asked := range r.Asked {
		if asked.Undecided > 0 {
			out = append(out, fmt.Sprintf("%s is undecided of %s: too much is unknown.", asked.Rule, amount(asked.Undecided, "group")))
		}
		if asked.Limited > 0 {
			out = append(out, fmt.Sprintf("%s finds %d more than its limit allows.", asked.Rule, asked.Limited))
		}
		if asked.LastError != "" {
			out = append(out, fmt.Sprintf("%s could not be asked of all groups: %s.", asked.Rule, asked.LastError))
		}
	}
	return out
}

var heading = []string{"Rule", "Severity", "Group", "Finding"}

// rows are the table's.
func (r *Report) rows() [][]string {
	var out [][]string
	for i := range r.Findings {
		f := &r.Findings[i]
		out = append(out, []string{f.Rule, f.Severity, Group(f), oneLine(f.Annotations["summary"])})
	}
	return out
}

// Group is what a finding is of, as name=value in the order of names.
func Group(f *telemetry.Finding) string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(f.Labels)) {
		if name != "alertname" && name != "severity" {
			out = append(out, name+"="+f.Labels[name])
		}
	}
	return strings.Join(out, " ")
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

func (r *Report) text() (string, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", r.Summary())
	for _, note := range r.notes() {
		fmt.Fprintf(&b, "Note: %s\n", note)
	}
	rows := r.rows()
	if len(rows) == 0 {
		return b.String(), nil
	}
	b.WriteString("\n")
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, row := range slices.Concat([][]string{heading}, rows) {
		fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	err := w.Flush()
	return b.String(), err
}

func (r *Report) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "### Inspection of %s\n", r.Summary())
	for _, note := range r.notes() {
		fmt.Fprintf(&b, "\n> %s\n", note)
	}
	rows := r.rows()
	if len(rows) == 0 {
		return b.String()
	}
	fmt.Fprintf(&b, "\n| %s |\n|%s\n", strings.Join(heading, " | "), strings.Repeat(" --- |", len(heading)))
	for _, row := range rows {
		for i := range row {
			row[i] = inTable.Replace(row[i])
		}
		fmt.Fprintf(&b, "| %s |\n", strings.Join(row, " | "))
	}
	return b.String()
}

// inTable escapes what ends a cell of a Markdown table, or is markup in it.
var inTable = strings.NewReplacer("|", `\|`, "<", "&lt;", "*", `\*`, "_", `\_`, "`", "\\`", "[", `\[`)

// jsonReport is the JSON of a report. Times are RFC 3339.
type jsonReport struct {
	Day          string                `json:"day"`
	AskedAt      time.Time             `json:"asked_at"`
	Completeness *float64              `json:"completeness"` // null where it is unknown
	Revision     string                `json:"revision"`
	Rules        []rules.InspectedRule `json:"rules"`
	Findings     []telemetry.Finding   `json:"findings"`
	Notes        []string              `json:"notes,omitempty"`
}

func (r *Report) json() (string, error) {
	report := jsonReport{r.Day.Format(time.DateOnly), r.AskedAt, &r.Completeness, r.Revision, r.Asked, r.Findings, r.Notes}
	if r.Uncounted {
		report.Completeness = nil
	}
	if report.Findings == nil {
		report.Findings = []telemetry.Finding{}
	}
	if report.Rules == nil {
		report.Rules = []rules.InspectedRule{}
	}
	text, err := json.MarshalIndent(report, "", "  ")
	return string(text) + "\n", err
}
