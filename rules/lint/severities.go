package lint

import (
	"fmt"
	"slices"
	"strings"

	"github.com/agext/levenshtein"

	"github.com/weirmq/weir/rules"
)

var severityChecks = []Check{
	{Name: "always-critical", Says: "a `crit` that is true wherever `warn` is", find: findAlwaysCritical,
		Why: "The alert is never a warning: most often the two are swapped."},
	{Name: "odd-severity", Says: "a label `severity` that is nearly `critical`, `warning` or `info`", find: findOddSeverities,
		Why: "Alerts are routed by its text, and this one goes elsewhere."},
}

// findAlwaysCritical looks for rules whose alerts are never a warning.
func findAlwaysCritical(l *look) {
	for _, rule := range l.folder.Rules {
		a := &analysis{}
		worlds := a.whereWorlds(rule, world{})
		var critical rules.Condition
		for _, condition := range rule.Conditions() {
			a.said = condition.Said
			if condition.Key == "crit" {
				critical = condition
			} else {
				worlds = a.refine(condition.Tree, worlds, true)
			}
		}
		if critical.Tree == nil || len(worlds) == 0 || !warns(rule) {
			continue
		}
		a.said = critical.Said
		if len(a.refine(critical.Tree, worlds, false)) == 0 {
			l.say(rule.Fault("crit is true wherever warn is, and the alert is never a warning", "swap them, or let crit ask for more", 0, "crit"))
		}
	}
}

// warns says that a rule has a condition of severity warning.
func warns(rule *rules.Rule) bool {
	return slices.ContainsFunc(rule.Conditions(), func(c rules.Condition) bool { return c.Key == "warn" })
}

// severities are those that the shipped rules and the example of Alertmanager's configuration know.
var severities = []string{"critical", "warning", "info"}

// maxOff is how many letters a severity may be off to be taken for another. Not smaller: swapped letters are two; not larger:
// a team's own, such as page, is none of them.
const maxOff = 2

func findOddSeverities(l *look) {
	for _, rule := range l.folder.Rules {
		for _, text := range templateAction.Split(rule.Labels()["severity"], -1) {
			text = strings.TrimSpace(text)
			at := slices.IndexFunc(severities, func(known string) bool { return nearly(text, known) })
			if text != "" && !slices.Contains(severities, text) && at >= 0 {
				l.say(rule.Fault(fmt.Sprintf("severity %s is none that routes know", text), fmt.Sprintf("did you mean %q?", severities[at]), 0, "labels", "severity"))
			}
		}
	}
}

// nearly says that a text was meant as a severity: its beginning, or some letters off it.
func nearly(text, known string) bool {
	small := strings.ToLower(text)
	return len(small) >= len("crit") && strings.HasPrefix(known, small) || levenshtein.Distance(small, known, nil) <= min(maxOff, len(known)/2)
}
