package lint

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/weirmq/weir/rules"
)

var textChecks = []Check{
	{Name: "missing-summary", Says: "a rule without annotation `summary` or `description`", find: findMissing("missing-summary"),
		Why: "Whoever gets the alert reads its name only."},
	{Name: "missing-runbook", Says: "a rule without annotation `runbook_url`, `runbook` or `action`", find: findMissing("missing-runbook"),
		Why: "Whoever gets the alert does not know what to do."},
	{Name: "missing-severity", Says: "a rule without label `severity`", find: findMissing("missing-severity"),
		Why: "Nobody can route the alert by how urgent it is."},
	{Name: "same-summary", Says: "a summary or description that shows no label of `by`", find: findSameSummary,
		Why: "All groups' alerts read the same."},
	{Name: "changing-label", Says: "a label that names a value or a moment, as `offset` or `timestamp` do, or whose text is a date", find: findChangingLabels,
		Why: "Labels are an alert's identity: each value is another alert."},
	{Name: "same-rule", Says: "a rule that differs from another by its name alone", find: findSameRules,
		Why: "Everybody is told twice."},
}

// A rule needs one of the names of each.
var (
	summaries = []string{"summary", "description"}
	runbooks  = []string{"runbook_url", "runbook", "action"}
)

// findMissing looks for rules that lack what a check asks for.
func findMissing(check string) func(*look) {
	return func(l *look) {
		for _, rule := range l.folder.Rules {
			annotations := rule.Annotations()
			has := func(names []string) bool {
				return slices.ContainsFunc(names, func(name string) bool { return strings.TrimSpace(annotations[name]) != "" })
			}
			switch {
			case check == "missing-summary" && !has(summaries):
				l.say(rule.Fault(fmt.Sprintf("alert %s says nothing to whoever gets it", rule.Alert), "add annotation summary", 0))
			case check == "missing-runbook" && !has(runbooks):
				l.say(rule.Fault(fmt.Sprintf("alert %s does not say what to do", rule.Alert), "add annotation runbook_url, or action", 0))
			case check == "missing-severity" && !hasSeverity(rule):
				l.say(rule.Fault(fmt.Sprintf("alert %s has no severity", rule.Alert), "add label severity, such as warning", 0))
			}
		}
	}
}

func hasSeverity(rule *rules.Rule) bool {
	escalates := slices.ContainsFunc(rule.Conditions(), func(c rules.Condition) bool { return c.Key == "warn" || c.Key == "crit" })
	return escalates || strings.TrimSpace(rule.Labels()["severity"]) != "" || slices.Contains(rule.Grouping.By, "severity")
}

var (
	templateAction = regexp.MustCompile(`(?s)\{\{.*?\}\}`)
	shownName      = regexp.MustCompile(`\.([a-zA-Z_][a-zA-Z0-9_]*)`)
)

// shown are the names that a template shows.
func shown(template string) []string {
	var out []string
	for _, action := range templateAction.FindAllString(template, -1) {
		for _, name := range shownName.FindAllStringSubmatch(action, -1) {
			out = append(out, name[1])
		}
	}
	return out
}

func findSameSummary(l *look) {
	for _, rule := range l.folder.Rules {
		name, names := "", []string(nil)
		for _, candidate := range summaries {
			if text, ok := rule.Annotations()[candidate]; ok && strings.TrimSpace(text) != "" {
				names = append(names, shown(text)...)
				if name == "" {
					name = candidate
				}
			}
		}
		told := slices.ContainsFunc(names, func(label string) bool { return slices.Contains(rule.Grouping.By, label) })
		if name == "" || told || len(rule.Grouping.By) == 0 {
			continue
		}
		l.say(rule.Fault(fmt.Sprintf("annotation %s does not say which group it is about", name),
			fmt.Sprintf("show a label of by, as in {{ .%s }}", rule.Grouping.By[0]), 0, "annotations", name))
	}
}

// changingNames are names of labels that hold values or moments.
var changingNames = []string{"time", "timestamp", "date", "datetime", "now", "value", "values", "offset", "offsets", "latency", "duration", "count",
	"trace_id", "traceid", "span_id", "request_id", "message_id", "msg_id", "correlation_id", "uuid", "guid"}

// dateText is a text with a date or a time of day in it.
var dateText = regexp.MustCompile(`\b\d{4}-\d{2}-\d{2}\b|\b\d{1,2}:\d{2}(:\d{2})?\b`)

func findChangingLabels(l *look) {
	for _, rule := range l.folder.Rules {
		for _, name := range rule.Grouping.By {
			if slices.Contains(changingNames, strings.ToLower(name)) {
				l.say(rule.Fault(fmt.Sprintf("label %s names a value or a moment: each is another group and another alert", name),
					"leave it out of by, or rename it if it does not change", 0, "by"))
			}
		}
		labels := rule.Labels()
		for _, name := range sortedKeys(labels) {
			switch {
			case slices.Contains(changingNames, strings.ToLower(name)):
				l.say(rule.Fault(fmt.Sprintf("label %s names a value or a moment, which would make another alert each time", name),
					"say it in an annotation", 0, "labels", name))
			case dateText.MatchString(labels[name]):
				l.say(rule.Fault(fmt.Sprintf("label %s holds a date or a time: when it is edited, every alert ends and begins again", name),
					"say it in an annotation", 0, "labels", name))
			}
		}
	}
}

func findSameRules(l *look) {
	first := map[string]*rules.Rule{}
	for _, rule := range l.folder.Rules {
		if rule.Tier != "" {
			continue // one variant says nothing of the others
		}
		text := contentOf(rule)
		if other := first[text]; other != nil {
			l.say(rule.Fault(fmt.Sprintf("alert %s is the same rule as %s at %s:%d", rule.Alert, other.Alert, other.File, other.Line),
				"take one of them away", 0))
			continue
		}
		first[text] = rule
	}
}

// contentOf is all of a rule but its name.
func contentOf(rule *rules.Rule) string {
	parts := []string{strings.Join(rule.Grouping.By, ","), rule.WhereText}
	for _, d := range []time.Duration{rule.Window, rule.For, rule.KeepFiringFor} {
		parts = append(parts, d.String())
	}
	for _, condition := range rule.Conditions() {
		parts = append(parts, condition.Key, condition.Tree.String())
	}
	for _, texts := range []map[string]string{rule.Labels(), rule.Annotations()} {
		for _, name := range sortedKeys(texts) {
			parts = append(parts, name, texts[name])
		}
		parts = append(parts, "")
	}
	return strings.Join(parts, "\n")
}
