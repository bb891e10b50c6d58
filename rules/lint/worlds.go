package lint

import (
	"maps"
	"slices"

	"github.com/expr-lang/expr/ast"
)

// fact is what is known of one value: of a number its range, of a text which ones it may be.
type fact struct {
	interval
	bounded    bool     // the range says something
	lower      string   // the comparison that the lower end comes from, "" where it is the value's nature
	upper      string   // the same of the upper end
	only       []string // nil where any text may be
	not        []string // texts that it is not
	onlySource string   // the comparison behind only and not
}

// world is what must be so for a part of an expression to be true: facts by the text of the value. Worlds are never changed.
type world map[string]fact

// with returns a world with one more fact.
func (w world) with(value string, f fact) world {
	out := make(world, len(w)+1)
	maps.Copy(out, w)
	out[value] = f
	return out
}

// maxWorlds bounds the alternatives that are followed. Not smaller: a filter may list dozens of texts; not larger:
// alternatives multiply, and what is not followed is taken for possible.
const maxWorlds = 64

// analysis follows what an expression being true or false means for the values in it.
type analysis struct {
	said     func(ast.Node) string // how a part of the expression is written
	place    string                // where the comparisons stand, behind those that are cited
	conflict string                // what the last contradiction was
	at       ast.Node              // what it is in
}

// refine returns the worlds among in, each with what it means that node is want; none where it cannot be. What it does not
// understand it takes for possible.
func (a *analysis) refine(node ast.Node, in []world, want bool) []world {
	if len(in) == 0 {
		return nil
	}
	switch n := node.(type) {
	case *ast.BoolNode:
		if n.Value != want {
			return nil
		}
	case *ast.UnaryNode:
		if n.Operator == "not" || n.Operator == "!" {
			return a.refine(n.Node, in, !want)
		}
	case *ast.ConditionalNode:
		yes := a.refine(n.Exp1, a.refine(n.Cond, in, true), want)
		return a.either(in, yes, a.refine(n.Exp2, a.refine(n.Cond, in, false), want))
	case *ast.BinaryNode:
		return a.binary(n, in, want)
	}
	return in
}

// either joins alternatives.
func (a *analysis) either(in, one, other []world) []world {
	if len(one)+len(other) > maxWorlds {
		return in
	}
	return slices.Concat(one, other)
}

func (a *analysis) binary(n *ast.BinaryNode, in []world, want bool) []world {
	switch n.Operator {
	case "and", "&&", "or", "||":
		if both := (n.Operator == "and" || n.Operator == "&&") == want; both {
			return a.refine(n.Right, a.refine(n.Left, in, want), want)
		}
		return a.either(in, a.refine(n.Left, in, want), a.refine(n.Right, in, want))
	case "in":
		return a.member(n, in, want)
	}
	operator := n.Operator
	if !want {
		operator = negated[operator]
	}
	if operator == "" {
		return in
	}
	var out []world
	for _, w := range in {
		if next, ok := a.compare(n, operator, w); ok {
			out = append(out, next)
		}
	}
	return out
}

// contradict notes why a comparison cannot be.
func (a *analysis) contradict(n ast.Node, operator, source string) {
	a.at = n
	a.conflict = ""
	if source != "" {
		a.conflict = a.written(n, operator) + a.place + " contradicts " + source
	}
}

// visitor is a function that ast.Walk calls.
type visitor func(*ast.Node)

// Visit looks at one node.
func (v visitor) Visit(node *ast.Node) { v(node) }
