package rules

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/expr-lang/expr/ast"
	"go.yaml.in/yaml/v3"

	"github.com/weirmq/weir/control"
)

// Keys of an action beside what it asks.
const (
	lastsKey   = "lasts"
	releaseKey = "release"
)

// actionKeys are all keys of an action.
var actionKeys = append(slices.Clone(askedNames), lastsKey, releaseKey)

// actions decodes what a rule proposes. What is wrong with whom it would be for stands at the rule's by.
func (d *decoder) actions(node *yaml.Node, rule *Rule, from layers) {
	if node == nil {
		return
	}
	if rule.Lane == LaneInspection {
		d.fault(node, "leave it out, or move the rule to a group without lane: inspection", "an inspection has no actions: it tells of a day that is over")
		return
	}
	items := d.sequence(node, "actions, each of which asks something of clients")
	if len(items) == 0 || !d.scoped(node, rule, from) {
		return
	}
	given := map[string]int{}
	for _, item := range items {
		found := d.action(item, rule, from)
		if found == nil {
			continue
		}
		name := found.command.Action()
		if line := given[name]; line > 0 {
			d.fault(item, fmt.Sprintf("the first stands in line %d", line), "the rule asks %s twice", name)
			continue
		}
		given[name] = item.Line
		rule.actions = append(rule.actions, *found)
	}
}

// scoped says whether the labels that a rule groups by give a command a scope that is no wider than the alert.
func (d *decoder) scoped(node *yaml.Node, rule *Rule, from layers) bool {
	at, by := from.value("by"), rule.Grouping.By
	if at == nil {
		at = node
	}
	before := d.found
	if !slices.ContainsFunc(by, func(name string) bool { return slices.Contains(namingLabels, name) }) {
		d.fault(at, "add one of them to by", "actions: the rule groups by %v, and a command is for a %s", by, orList(namingLabels))
	}
	for _, name := range by {
		if scopeLabels[name] == nil {
			d.fault(at, "take it out of by, or leave actions out", "actions: no command can be for one %s alone: it would be for more than the alert is about", name)
		}
	}
	if tree := rule.WhereTree(); tree != nil {
		read := namesRead{}
		ast.Walk(&tree, &read)
		for _, name := range slices.Compact(slices.Sorted(slices.Values(read.labels))) {
			if scopeLabels[name] != nil && !slices.Contains(by, name) {
				d.fault(at, "add it to by", "actions: where looks at %s, and by has it not: a command would be for clients that where leaves out", name)
			}
		}
	}
	return d.found == before
}

func orList(names []string) string {
	return strings.Join(names[:len(names)-1], ", ") + " or " + names[len(names)-1]
}

// action decodes one action; nil where something is wrong with it.
func (d *decoder) action(node *yaml.Node, rule *Rule, from layers) *ruleAction {
	before := d.found
	fields := d.mapping(node, "an action", actionKeys)
	if d.found > before {
		return nil
	}
	var named []string
	for _, name := range askedNames {
		if fields[name] != nil {
			named = append(named, name)
		}
	}
	if len(named) != 1 {
		got := "nothing"
		if len(named) > 1 {
			got = strings.Join(named, " and ")
		}
		d.fault(node, "write one - for each", "an action asks %s, want exactly one of %s", got, strings.Join(askedNames, ", "))
	}
	out := &ruleAction{lasts: d.lasts(node, fields[lastsKey])}
	values, places := map[string]any{}, map[string]*yaml.Node{}
	for _, name := range append(named, releaseKey) {
		if fields[name] != nil {
			values[name] = d.asked(fields[name], name, places)
		}
	}
	if d.found == before {
		d.askable(node, out, asking{values, places, rule, from})
	}
	if d.found > before {
		return nil
	}
	return out
}

func (d *decoder) lasts(action, node *yaml.Node) time.Duration {
	if node == nil {
		d.fault(action, "add lasts: 5m", "an action lacks lasts: how long it is in force without being renewed")
		return 0
	}
	before := d.found
	lasts := d.duration(node, lastsKey, 0)
	if d.found == before && (lasts < MinLasts || lasts > MaxLasts) {
		d.fault(node, "while the alert fires it is renewed", "got %s for lasts, want %s to %s", FormatDuration(lasts), FormatDuration(MinLasts), FormatDuration(MaxLasts))
	}
	return lasts
}

