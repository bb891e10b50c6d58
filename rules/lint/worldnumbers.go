package lint

import (
	"slices"

	"github.com/expr-lang/expr/ast"

	"github.com/weirmq/weir/rules"
	"github.com/weirmq/weir/telemetry"
)

// compare returns a world with what a comparison says, false where it cannot be.
func (a *analysis) compare(n *ast.BinaryNode, operator string, w world) (world, bool) {
	value, text, isText := n.Left, "", false
	if t, ok := n.Right.(*ast.StringNode); ok {
		text, isText = t.Value, true
	} else if t, ok := n.Left.(*ast.StringNode); ok {
		value, text, isText = n.Right, t.Value, true
	}
	if isText {
		if operator != "==" && operator != "!=" {
			return w, true
		}
		return a.compareText(n, value, operator, []string{text}, w)
	}
	left, leftKnown := rangeOf(n.Left, w)
	right, rightKnown := rangeOf(n.Right, w)
	if !leftKnown || !rightKnown {
		return w, true
	}
	same := n.Left.String() == n.Right.String()
	if same && (operator == "<" || operator == ">" || operator == "!=") || !possible(left, operator, right) {
		a.contradict(n, operator, sourceOf(n, w))
		return nil, false
	}
	if limit, ok := constantOf(n.Right); ok {
		return a.bound(n, n.Left, operator, limit, w), true
	}
	if limit, ok := constantOf(n.Left); ok {
		return a.bound(n, n.Right, flipped[operator], limit, w), true
	}
	return w, true
}

// bound adds what a comparison with a constant says of a value.
func (a *analysis) bound(n *ast.BinaryNode, value ast.Node, operator string, limit float64, w world) world {
	if _, constant := constantOf(value); constant {
		return w
	}
	known, _ := rangeOf(value, w)
	next, source := w[value.String()], a.said(n)+a.place
	if operator != n.Operator {
		source = a.written(n, operator) + a.place
	}
	was := known
	known = known.narrowed(operator, limit)
	if known.lo != was.lo || known.loOpen != was.loOpen {
		next.lower = source
	}
	if known.hi != was.hi || known.hiOpen != was.hiOpen {
		next.upper = source
	}
	next.interval, next.bounded = known, true
	return w.with(value.String(), next)
}

// sourceOf is the comparison that a contradiction contradicts.
func sourceOf(n *ast.BinaryNode, w world) string {
	for _, value := range []ast.Node{n.Left, n.Right} {
		known := w[value.String()]
		other := n.Right
		if value == n.Right {
			other = n.Left
		}
		limit, ok := constantOf(other)
		switch {
		case ok && known.lower != "" && limit <= known.lo:
			return known.lower
		case ok && known.upper != "" && limit >= known.hi:
			return known.upper
		case ok && known.lower != "":
			return known.lower
		case ok && known.upper != "":
			return known.upper
		}
	}
	return ""
}

// rangeOf is what a number may be, false where the node is none, or nothing is known of it.
func rangeOf(node ast.Node, w world) (interval, bool) {
	if limit, ok := constantOf(node); ok {
		return interval{lo: limit, hi: limit}, true
	}
	if known, ok := w[node.String()]; ok && known.bounded {
		return known.interval, true
	}
	if unit, ok := unitOf(node); ok {
		return natural(unit), true
	}
	n, ok := node.(*ast.BinaryNode)
	if !ok {
		return everything(), isNumeric(node)
	}
	left, leftKnown := rangeOf(n.Left, w)
	right, rightKnown := rangeOf(n.Right, w)
	if !leftKnown || !rightKnown {
		return interval{}, false
	}
	return arithmetic(n.Operator, left, right)
}

// isNumeric says of what has no unit whether it is a number.
func isNumeric(node ast.Node) bool {
	switch n := node.(type) {
	case *ast.IdentifierNode:
		return !slices.Contains(telemetry.LabelNames, n.Value)
	case *ast.BuiltinNode:
		return n.Name == "max" || n.Name == "min" || n.Name == "abs"
	}
	return false
}

// fieldName is the name of a field of the view, or of a span elsewhere in time; "" where the node is none.
func fieldName(node ast.Node) string {
	switch n := node.(type) {
	case *ast.IdentifierNode:
		return n.Value
	case *ast.MemberNode:
		if property, ok := n.Property.(*ast.StringNode); ok {
			return property.Value
		}
	case *ast.CallNode:
		return fieldName(n.Callee)
	}
	return ""
}

// unitOf is the unit of a field of the view.
func unitOf(node ast.Node) (string, bool) {
	name := fieldName(node)
	if slices.Contains(telemetry.LabelNames, name) || slices.Contains([]string{"", "label", "over", "ago", "baseline", "prev"}, name) {
		return "", false
	}
	return rules.FieldUnit(name)
}
