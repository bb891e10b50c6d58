package rules

import (
	"errors"
	"fmt"
	"hash/fnv"
	"regexp"
	"slices"
	"strings"
	"text/template"
	"time"

	"github.com/agext/levenshtein"
	"go.yaml.in/yaml/v3"

	"github.com/weirmq/weir/telemetry"
)

// Bounds of one rule. Lookback is what the rule stage keeps in memory and replays
// after a restart.
const (
	MaxLookback = time.Hour // not smaller: "an hour ago" is asked; not larger: memory and replay grow with it
	MaxBy       = 8         // not smaller: six labels name a resource; not larger: groups multiply
)

// DefaultWindow applies where a rule names none. Not smaller: a single pane is
// noise; not larger: an alert would come late.
const DefaultWindow = time.Minute

var (
	alertName = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`)
	fileKeys  = []string{"groups"}
	groupKeys = []string{"name", "rules"}
	ruleKeys  = []string{"alert", "by", "where", "window", "expr", "for", "keep_firing_for", "labels", "annotations"}
)

func (d *decoder) file(node *yaml.Node) []*Rule {
	var out []*Rule
	for _, group := range d.sequence(d.mapping(node, "a rule file", fileKeys)["groups"], "groups") {
		fields := d.mapping(group, "a group", groupKeys)
		name, ok := d.text(fields["name"], "name")
		if !ok && fields["name"] == nil {
			d.fault(group, "", "the group has no name")
		}
		for _, rule := range d.sequence(fields["rules"], "rules") {
			if decoded := d.rule(rule, name); decoded != nil {
				out = append(out, decoded)
			}
		}
	}
	return out
}

func (d *decoder) rule(node *yaml.Node, group string) *Rule {
	before := len(d.faults)
	fields := d.mapping(node, "a rule", ruleKeys)
	rule := &Rule{Group: group, File: d.path, Line: node.Line, column: node.Column, source: d.line(node.Line), written: written{d, node}}
	alert, ok := d.text(fields["alert"], "alert")
	switch {
	case !ok && fields["alert"] == nil:
		d.fault(node, "add alert: Name", "the rule has no name")
	case ok && !alertName.MatchString(alert):
		d.fault(fields["alert"], "", "got alert %q, want letters, digits and _", alert)
	case ok:
		rule.Alert, rule.Line, rule.column = alert, fields["alert"].Line, fields["alert"].Column
		rule.source = d.line(rule.Line)
	}
	rule.Window = d.duration(fields["window"], "window", DefaultWindow)
	if rule.Window <= 0 || rule.Window > MaxLookback {
		d.fault(fields["window"], "", "got window %s, want above 0 and at most %s", rule.Window, MaxLookback)
		rule.Window = DefaultWindow // so that it is not named again as the lookback
	}
	rule.For = d.duration(fields["for"], "for", 0)
	rule.KeepFiringFor = d.duration(fields["keep_firing_for"], "keep_firing_for", 0)
	rule.Grouping.By = d.by(fields["by"])
	d.where(fields["where"], rule)
	d.expr(node, fields["expr"], rule)
	rule.labels = d.templates(fields["labels"], "label", rule)
	rule.annotations = d.templates(fields["annotations"], "annotation", rule)
	if len(d.faults) > before {
		return nil
	}
	rule.Grouping.ID = groupingID(rule.Grouping.By, rule.WhereText)
	return rule
}

func (d *decoder) by(node *yaml.Node) []string {
	var out []string
	for _, item := range d.sequence(node, "label names") {
		name, ok := d.text(item, "a label name")
		switch {
		case !ok:
		case !alertName.MatchString(name):
			d.fault(item, "", "got label name %q, want letters, digits and _", name)
		case slices.Contains(out, name):
			d.fault(item, "", "label %q is given twice", name)
		case misspelt(name):
			d.fault(item, didYouMean(name, telemetry.LabelNames), "unknown label %q", name)
		default:
			out = append(out, name)
		}
	}
	if len(out) > MaxBy {
		d.fault(node, "", "got %d labels, want at most %d", len(out), MaxBy)
	}
	return out
}

// misspelt says that a label is one letter off a well-known one, or has two swapped. Other names are
// labels of the application's own.
func misspelt(name string) bool {
	if slices.Contains(telemetry.LabelNames, name) {
		return false
	}
	return slices.ContainsFunc(telemetry.LabelNames, func(known string) bool {
		return len(name) > 3 && (levenshtein.Distance(name, known, nil) == 1 || swapped(name, known))
	})
}

// swapped says that two neighbouring letters of a are the other way round in b.
func swapped(a, b string) bool {
	for i := range len(a) - 1 {
		if len(a) == len(b) && a[:i] == b[:i] && a[i] == b[i+1] && a[i+1] == b[i] && a[i+2:] == b[i+2:] {
			return true
		}
	}
	return false
}

func (d *decoder) where(node *yaml.Node, rule *Rule) {
	text, ok := d.text(node, "where")
	if !ok {
		return
	}
	where, normal, err := compileWhere(text)
	if err != nil {
		d.expression(node, "where", err)
		return
	}
	rule.Grouping.Where, rule.WhereText = where, normal
}

func (d *decoder) expr(rule, node *yaml.Node, out *Rule) {
	text, ok := d.text(node, "expr")
	if !ok {
		if node == nil {
			d.fault(rule, "add expr: a condition such as tps >= 1000", "the rule has no expr")
		}
		return
	}
	compiled, err := compileExpr(text, out.Grouping.By)
	if err != nil {
		d.expression(node, "expr", err)
		return
	}
	out.ExprText, out.program, out.tree, out.truth, out.reads = text, compiled.program, compiled.tree, compiled.truth, compiled.reads
	if lookback := out.Lookback(); lookback > MaxLookback {
		d.fault(node, "shorten the window or ago", "the rule looks back %s, at most %s is kept", lookback, MaxLookback)
	}
}

// templates compiles a rule's labels or annotations, by their names.
func (d *decoder) templates(node *yaml.Node, what string, rule *Rule) map[string]*template.Template {
	if node == nil {
		return nil
	}
	out, names := map[string]*template.Template{}, namesFor(what, rule)
	for name, value := range d.mapping(node, "the "+what+"s", nil) {
		key := keyOf(node, value)
		source, ok := d.text(value, what+" "+name)
		switch {
		case !ok:
			continue
		case !alertName.MatchString(name):
			d.fault(key, "", "got %s name %q, want letters, digits and _", what, name)
			continue
		case what == "label" && (name == "alertname" || slices.Contains(rule.Grouping.By, name)):
			d.fault(key, "", "label %q is set by the rule's name or by, and cannot be set again", name)
			continue
		}
		parsed, shown, faults := checkTemplate(source, names)
		for _, fault := range faults {
			d.expression(value, what+" "+name, fault)
		}
		out[name] = parsed
		for _, field := range shown {
			rule.reads.needs |= fieldNeeds[field]
		}
	}
	return out
}

// expression reports what is wrong inside an expression, each at its place in the file.
func (d *decoder) expression(node *yaml.Node, what string, err error) {
	if all := (expressionErrors)(nil); errors.As(err, &all) {
		for _, one := range all {
			d.expression(node, what, one)
		}
		return
	}
	line, column := node.Line, node.Column
	var at *expressionError
	hint := ""
	if errors.As(err, &at) {
		hint = at.Hint
		line, column = d.place(node, at.Offset)
	}
	d.faults = append(d.faults, Fault{File: d.path, Line: line, Column: column, Message: what + ": " + err.Error(),
		Source: d.line(line), Hint: hint})
}

// groupingID names a grouping: FNV-1a of its labels and filter.
func groupingID(by []string, where string) string {
	hash := fnv.New64a()
	fmt.Fprintf(hash, "%s\n%s", strings.Join(by, ","), where)
	return fmt.Sprintf("%016x", hash.Sum64())
}
