package rules

import (
	"regexp"
	"slices"
	"time"

	"go.yaml.in/yaml/v3"
)

// Bounds of one rule. Lookback is what the rule stage keeps in memory and replays
// after a restart.
const (
	MaxSpan     = time.Hour        // a window, or a duration of over and ago; not smaller: "an hour ago" is asked; not larger: the store has what is older
	MaxLookback = 90 * time.Minute // all together; not smaller: an hour that leaves out what is newest is a norm; not larger: memory and replay grow with it
	MaxBy       = 8                // not smaller: six labels name a resource; not larger: groups multiply
)

// DefaultWindow applies where a rule names none. Not smaller: a single pane is
// noise; not larger: an alert would come late.
const DefaultWindow = time.Minute

var (
	alertName = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`)
	fileKeys  = []string{"groups"}
	groupKeys = []string{"name", "lane", "let", "defaults", "rules"}
	// sharedKeys are those of a rule that a group may set for all of its rules.
	sharedKeys = []string{"by", "where", "window", "let", "for", "keep_firing_for", "limit", "labels", "annotations"}
	ruleKeys   = []string{"alert", "by", "where", "window", "let", "expr", "warn", "crit", "for", "keep_firing_for", "limit", "labels", "annotations", "actions", "by_tier"}
)

// layers are the values by key that a rule is put together from, the outermost first: its group's, then its own.
type layers []map[string]*yaml.Node

// value is that of the innermost layer that has the key, nil where none has.
func (l layers) value(key string) *yaml.Node {
	for _, layer := range slices.Backward(l) {
		if node := layer[key]; node != nil {
			return node
		}
	}
	return nil
}

// values are those of all layers that have the key.
func (l layers) values(key string) []*yaml.Node {
	var out []*yaml.Node
	for _, layer := range l {
		if node := layer[key]; node != nil {
			out = append(out, node)
		}
	}
	return out
}

func (d *decoder) file(node *yaml.Node) []*Rule {
	var out []*Rule
	groups := d.sequence(d.mapping(node, "a rule file", fileKeys)["groups"], "groups")
	d.groupLets = letsOfGroups(groups)
	for _, group := range groups {
		out = append(out, d.group(group)...)
	}
	return out
}

// letsOfGroups are the names of the lets of groups and their defaults, each with the name of the first group that has it.
func letsOfGroups(groups []*yaml.Node) map[string]string {
	out := map[string]string{}
	for _, group := range slices.Backward(groups) {
		name := under(group, []string{"name"})
		for _, keys := range [][]string{{"let"}, {"defaults", "let"}} {
			for key := range entries(under(group, keys)) {
				if name != nil {
					out[key.Value] = name.Value
				}
			}
		}
	}
	return out
}

func (d *decoder) group(node *yaml.Node) []*Rule {
	fields := d.mapping(node, "a group", groupKeys)
	name, ok := d.text(fields["name"], "name")
	if !ok && fields["name"] == nil {
		d.fault(node, "add name: messages, or another", "the group has no name")
	}
	of := ruleGroup{name, d.lane(fields["lane"]), node, fields["let"], fields["defaults"]}
	if shared := d.layersOf(of); len(shared) > 0 { // by themselves: each rule may have its own
		d.shared(shared, &Rule{Lane: of.lane})
	}
	var out []*Rule
	for _, rule := range d.sequence(fields["rules"], "rules") {
		out = append(out, d.rule(rule, of)...)
	}
	return out
}

// ruleGroup is what a group says of all of its rules.
type ruleGroup struct {
	name                string
	lane                Lane
	node, let, defaults *yaml.Node // nil where it has none
}

// layersOf are those of a group: its lets, then its defaults.
func (d *decoder) layersOf(of ruleGroup) layers {
	var out layers
	if of.let != nil {
		out = append(out, map[string]*yaml.Node{"let": of.let})
	}
	if of.defaults != nil {
		out = append(out, d.mapping(of.defaults, "defaults", sharedKeys))
	}
	return out
}

// shared decodes what a group may set for all of its rules, without the templates.
func (d *decoder) shared(from layers, rule *Rule) {
	d.window(from.value("window"), rule)
	d.waits(from, rule)
	rule.Limit = d.limit(from.value("limit"))
	rule.Grouping.By = d.by(from.value("by"))
	rule.lets = d.lets(from, rule)
	d.where(from.value("where"), rule)
}

// rule decodes a rule, as one for each tier where it has by_tier; none where it has a fault.
func (d *decoder) rule(node *yaml.Node, of ruleGroup) []*Rule {
	before := d.found
	own := d.mapping(node, "a rule", ruleKeys)
	if node.Kind != yaml.MappingNode {
		return nil
	}
	rule := &Rule{Group: of.name, Lane: of.lane, File: d.path, Line: node.Line, column: node.Column, source: d.line(node.Line)}
	rule.written = written{d, []*yaml.Node{of.node, of.defaults, node}}
	alert, ok := d.text(own["alert"], "alert")
	switch {
	case !ok && own["alert"] == nil:
		d.fault(node, "add alert: Name", "the rule has no name")
	case ok && !alertName.MatchString(alert):
		d.fault(own["alert"], meantByAlert(alert), "got alert %q, want letters, digits and _, no digit first", alert)
	case ok:
		rule.Alert, rule.Line, rule.column = alert, own["alert"].Line, own["alert"].Column
		rule.source = d.line(rule.Line)
	}
	from := append(d.layersOf(of), own)
	out := []*Rule{rule}
	if own["by_tier"] != nil {
		out = d.tiers(own["by_tier"], rule, from)
	} else {
		d.complete(node, rule, from)
	}
	if d.found > before {
		return nil
	}
	return out
}

// complete decodes what a rule is put together from; faults of what is not there stand at a node.
func (d *decoder) complete(node *yaml.Node, rule *Rule, from layers) {
	d.shared(from, rule)
	d.conditions(node, rule, from)
	rule.labels = d.templates(from.values("labels"), "label", rule)
	rule.annotations = d.templates(from.values("annotations"), "annotation", rule)
	d.actions(from.value("actions"), rule, from)
	first := from.firstCondition()
	if lookback, most := rule.Lookback(), rule.Lane.maxLookback(); first != nil && lookback > most {
		d.fault(first, "shorten the window or ago", "the rule looks back %s, at most %s is kept", FormatDuration(lookback), FormatDuration(most))
	}
	rule.Grouping.ID = groupingID(rule.Grouping.By, rule.WhereText)
}
