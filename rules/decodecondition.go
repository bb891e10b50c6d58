package rules

import (
	"errors"

	"go.yaml.in/yaml/v3"
)

func (d *decoder) expr(rule, node *yaml.Node, out *Rule) {
	text, ok := d.text(node, "expr")
	if !ok {
		if node == nil {
			what := "the rule"
			if out.Tier != "" {
				what = "tier " + out.Tier + " of the rule"
			}
			d.fault(rule, "add expr: a condition such as tps >= 1000", "%s has no expr", what)
		}
		return
	}
	compiled, err := compileExpr(text, out.Grouping.By)
	if err != nil {
		d.expression(node, "expr", err)
		return
	}
	out.ExprText, out.program, out.tree, out.truth, out.reads = text, compiled.program, compiled.tree, compiled.truth, compiled.reads
	out.explainer = &explainer{text: text}
	if lookback := out.Lookback(); lookback > MaxLookback {
		d.fault(node, "shorten the window or ago", "the rule looks back %s, at most %s is kept", lookback, MaxLookback)
	}
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
