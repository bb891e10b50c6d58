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

// SpanCall is the function of a look elsewhere in time, and what it is given, which are texts of durations: one, or two of ago with a
// span of its own. It is "" where a node is none.
func SpanCall(node ast.Node) (function string, spans []string) {
	call, ok := node.(*ast.CallNode)
	if !ok || !slices.Contains(spanFunctions, CalledName(call)) {
		return "", nil
	}
	for _, argument := range call.Arguments {
		text, constant := argument.(*ast.StringNode)
		if !constant {
			return "", nil
		}
		spans = append(spans, text.Value)
	}
	if len(spans) == 0 || len(spans) > 2 || len(spans) == 2 && CalledName(call) != agoName {
		return "", nil
	}
	return CalledName(call), spans
}
