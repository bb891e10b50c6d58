package lint

import (
	"fmt"
	"slices"
	"strings"

	"github.com/weirmq/weir/rules"
	"github.com/weirmq/weir/telemetry"
)

var groupingChecks = []Check{
	{Name: "empty-group", Says: "a group without rules", find: findEmptyGroups, Why: "Its rules may stand on another level, where nobody reads them."},
	{Name: "many-groups", Says: "a `by` with `client`, with `partition` and `node`, or with a label of the application's own, whose values `where` does not list; with `--against` one that makes more than 10,000 groups", find: findManyGroups, asks: true,
		Why: "Each combination of values costs memory, and is an alert of its own."},
	{Name: "matches-nothing", Says: "with `--against`, a `where` that admits nothing that the store holds, or a `by` whose labels nothing has", find: findUnmatched, asks: true,
		Why: "A name or a value is written otherwise than clients report it."},
	{Name: "where-admits-nothing", Says: "a `where` that contradicts itself", find: findEmptyWhere,
		Why: "No series is ever looked at."},
}

func findManyGroups(l *look) {
	l.sayCrowded()
	for _, rule := range l.folder.Rules {
		if rule.Lane == rules.LaneInspection {
			continue // its groups are made once a day, and are no alerts
		}
		listed := listedLabels(rule)
		by := rule.Grouping.By
		open := func(label string) bool { return slices.Contains(by, label) && !slices.Contains(listed, label) }
		if open("client") {
			l.say(rule.Fault("by has client: each client is a group, and an alert of its own", "count them instead, as in departed_clients >= 1, or group by node", 0, "by"))
		}
		if open("partition") && open("node") {
			l.say(rule.Fault("by has partition and node: each pair of them is a group", "leave one of them out", 0, "by"))
		}
		for _, label := range by {
			if open(label) && !slices.Contains(telemetry.LabelNames, label) {
				l.say(rule.Fault(fmt.Sprintf("by has %s, a label of the application's own: nothing says how many values it has", label),
					fmt.Sprintf(`list them in where, as in label("%s") in ["a", "b"]`, label), 0, "by"))
			}
		}
	}
}

func findEmptyGroups(l *look) {
	for _, layout := range l.layouts {
		for _, group := range layout.groups {
			if group.empty {
				l.say(rules.Fault{File: layout.path, Line: group.first, Column: group.column, Source: layout.lines[group.first-1],
					Message: "the group has no rules", Hint: "write them below it under the key rules, or take it away"})
			}
		}
	}
}

// listedLabels are the labels of which a rule's where says all values that it admits.
func listedLabels(rule *rules.Rule) []string {
	if rule.WhereTree() == nil {
		return nil
	}
	a := &analysis{}
	worlds := a.whereWorlds(rule, world{})
	var out []string
	for _, label := range rule.Grouping.By {
		bounded := len(worlds) > 0
		for _, w := range worlds {
			bounded = bounded && (w[label].only != nil || w[labelCall(label)].only != nil)
		}
		if bounded {
			out = append(out, label)
		}
	}
	return out
}

// labelCall is how an expression names a label that is not well known.
func labelCall(label string) string { return fmt.Sprintf("label(%q)", label) }

func findEmptyWhere(l *look) {
	for _, rule := range l.folder.Rules {
		a := &analysis{}
		if len(a.whereWorlds(rule, world{})) == 0 {
			offset, keys := placeIn(rule, a.at)
			l.say(rule.Fault("where admits nothing"+strings.TrimSuffix(": "+a.conflict, ": "), "join alternatives with or", offset, keys...))
		}
	}
}