// asking is what an action asks, as the values of a command, and where each stands.
type asking struct {
	values map[string]any
	places map[string]*yaml.Node // by the path of the command
	rule   *Rule
	from   layers
}

// askable makes a command of what an action asks, by the rules that hold for all of them.
func (d *decoder) askable(node *yaml.Node, out *ruleAction, of asking) {
	text, err := json.Marshal(of.values)
	if err != nil {
		d.fault(node, "", "an action: %s", err)
		return
	}
	command, faults, err := control.DecodeCommand(text)
	if err != nil {
		d.fault(node, "", "an action: %s", err)
		return
	}
	out.command = command
	if len(faults) == 0 {
		faults = faultsAsWritten(command, of.rule)
	}
	for _, fault := range faults {
		at := of.places[fault.Path]
		for path := fault.Path; at == nil && path != ""; at = of.places[path] {
			path = path[:max(strings.LastIndexAny(path, "."), 0)]
		}
		if by := of.from.value("by"); strings.HasPrefix(fault.Path, "scope") && by != nil {
			at = by
		}
		if at == nil {
			at = node
		}
		d.fault(at, "", "actions: %s", fault)
	}
}

// faultsAsWritten are those that a command would have as the rule's alerts have it written, whatever their labels say.
func faultsAsWritten(command control.Command, rule *Rule) control.Faults {
	labels := map[string]string{}
	for _, name := range rule.Grouping.By {
		labels[name] = "0" // which may be a partition, too
	}
	if labels["system"] != "" {
		labels["system"] = control.Systems[0]
	}
	command.Scope, _ = scopeOf(rule.Grouping.By, labels)
	command.Schema, command.Revision, command.Name, command.Author, command.Reason = control.Schema, 1, "rule", "rule", "rule"
	command.CreatedAt = time.Unix(0, 0)
	command.ExpiresAt = command.CreatedAt.Add(MinLasts)
	var faults control.Faults
	errors.As(command.Validate(), &faults)
	return faults
}

// asked reads the fields of what an action asks, as the values of the command's.
func (d *decoder) asked(node *yaml.Node, name string, places map[string]*yaml.Node) map[string]any {
	out, known := map[string]any{}, askedFields[name]
	places[name] = node
	switch {
	case name == "pause":
		if node.Kind != yaml.MappingNode || len(node.Content) > 0 {
			d.fault(node, "write pause: {}", "got %s for pause, which has nothing to say", kindName(node))
		}
		return out
	case name == reportIntervalKey && node.Kind != yaml.ScalarNode:
		d.fault(node, "write report_interval: 5s", "got %s for report_interval, want a time", kindName(node))
		return out
	case name == reportIntervalKey: // one field, which stands for the whole
		known[0].read(d, node, name, out)
		return out
	}
	names := make([]string, len(known))
	for i := range known {
		names[i] = known[i].name
	}
	given := d.mapping(node, name, names)
	for _, field := range known {
		value := given[field.name]
		switch {
		case value != nil:
			places[name+"."+field.path] = value
			field.read(d, value, name, out)
		case field.needed && node.Kind == yaml.MappingNode:
			d.fault(node, "", "%s lacks %s", name, field.name)
		}
	}
	if len(given) == 0 && len(known) > 1 && !known[0].needed && node.Kind == yaml.MappingNode && len(node.Content) == 0 {
		d.fault(node, "", "%s asks nothing, want one of %s", name, strings.Join(names, ", "))
	}
	return out
}

// truth reads true or false.
func (d *decoder) truth(node *yaml.Node, what string) bool {
	text, ok := d.text(node, what)
	value, err := strconv.ParseBool(text)
	if ok && (err != nil || node.Tag != "!!bool") {
		d.fault(node, "", "got %q for %s, want true or false", text, what)
	}
	return value
}
