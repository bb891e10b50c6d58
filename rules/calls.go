package rules

import (
	"slices"

	"github.com/expr-lang/expr/ast"
)

// CalledName is the name of the function that a call of an expression calls, "" where that is one of a span, as in
// over("5m").version_share("1.*").
func CalledName(call *ast.CallNode) string {
	callee, ok := call.Callee.(*ast.IdentifierNode)
	if !ok {
		return ""
	}
	return callee.Value
}

// labelCalled is the label that a call of label() names, named is false of all other calls and where it is not written out.
func labelCalled(call *ast.CallNode) (name string, named bool) {
	if CalledName(call) != "label" {
		return "", false
	}
	return onlyText(call)
}

// onlyText is the text that a function is given alone.
func onlyText(call *ast.CallNode) (text string, constant bool) {
	if len(call.Arguments) != 1 {
		return "", false
	}
	argument, constant := call.Arguments[0].(*ast.StringNode)
	if !constant {
		return "", false
	}
	return argument.Value, true
}

// SpanCall is the function and the span of a look elsewhere in time, "" where a node is none.
func SpanCall(node ast.Node) (function, span string) {
	call, ok := node.(*ast.CallNode)
	if !ok || !slices.Contains(spanFunctions, CalledName(call)) {
		return "", ""
	}
	text, constant := onlyText(call)
	if !constant {
		return "", ""
	}
	return CalledName(call), text
}
