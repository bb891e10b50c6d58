package rules

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/expr-lang/expr/ast"

	"github.com/weirmq/weir/rules/unit"
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

// among compares a number with each of a list.
func (d *dimensions) among(n *ast.BinaryNode) {
	list, ok := n.Right.(*ast.ArrayNode)
	left := d.of(n.Left)
	if !ok {
		d.of(n.Right)
		return
	}
	for _, value := range list.Nodes {
		d.join(pair{value, n.Left, value}, left, d.of(value))
	}
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
	hint := "only like can be compared and added"
	if left.of.Times(right.of) == unit.PerSecond && (left.of == unit.Plain || right.of == unit.Plain) {
		hint = "a rate without bytes is written as in 100/s"
	}
	d.fail(p.at, fmt.Sprintf("%s is %s, and %s is %s", d.said(p.left), left.of.In(), d.said(p.right), right.of.In()), hint)
	return quantity{}
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
	d.fail(leftmost(node), fmt.Sprintf("%s has no unit, and %s", d.said(node), beside), hint)
}

// unfit is said of what a function is given and does not take.
func (d *dimensions) unfit(function string, argument ast.Node, given quantity) {
	takes := takenDimensions[function]
	if given.bare {
		d.unitless(argument, given, fmt.Sprintf("%s takes %s", function, takes), takes)
		return
	}
	d.fail(leftmost(argument), fmt.Sprintf("%s takes %s, and %s is %s", function, takes, d.said(argument), given.of.In()), "")
}

func (d *dimensions) fail(node ast.Node, message, hint string) {
	d.faults = append(d.faults, &expressionError{Offset: node.Location().From, Message: message, Hint: hint})
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

// said is a part of an expression as it was written, up to spacing.
func (d *dimensions) said(node ast.Node) string {
	if literal, ok := d.literal(node); ok {
		return literal.Text
	}
	switch n := node.(type) {
	case *ast.IntegerNode, *ast.FloatNode:
		if text := []rune(d.text); n.Location().To <= len(text) && n.Location().From < n.Location().To {
			return string(text[n.Location().From:n.Location().To])
		}
	case *ast.StringNode:
		return strconv.Quote(n.Value)
	case *ast.UnaryNode:
		return n.Operator + d.said(n.Node)
	case *ast.BinaryNode:
		return d.side(n.Left) + " " + n.Operator + " " + d.side(n.Right)
	case *ast.MemberNode:
		if property, ok := n.Property.(*ast.StringNode); ok {
			return d.said(n.Node) + "." + property.Value
		}
	case *ast.CallNode:
		return d.said(n.Callee) + d.list(n.Arguments)
	case *ast.BuiltinNode:
		return n.Name + d.list(n.Arguments)
	}
	return node.String()
}

// side is one side of an operator, in brackets where it is a sum.
func (d *dimensions) side(node ast.Node) string {
	if binary, ok := node.(*ast.BinaryNode); ok && slices.Contains(adding, binary.Operator) {
		return "(" + d.said(node) + ")"
	}
	return d.said(node)
}

func (d *dimensions) list(nodes []ast.Node) string {
	var out []string
	for _, node := range nodes {
		out = append(out, d.said(node))
	}
	return "(" + strings.Join(out, ", ") + ")"
}
