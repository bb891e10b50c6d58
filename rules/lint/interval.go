package lint

import (
	"math"
	"strings"

	"github.com/expr-lang/expr/ast"

	"github.com/weirmq/weir/rules"
)

// interval is a range of numbers; an open end is not part of it.
type interval struct {
	lo, hi         float64
	loOpen, hiOpen bool
}

func everything() interval { return interval{lo: math.Inf(-1), hi: math.Inf(1)} }

// natural is what a field with that unit may be.
func natural(unit string) interval {
	if isShare(unit) {
		return interval{lo: 0, hi: 1}
	}
	return interval{lo: 0, hi: math.Inf(1)}
}

func isShare(unit string) bool { return strings.HasPrefix(unit, "share") }

// Comparisons with their sides changed, and those that are true where they are not.
var (
	flipped = map[string]string{"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}
	negated = map[string]string{"<": ">=", "<=": ">", ">": "<=", ">=": "<", "==": "!=", "!=": "=="}
)

// possible says that some number of left compares so with some number of right.
func possible(left interval, operator string, right interval) bool {
	switch operator {
	case ">":
		return left.hi > right.lo
	case ">=":
		return left.hi > right.lo || left.hi == right.lo && !left.hiOpen && !right.loOpen
	case "<":
		return left.lo < right.hi
	case "<=":
		return left.lo < right.hi || left.lo == right.hi && !left.loOpen && !right.hiOpen
	case "==":
		return possible(left, ">=", right) && possible(left, "<=", right)
	}
	return !left.single() || !right.single() || left.lo != right.lo
}

func (i interval) single() bool { return i.lo == i.hi }

// narrowed is the part of a range that compares so with a number.
func (i interval) narrowed(operator string, limit float64) interval {
	switch operator {
	case ">", ">=":
		if open := operator == ">"; limit > i.lo || limit == i.lo && open {
			i.lo, i.loOpen = limit, open
		}
	case "<", "<=":
		if open := operator == "<"; limit < i.hi || limit == i.hi && open {
			i.hi, i.hiOpen = limit, open
		}
	case "==":
		return interval{lo: limit, hi: limit}
	case "!=":
		i.loOpen = i.loOpen || limit == i.lo
		i.hiOpen = i.hiOpen || limit == i.hi
	}
	return i
}

// arithmetic is the range of a computation, false where it is not known.
func arithmetic(operator string, left, right interval) (interval, bool) {
	switch operator {
	case "+":
		return interval{lo: left.lo + right.lo, hi: left.hi + right.hi, loOpen: left.loOpen || right.loOpen, hiOpen: left.hiOpen || right.hiOpen}, true
	case "-":
		return arithmetic("+", left, interval{lo: -right.hi, hi: -right.lo, loOpen: right.hiOpen, hiOpen: right.loOpen})
	case "*", "/":
		if operator == "/" && (!right.single() || right.lo <= 0) {
			return everything(), true
		}
		if left.lo < 0 || right.lo < 0 {
			return everything(), true
		}
		if operator == "/" {
			return interval{lo: left.lo / right.lo, hi: left.hi / right.lo, loOpen: left.loOpen, hiOpen: left.hiOpen}, true
		}
		return interval{lo: left.lo * right.lo, hi: product(left.hi, right.hi), loOpen: left.loOpen || right.loOpen, hiOpen: left.hiOpen || right.hiOpen}, true
	}
	return everything(), operator == "%" || operator == "**" || operator == "^"
}

// product of two upper ends; nothing times anything is nothing.
func product(a, b float64) float64 {
	if a == 0 || b == 0 {
		return 0
	}
	return a * b
}

// constantOf is the number that an expression without fields is.
func constantOf(node ast.Node) (float64, bool) {
	switch n := node.(type) {
	case *ast.UnaryNode:
		value, ok := constantOf(n.Node)
		if n.Operator == "-" {
			value = -value
		}
		return value, ok && (n.Operator == "-" || n.Operator == "+")
	case *ast.BinaryNode:
		left, leftOK := constantOf(n.Left)
		right, rightOK := constantOf(n.Right)
		if !leftOK || !rightOK {
			return 0, false
		}
		switch n.Operator {
		case "+":
			return left + right, true
		case "-":
			return left - right, true
		case "*":
			return left * right, true
		case "/":
			return left / right, right != 0
		}
	}
	return rules.ConstantNumber(node)
}

// written is a comparison as people read it, with another operator where it is denied.
func (a *analysis) written(node ast.Node, operator string) string {
	n, ok := node.(*ast.BinaryNode)
	if !ok || n.Operator == operator {
		return a.said(node)
	}
	if n.Operator == "in" {
		if operator == "==" {
			return a.said(n)
		}
		return a.said(n.Left) + " not in " + a.said(n.Right)
	}
	return a.said(n.Left) + " " + operator + " " + a.said(n.Right)
}
