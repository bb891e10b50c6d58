package rules

import (
	"errors"
	"strings"

	"go.yaml.in/yaml/v3"
)

// conditionKeys are those of a rule that say when its alert fires: warn and crit at which severity, and expr beside them what
// must hold for either.
var conditionKeys = []string{"expr", "warn", "crit"}

// conditionText is one of a rule's conditions as it is written.
type conditionText struct{ key, text string }

// hasCondition says that a rule put together from layers has any.
func (l layers) hasCondition() bool {
	for _, key := range conditionKeys {
		if l.value(key) != nil {
			return true
		}
	}
	return false
}

// conditions decodes when a rule's alert fires; faults of what is not there stand at a node.
func (d *decoder) conditions(node *yaml.Node, rule *Rule, from layers) {
	if !from.hasCondition() {
		what := "the rule"
		if rule.Tier != "" {
			what = "tier " + rule.Tier + " of the rule"
		}
		d.fault(node, "add expr: a condition such as tps >= 1000", "%s has no expr", what)
		return
	}
	texts, ok := map[string]string{}, true
	var first *yaml.Node
	for _, key := range conditionKeys {
		value := from.value(key)
		if value == nil {
			continue
		}
		if first == nil {
			first = value
		}
		text, alone := d.condition(value, key, rule)
		ok = ok && alone
		texts[key] = text
		rule.conditions = append(rule.conditions, conditionText{key, text})
	}
	rule.severity = firstSeverity(from)
	if !ok {
		return
	}
	d.compile(first, rule, texts)
}

// firstSeverity is the one that an alert of a rule begins with, "" where the rule does not tell severities apart.
func firstSeverity(from layers) string {
	switch {
	case from.value("warn") != nil:
		return severityWarning
	case from.value("crit") != nil:
		return severityCritical
	}
	return ""
}

// condition checks one condition by itself, so that what is wrong in it stands at its own place.
func (d *decoder) condition(node *yaml.Node, key string, rule *Rule) (text string, ok bool) {
	if text, ok = d.text(node, key); !ok {
		return "", false
	}
	if _, err := compileExpr(text, rule.Grouping.By, rule.Lane); err != nil {
		d.expression(node, key, err)
		return text, false
	}
	return text, true
}

// compile compiles a rule's conditions, each right by itself: what makes an alert of any severity as one, and what makes it
// critical where it may be either.
func (d *decoder) compile(node *yaml.Node, rule *Rule, texts map[string]string) {
	text := inOne("and", texts["expr"], inOne("or", texts["warn"], texts["crit"]))
	compiled, err := compileExpr(text, rule.Grouping.By, rule.Lane)
	if err != nil {
		d.expression(node, "expr", err)
		return
	}
	rule.ExprText, rule.condition, rule.explainer = text, compiled, &explainer{text: text}
	if texts["warn"] != "" && texts["crit"] != "" {
		critical, err := compileExpr(inOne("and", texts["expr"], texts["crit"]), rule.Grouping.By, rule.Lane)
		if err != nil {
			d.expression(node, "crit", err)
			return
		}
		rule.critical = &critical
	}
	if lookback, most := rule.Lookback(), rule.Lane.maxLookback(); lookback > most {
		d.fault(node, "shorten the window or ago", "the rule looks back %s, at most %s is kept", rule.Lane.format(lookback), rule.Lane.format(most))
	}
}

// inOne is two conditions as one, or the one that there is, as it is written.
func inOne(operator, left, right string) string {
	switch {
	case left == "":
		return right
	case right == "":
		return left
	}
	return bracketed(left) + " " + operator + " " + bracketed(right)
}

func bracketed(text string) string { return "(" + strings.TrimSpace(text) + ")" }

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
	d.add(Fault{File: d.path, Line: line, Column: column, Message: what + ": " + err.Error(),
		Source: d.line(line), Hint: hint})
}
