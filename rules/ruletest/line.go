package ruletest

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/weirmq/weir/rules"
	"github.com/weirmq/weir/telemetry"
)

// Line is one thing that happened, as it is printed and expected: an alert that changed its state, or what show asked for.
type Line struct {
	At      time.Duration // since the beginning of the case
	Rule    string        // "" where it is what show asked for
	Labels  map[string]string
	State   telemetry.AlertState
	Values  map[string]float64 // what the expression read, completeness below 1 and late reports above 0
	Summary string
	Asks    []string // what its rule proposes to ask of clients, of a firing alert
	Reason  string
	Shown   string
}

// Names of values that are no fields of the expression.
const (
	completenessValue = "completeness"
	lateValue         = "late_reports"
)

// lineOf is what an alert's transition says.
func lineOf(alert *telemetry.Alert, begin time.Time) Line {
	line := Line{At: alert.EvaluatedAt.Sub(begin), Rule: alert.Rule, Labels: maps.Clone(alert.Labels), State: alert.State,
		Values: maps.Clone(alert.Values), Summary: alert.Annotations["summary"], Asks: rules.Asks(alert), Reason: alert.Reason}
	delete(line.Labels, "alertname")
	if line.Values == nil {
		line.Values = map[string]float64{}
	}
	if alert.Completeness < 1 {
		line.Values[completenessValue] = alert.Completeness
	}
	if alert.LateReports > 0 {
		line.Values[lateValue] = float64(alert.LateReports)
	}
	return line
}

// standing writes an alert as show alerts does: how it stands, not what it came to.
func (l *Line) standing(active, fired time.Duration) string {
	text := fmt.Sprintf("alert %s, active since %s", l.alert(), rules.FormatDuration(active))
	if l.State != telemetry.AlertPending {
		text += ", fired at " + rules.FormatDuration(fired)
	}
	return text
}

// String writes the line as a test file has it below want, and behind expect.
func (l *Line) String() string {
	if l.Rule == "" {
		return l.Shown
	}
	return rules.FormatDuration(l.At) + " " + l.alert()
}

// alert is the line without its time.
func (l *Line) alert() string {
	var out strings.Builder
	fmt.Fprintf(&out, "%s{", l.Rule)
	for i, name := range slices.Sorted(maps.Keys(l.Labels)) {
		if i > 0 {
			out.WriteByte(',')
		}
		fmt.Fprintf(&out, "%s=%s", name, Quoted(l.Labels[name]))
	}
	fmt.Fprintf(&out, "} %s", l.State)
	for _, name := range slices.Sorted(maps.Keys(l.Values)) {
		fmt.Fprintf(&out, " %s=%s", name, number(l.Values[name]))
	}
	if l.Summary != "" {
		fmt.Fprintf(&out, " %s", strconv.Quote(l.Summary))
	}
	for _, asks := range l.Asks {
		fmt.Fprintf(&out, " asks %s", strconv.Quote(asks))
	}
	if l.Reason != "" {
		fmt.Fprintf(&out, " because %s", strconv.Quote(l.Reason))
	}
	return out.String()
}

// asksNothing stands behind asks where an alert proposes nothing.
const asksNothing = "nothing"

// asks says whether the alert proposes to ask something: in words as they are printed, or the name of an action alone.
func (l *Line) asks(what string) bool {
	if what == asksNothing {
		return !slices.ContainsFunc(l.Asks, func(asked string) bool { return !strings.HasPrefix(asked, "no ") })
	}
	return slices.ContainsFunc(l.Asks, func(asks string) bool {
		name, _, _ := strings.Cut(asks, " ")
		return what == asks || what == name
	})
}

// listOr lists texts in quotes, and says otherwise where there are none.
func listOr(texts []string, otherwise string) string {
	if len(texts) == 0 {
		return otherwise
	}
	quoted := make([]string, len(texts))
	for i, text := range texts {
		quoted[i] = strconv.Quote(text)
	}
	return strings.Join(quoted, " and ")
}

// Quoted puts a text in quotes where it would end a word of the language, or begin another thing.
func Quoted(text string) string {
	if text == "" || strings.ContainsAny(text, " \t\"'{},=#\\") {
		return strconv.Quote(text)
	}
	return text
}

// told says that Alertmanager is told of it.
func (l *Line) told() bool {
	return l.Rule != "" && (l.State == telemetry.AlertFiring || l.State == telemetry.AlertResolved || l.State == Found)
}
