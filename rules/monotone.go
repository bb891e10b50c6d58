package rules

import "github.com/expr-lang/expr/ast"

// risingFields grow, or stay, when more of the input arrives. Quantiles and shares
// are not among them: the missing part may pull them down.
var risingFields = map[string]bool{
	"tps": true, "bps": true, "messages": true, "bytes": true, "errors": true, "rebalances": true,
	"latency_max": true, "size_max": true, "clients": true, "nodes": true, "late": true,
}

// risesOnly says whether an expression that is true of a part of the input is true
// of the whole: comparisons of rising fields with constants, joined by and, or. It
// errs towards no.
func risesOnly(node ast.Node) bool {
	binary, ok := node.(*ast.BinaryNode)
	if !ok {
		return false
	}
	switch binary.Operator {
	case "and", "&&", "or", "||":
		return risesOnly(binary.Left) && risesOnly(binary.Right)
	case ">", ">=":
		return rising(binary.Left) && constant(binary.Right) || aboutLabels(binary)
	case "<", "<=":
		return constant(binary.Left) && rising(binary.Right)
	}
	return aboutLabels(binary)
}

func rising(node ast.Node) bool {
	switch n := node.(type) {
	case *ast.IdentifierNode:
		return risingFields[n.Value]
	case *ast.BinaryNode:
		switch n.Operator {
		case "+":
			return (rising(n.Left) || constant(n.Left)) && (rising(n.Right) || constant(n.Right))
		case "*":
			return rising(n.Left) && constant(n.Right) || constant(n.Left) && rising(n.Right)
		case "/":
			return rising(n.Left) && constant(n.Right)
		}
	}
	return false
}

func constant(node ast.Node) bool {
	switch node.(type) {
	case *ast.IntegerNode, *ast.FloatNode, *ast.StringNode, *ast.ArrayNode:
		return true
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
		return !field && n.Value != "completeness" && n.Value != "departed_clients"
	case *ast.CallNode:
		callee, ok := n.Callee.(*ast.IdentifierNode)
		return ok && callee.Value == "label"
	}
	return constant(node)
}
