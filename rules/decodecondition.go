package rules

import (
	"errors"
	"slices"

	"go.yaml.in/yaml/v3"
)

// conditionKeys are those of a rule that say when its alert fires: warn and crit at which severity, and expr beside them what
// must hold for either.
var conditionKeys = []string{"expr", "warn", "crit"}

// conditionText is one of a rule's conditions as it is written.
type conditionText struct {
	key  string
	text *substituted
}

// firstCondition is the first of the conditions of a rule put together from layers, nil where it has none.
func (l layers) firstCondition() *yaml.Node {
	for _, key := range conditionKeys {
		if node := l.value(key); node != nil {
			return node
		}
	}
	return nil
}

// conditions decodes when a rule's alert fires; faults of what is not there stand at a node.
func (d *decoder) conditions(node *yaml.Node, rule *Rule, from layers) {
	if from.firstCondition() == nil {
		what := "the rule"
		if rule.Tier != "" {
			what = "tier " + rule.Tier + " of the rule"
		}
		d.fault(node, "add expr: a condition such as tps >= 1000", "%s has no expr", what)
		return
	}
	texts, ok := map[string]*substituted{}, true
	for _, key := range conditionKeys {
		value := from.value(key)
		if value == nil {
			continue
		}
		text := d.condition(value, key, rule)
		if text == nil {
			ok = false
			continue
		}
		texts[key] = text
		rule.conditions = append(rule.conditions, conditionText{key, text})
	}
	rule.severity = firstSeverity(from)
	if rule.severity != "" && slices.Contains(rule.Grouping.By, severityLabel) {
		d.fault(from.value("by"), "take it out of by", "label %q is set by warn and crit", severityLabel)
	}
	if ok {
		d.compile(from.firstCondition(), rule, texts)
	}
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

// condition checks one condition by itself, so that what is wrong in it stands at its own place; nil where something is.
func (d *decoder) condition(node *yaml.Node, key string, rule *Rule) *substituted {
	text, ok := d.text(node, key)
	if !ok {
		return nil
	}
	whole := rule.lets.put(text)
	whole.use()
	if _, err := compileCondition(whole, rule.Grouping.By, rule.Lane); err != nil {
		d.substitutedError(node, key, whole, err)
		return nil
	}
	return whole
}

// compile compiles a rule's conditions, each right by itself: what makes an alert of any severity as one, and what makes it
// critical where it may be either.
func (d *decoder) compile(node *yaml.Node, rule *Rule, texts map[string]*substituted) {
	whole := inOne("and", texts["expr"], inOne("or", texts["warn"], texts["crit"]))
	compiled, err := compileCondition(whole, rule.Grouping.By, rule.Lane)
	if err != nil {
		d.substitutedError(node, "expr", whole, err)
		return
	}
	rule.ExprText, rule.condition, rule.explainers = whole.written, compiled, explainersOf(texts)
	if texts["warn"] != nil && texts["crit"] != nil {
		critical, err := compileCondition(inOne("and", texts["expr"], texts["crit"]), rule.Grouping.By, rule.Lane)
		if err != nil {
			d.substitutedError(node, "crit", whole, err)
			return
		}
		rule.critical = &critical
	}
}

// explainersOf take a rule's conditions apart, each by itself and with its key where the rule tells severities apart.
func explainersOf(texts map[string]*substituted) []*explainer {
	if texts["warn"] == nil && texts["crit"] == nil {
		return []*explainer{{source: texts["expr"]}}
	}
	var out []*explainer
	for _, key := range []string{"expr", "warn", "crit"} {
		if texts[key] != nil {
			out = append(out, &explainer{condition: key, source: texts[key]})
		}
	}
	return out
}

// inOne is two conditions as one, or the one that there is, as it is written.
func inOne(operator string, left, right *substituted) *substituted {
	switch {
	case left == nil:
		return right
	case right == nil:
		return left
	}
	return left.joinedBy(operator, right)
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
	d.add(Fault{File: d.path, Line: line, Column: column, Message: what + ": " + err.Error(),
		Source: d.line(line), Hint: hint})
}

// substitutedError reports what is wrong in an expression with its lets put in.
func (d *decoder) substitutedError(node *yaml.Node, what string, s *substituted, err error) {
	if all := (expressionErrors)(nil); errors.As(err, &all) {
		d.substituted(node, what, s, all)
		return
	}
	d.expression(node, what, err)
}

// substituted reports what is wrong in an expression with its lets put in, each where it is written, and says whether there is
// something that is not said of a let already.
func (d *decoder) substituted(node *yaml.Node, what string, s *substituted, faults expressionErrors) (said bool) {
	for _, fault := range faults {
		moved := *fault
		of, at := s.innermost(fault.Offset, fault.Offset+1)
		own, use := s.place(fault.Offset)
		switch {
		case use != nil && (of == nil || of.namesWrong(at)):
			continue
		case of != nil && (fault.of == aboutWords || fault.of == aboutRule && of.own):
			moved.Offset = at
			d.expression(of.value, "let "+of.name, &moved)
		case use != nil:
			moved.Offset, moved.Message = own, "let "+use.let.name+": "+fault.Message
			d.expression(node, what, &moved)
		default:
			moved.Offset = own
			d.expression(node, what, &moved)
		}
		said = true
	}
	return said
}

// namesWrong says that a let has at a place of its text the name of one that something is wrong with.
func (l *let) namesWrong(at int) bool {
	return slices.ContainsFunc(l.whole.uses, func(use letUse) bool { return use.wrong && use.at == at })
}
