package rules

import "github.com/expr-lang/expr/ast"

// madeOf are the nodes that a node is made of, but for what has its value in its text.
func madeOf(node ast.Node) []ast.Node {
	switch n := node.(type) {
	case *ast.ChainNode:
		return []ast.Node{n.Node}
	case *ast.BinaryNode:
		return operands(n)
	case *ast.UnaryNode:
		if n.Location() == n.Node.Location() { // not in
			return madeOf(n.Node)
		}
		return arguments([]ast.Node{n.Node})
	case *ast.ConditionalNode:
		return []ast.Node{n.Cond, n.Exp1, n.Exp2}
	case *ast.CallNode:
		if comparesLabels(n) || eitherWay(n) {
			return []ast.Node{n.Arguments[0], n.Arguments[2]}
		}
		if _, _, ok := policyCall(n); !ok && !isSpan(n) {
			return arguments(n.Arguments)
		}
	case *ast.BuiltinNode:
		return arguments(n.Arguments)
	}
	return nil
}

// arguments are those that have values: a predicate has one for each thing that it is asked of.
func arguments(nodes []ast.Node) []ast.Node {
	var out []ast.Node
	for _, node := range nodes {
		switch n := node.(type) {
		case *ast.PredicateNode:
		case *ast.ArrayNode:
			out = append(out, arguments(n.Nodes)...)
		default:
			out = append(out, n)
		}
	}
	return out
}

// hasOwnText says that a node has its value in its text.
func hasOwnText(node ast.Node) bool {
	switch node.(type) {
	case *ast.IntegerNode, *ast.FloatNode, *ast.StringNode, *ast.BoolNode, *ast.NilNode:
		return true
	}
	return false
}

// operands are the two of an operator, or all that and, or or, joins.
func operands(n *ast.BinaryNode) []ast.Node {
	operator := plainOperator(n.Operator)
	if operator != "and" && operator != "or" {
		return []ast.Node{n.Left, n.Right}
	}
	var out []ast.Node
	for _, side := range []ast.Node{n.Left, n.Right} {
		if inner, ok := side.(*ast.BinaryNode); ok && plainOperator(inner.Operator) == operator {
			out = append(out, operands(inner)...)
		} else {
			out = append(out, side)
		}
	}
	return out
}

// plainOperator is an operator by its name where it has two.
func plainOperator(operator string) string {
	switch operator {
	case "&&":
		return "and"
	case "||":
		return "or"
	case "!":
		return "not"
	}
	return operator
}
