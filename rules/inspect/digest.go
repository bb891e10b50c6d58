package inspect

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/weirmq/weir/telemetry"
)

// DigestName is the label alertname of digests.
const DigestName = "Inspection"

// digestGrouping stands for a grouping in the key of a digest; those of rules are hexadecimal.
const digestGrouping = "inspection"

// Bounds of what a digest names. People look at the table for all.
const (
	// Not fewer: each rule shows what it is about; not more: chats cut messages after some thousand letters.
	maxNamed       = 20
	maxNamedOfRule = 5
	// Not shorter: a name of a topic and a sentence; not longer: as above.
	maxNamedLetters = 160
)

// howTo is where people read what to do.
const howTo = "https://github.com/weirmq/weir/blob/main/docs/operations.md#the-daily-inspection"

// Digest is the report as an alert that fires since a time. Its labels are those of the day, so that a day that is asked again has
// the same identity.
func (r *Report) Digest(since time.Time) telemetry.Alert {
	day := r.Day.Format(time.DateOnly)
	labels := map[string]string{"alertname": DigestName, "severity": "info", "lane": "inspection", "day": day}
	counts := map[string]float64{}
	for i := range r.Findings {
		counts[r.Findings[i].Rule]++
	}
	return telemetry.Alert{ID: telemetry.Fingerprint(labels), Rule: DigestName, GroupKey: telemetry.GroupKey(digestGrouping, []string{day}), Labels: labels,
		Annotations: map[string]string{"summary": r.digestSummary(), "description": r.digestText(), "runbook_url": howTo},
		State:       telemetry.AlertFiring, ActiveAt: since, FiredAt: since, EvaluatedAt: r.AskedAt, Seq: 1, Values: counts,
		WindowStart: r.Day, WindowEnd: r.Day.Add(24 * time.Hour), Completeness: r.Completeness, Transition: true, Revision: r.Revision}
}

// IsDigest says that an alert is one.
func IsDigest(alert *telemetry.Alert) bool {
	return strings.HasPrefix(alert.GroupKey, telemetry.GroupKey(digestGrouping, []string{""}))
}

// SQL asks the store of all that a digest counts.
func SQL(digest *telemetry.Alert) string {
	return "SELECT rule, severity, labels, summary FROM inspections WHERE day = '" + digest.Labels["day"] + "' ORDER BY rule, fingerprint"
}

func (r *Report) digestSummary() string {
	var counts []string
	for _, asked := range r.Asked {
		if asked.Findings > 0 {
			counts = append(counts, fmt.Sprintf("%s %d", asked.Rule, asked.Findings))
		}
	}
	return fmt.Sprintf("%s on %s: %s", amount(len(r.Findings), "finding"), r.Day.Format(time.DateOnly), strings.Join(counts, ", "))
}

// digestText names the first findings of each rule, and says where all are.
func (r *Report) digestText() string {
	var b strings.Builder
	named, ofRule := 0, map[string]int{}
	for i := range r.Findings {
		f := &r.Findings[i]
		if named == maxNamed || ofRule[f.Rule] == maxNamedOfRule {
			continue
		}
		named++
		ofRule[f.Rule]++
		fmt.Fprintf(&b, "%s\n", shortened(f.Rule+": "+says(f)))
	}
	if more := len(r.Findings) - named; more > 0 {
		fmt.Fprintf(&b, "and %d more; at most %d are named, %d of a rule.\n", more, maxNamed, maxNamedOfRule)
	}
	for _, note := range r.notes() {
		fmt.Fprintf(&b, "Note: %s\n", shortened(note))
	}
	fmt.Fprintf(&b, "All of them: weir rules inspect --day %[1]s, or SELECT * FROM inspections WHERE day = '%[1]s'.", r.Day.Format(time.DateOnly))
	return b.String()
}

// says is a finding's summary, or what it is of.
func says(f *telemetry.Finding) string {
	if summary := oneLine(f.Annotations["summary"]); summary != "" {
		return summary
	}
	return Group(f)
}

// shortened is a text of at most maxNamedLetters.
func shortened(text string) string {
	if utf8.RuneCountInString(text) <= maxNamedLetters {
		return text
	}
	return string([]rune(text)[:maxNamedLetters-1]) + "…"
}
