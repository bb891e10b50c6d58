package rules

import (
	"fmt"
	"math"
	"slices"

	"github.com/expr-lang/expr/ast"

	"github.com/weirmq/weir/rules/unit"
	"github.com/weirmq/weir/telemetry"
)

// manySeconds is a number that may be meant as milliseconds where seconds are expected. Not smaller: a minute is a usual lag;
// not larger: 100 ms are a usual latency.
const manySeconds = 100

// pair is two parts of an expression that must be alike, and where it is said if they are not.
type pair struct{ at, left, right ast.Node }

// Operators whose sides must be alike; those that compare give no number.
var (
	comparing = []string{"==", "!=", "<", "<=", ">", ">="}
	adding    = []string{"+", "-"}
)

// binary returns what an operator gives of its sides.
func (d *dimensions) binary(n *ast.BinaryNode) quantity {
	switch {
	case slices.Contains(comparing, n.Operator):
		d.like(n, n.Left, n.Right)
		return quantity{}
	case slices.Contains(adding, n.Operator):
		return d.like(n, n.Left, n.Right)
	case n.Operator == "in":
		d.among(n)
		return quantity{}
	}
	left, right := d.of(n.Left), d.of(n.Right)
	out := quantity{known: left.known && right.known, bare: left.bare && right.bare}
	switch n.Operator {
	case "*":
		out.of, out.value = left.of.Times(right.of), left.value*right.value
	case "/":
		out.of, out.value = left.of.Over(right.of), left.value/right.value
	case "**", "^":
		out.of, out.value = left.of.Power(int(right.value)), math.Pow(left.value, right.value)
		out.known = out.known && right.bare && right.value == math.Trunc(right.value)
	default:
		return quantity{}
	}
	return out
}

// among compares a value with each of a list.
func (d *dimensions) among(n *ast.BinaryNode) {
	list, ok := n.Right.(*ast.ArrayNode)
	left := d.of(n.Left)
	if !ok {
		d.of(n.Right)
		return
	}
	several := slices.ContainsFunc(list.Nodes, isConstantText) && !allConstantTexts(list.Nodes)
	for _, value := range list.Nodes {
		right := d.of(value)
		if several { // of a list that has one kind only Expr says it
			d.unlike(n.Left, value, left, right)
		}
		d.join(pair{value, n.Left, value}, left, right)
	}
}

func allConstantTexts(nodes []ast.Node) bool {
	return !slices.ContainsFunc(nodes, func(node ast.Node) bool { return !isConstantText(node) })
}

// unlike is said of a text among numbers, and of a number among texts, which Expr takes: they are never equal.
func (d *dimensions) unlike(left, right ast.Node, a, b quantity) {
	_, leftText := left.(*ast.StringNode)
	_, rightText := right.(*ast.StringNode)
	leftText = leftText || isLabel(left)
	switch {
	case leftText && b.known:
		d.fail(right, fmt.Sprintf("%s is a text, and %s is none", d.said(left), d.said(right)), fmt.Sprintf("write %q", d.said(right)))
	case rightText && a.known:
		d.fail(right, fmt.Sprintf("%s is a number, and %s is a text", d.said(left), d.said(right)), "numbers have no quotes")
	}
}

// isLabel says that a node is a label's value.
func isLabel(node ast.Node) bool {
	switch n := node.(type) {
	case *ast.IdentifierNode:
		return slices.Contains(telemetry.LabelNames, n.Value)
	case *ast.CallNode:
		return CalledName(n) == "label"
	}
	return false
}

func (d *dimensions) like(at, left, right ast.Node) quantity {
	return d.join(pair{at, left, right}, d.of(left), d.of(right))
}

// join returns what two quantities are together that must be alike.
func (d *dimensions) join(p pair, left, right quantity) quantity {
	switch {
	case !left.known || !right.known:
		return quantity{}
	case left.bare && right.bare:
		sum := left.value + right.value
		if binary, ok := p.at.(*ast.BinaryNode); ok && binary.Operator == "-" {
			sum = left.value - right.value
		}
		return quantity{known: true, bare: true, value: sum}
	case left.of == right.of || right.zero() || right.bare && left.of.TakesBare():
		left.bare = false
		return left
	case left.zero() || left.bare && right.of.TakesBare():
		return right
	case right.bare:
		d.unitless(p.right, right, d.said(p.left)+" is "+left.of.In(), left.of)
		return left
	case left.bare:
		d.unitless(p.left, left, d.said(p.right)+" is "+right.of.In(), right.of)
		return right
	}
	hint := d.meantByUnlike(p, left.of, right.of)
	d.fail(p.at, fmt.Sprintf("%s is %s, and %s is %s", d.said(p.left), left.of.In(), d.said(p.right), right.of.In()), hint)
	return quantity{}
}

// near are fields that measure the same otherwise, of which one is taken for the other.
var near = map[string]string{"lag": "lag_seconds", "lag_seconds": "lag", "messages": "tps", "bytes": "bps"}

// meantByUnlike is what was probably meant by two that are unlike.
func (d *dimensions) meantByUnlike(p pair, left, right unit.Dimension) string {
	for _, side := range []struct {
		node      ast.Node
		of, other unit.Dimension
	}{{p.left, left, right}, {p.right, right, left}} {
		literal, written := d.literal(side.node)
		switch name, ok := side.node.(*ast.IdentifierNode); {
		case ok && near[name.Value] != "" && fieldDimensions[near[name.Value]] == side.other:
			return fmt.Sprintf("did you mean %q?", near[name.Value])
		case written && side.of == unit.Bytes && side.other == unit.ByteRate:
			return fmt.Sprintf("write %s/s", literal.Text)
		case written && side.of == unit.Plain && side.other == unit.PerSecond:
			return "a rate without bytes is written as in 100/s"
		}
	}
	return "only like can be compared and added"
}

// unitless is said of a number without a unit where one is needed: what has which unit, and how the number is written then.
func (d *dimensions) unitless(node ast.Node, bare quantity, beside string, of unit.Dimension) {
	hint := "give it a unit"
	if literal, ok := unit.Spell(bare.value, of); ok {
		hint = "write " + literal
		if of == unit.Time && bare.value >= manySeconds {
			hint += fmt.Sprintf(", or %gms if milliseconds are meant", bare.value)
		}
	}
	first := leftmost(node)
	if first != node {
		d.misused(first, fmt.Sprintf("%s has no unit, and %s", d.said(node), beside), hint)
		return
	}
	d.fail(first, fmt.Sprintf("%s has no unit, and %s", d.saidItself(node), beside), hint)
}

// unfit is said of what a function is given and does not take.
func (d *dimensions) unfit(function string, argument ast.Node, given quantity) {
	takes := takenDimensions[function]
	if given.bare {
		d.unitless(argument, given, fmt.Sprintf("%s takes %s", function, takes), takes)
		return
	}
	d.misused(leftmost(argument), fmt.Sprintf("%s takes %s, and %s is %s", function, takes, d.said(argument), given.of.In()), "")
}

func (d *dimensions) fail(node ast.Node, message, hint string) {
	d.faults = append(d.faults, &expressionError{Offset: node.Location().From, Message: message, Hint: hint})
}

// misused is said of what may be right elsewhere.
func (d *dimensions) misused(node ast.Node, message, hint string) {
	d.fail(node, message, hint)
	d.faults[len(d.faults)-1].of = aboutUse
}

// leftmost is the part of a node that stands first: the place of an operator is between its sides.
func leftmost(node ast.Node) ast.Node {
	for {
		binary, ok := node.(*ast.BinaryNode)
		if !ok {
			return node
		}
		node = binary.Left
	}
}
