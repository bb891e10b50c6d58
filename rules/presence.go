package rules

import (
	"slices"

	"github.com/expr-lang/expr/ast"
)

// absenceFields may be high because input is missing, so that no comparison with
// them shows that something is there.
var absenceFields = func() map[string]bool {
	out := map[string]bool{"volatility": true, departedClients: true, "completeness": true}
	for i := range GaugeFields {
		if !GaugeFields[i].rises() {
			out[GaugeFields[i].Field] = true
		}
	}
	return out
}()

// showsPresence says that an expression which is true of a part of the input shows
// something that is there: fields above constants, joined by and, or. Anything else
// may be true because input is missing. It errs towards no.
func showsPresence(node ast.Node) bool {
	binary, ok := node.(*ast.BinaryNode)
	if !ok {
		return false
	}
	switch binary.Operator {
	case "and", "&&", "or", "||":
		return showsPresence(binary.Left) && showsPresence(binary.Right)
	case ">", ">=":
		return present(binary.Left) && constant(binary.Right) || aboutLabels(binary)
	case "<", "<=":
		return constant(binary.Left) && present(binary.Right) || aboutLabels(binary)
	}
	return aboutLabels(binary)
}

// present says that a value is one of the window's fields, or made of them so that
// it rises with them.
func present(node ast.Node) bool {
	switch n := node.(type) {
	case *ast.IdentifierNode:
		_, field := spanFields[n.Value]
		return field && !absenceFields[n.Value]
	case *ast.CallNode:
		_, field := spanFields[CalledName(n)]
		return field
	case *ast.BinaryNode:
		switch n.Operator {
		case "+":
			return present(n.Left) && (present(n.Right) || constant(n.Right)) || constant(n.Left) && present(n.Right)
		case "*":
			return present(n.Left) && constant(n.Right) || constant(n.Left) && present(n.Right)
		case "/":
			return present(n.Left) && constant(n.Right)
		}
	}
	return false
}

func constant(node ast.Node) bool {
	switch n := node.(type) {
	case *ast.IntegerNode, *ast.FloatNode, *ast.StringNode:
		return true
	case *ast.ArrayNode:
		return !slices.ContainsFunc(n.Nodes, func(part ast.Node) bool { return !constant(part) })
	}
	return false
}

// aboutLabels says that a comparison looks at labels alone, which do not change
// with the amount of input.
func aboutLabels(n *ast.BinaryNode) bool {
	return ofLabels(n.Left) && ofLabels(n.Right)
}

func ofLabels(node ast.Node) bool {
	switch n := node.(type) {
	case *ast.IdentifierNode:
		_, field := spanFields[n.Value]
		return !field && !absenceFields[n.Value] && n.Value != "late"
	case *ast.CallNode:
		return CalledName(n) == "label" || CalledName(n) == policyOwnersName
	}
	return constant(node)
}
