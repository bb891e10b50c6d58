package lint

import (
	"slices"

	"github.com/expr-lang/expr/ast"
)

func (a *analysis) member(n *ast.BinaryNode, in []world, want bool) []world {
	list, ok := n.Right.(*ast.ArrayNode)
	if !ok {
		return in
	}
	var texts []string
	for _, item := range list.Nodes {
		text, isText := item.(*ast.StringNode)
		if !isText {
			return in
		}
		texts = append(texts, text.Value)
	}
	operator := "=="
	if !want {
		operator = "!="
	}
	var out []world
	for _, w := range in {
		if next, ok := a.compareText(n, n.Left, operator, texts, w); ok {
			out = append(out, next)
		}
	}
	return out
}

// compareText adds that a value is one of some texts, or none of them.
func (a *analysis) compareText(n, value ast.Node, operator string, texts []string, w world) (world, bool) {
	if literal, ok := value.(*ast.StringNode); ok {
		return w, slices.Contains(texts, literal.Value) == (operator == "==")
	}
	known := w[value.String()]
	left := known.only
	switch {
	case operator == "==" && left == nil:
		left = slices.DeleteFunc(slices.Clone(texts), func(t string) bool { return slices.Contains(known.not, t) })
	case operator == "==":
		left = slices.DeleteFunc(slices.Clone(left), func(t string) bool { return !slices.Contains(texts, t) })
	case left != nil:
		left = slices.DeleteFunc(slices.Clone(left), func(t string) bool { return slices.Contains(texts, t) })
	default:
		known.not = slices.Concat(known.not, texts)
	}
	if left != nil && len(left) == 0 {
		a.contradict(n, operator, known.onlySource)
		return nil, false
	}
	if known.onlySource == "" || left != nil && (known.only == nil || len(left) < len(known.only)) {
		known.onlySource = a.written(n, operator) + a.place
	}
	known.only = left
	return w.with(value.String(), known), true
}
