package rules

import (
	"math"
	"slices"

	"github.com/expr-lang/expr/ast"
)

// What Expr's functions give: what they are given, or some of it.
var (
	ofTheirs  = []string{"abs", "ceil", "floor", "round", "max", "min", "mean", "median", "sum", "first", "last"}
	ofTheList = []string{"filter", "find", "findLast", "sort", "sortBy", "reverse", "uniq", "take", "concat", "flatten"}
)

// builtin is a function of Expr.
func (d *dimensions) builtin(n *ast.BuiltinNode) quantity {
	if len(n.Arguments) == 0 {
		return quantity{}
	}
	if predicate, ok := n.Arguments[len(n.Arguments)-1].(*ast.PredicateNode); ok {
		return d.predicate(n, predicate)
	}
	switch {
	case slices.Contains(ofTheirs, n.Name):
		return d.together(n.Arguments)
	case slices.Contains(ofTheList, n.Name):
		return d.list(n.Arguments)
	}
	d.last(n.Arguments)
	return quantity{}
}

// predicate is a function that asks something of each thing in a list.
func (d *dimensions) predicate(n *ast.BuiltinNode, asked *ast.PredicateNode) quantity {
	each := d.of(n.Arguments[0])
	d.elements = append(d.elements, each)
	made := d.of(asked)
	d.elements = d.elements[:len(d.elements)-1]
	switch {
	case n.Name == "map" || n.Name == "sum":
		return made
	case slices.Contains(ofTheList, n.Name):
		return each
	}
	return quantity{}
}

// element is what a predicate is asked of; its other names are not known.
func (d *dimensions) element(n *ast.PointerNode) quantity {
	if n.Name != "" || len(d.elements) == 0 {
		return quantity{}
	}
	return d.elements[len(d.elements)-1]
}

// list returns what each thing in a list measures: all measure the same. Numbers without units may be any of several.
func (d *dimensions) list(nodes []ast.Node) quantity {
	out := d.together(nodes)
	if out.bare {
		out.value = math.NaN()
	}
	return out
}

// together returns what several measure that must be alike, and those in lists among them.
func (d *dimensions) together(nodes []ast.Node) quantity {
	var given []ast.Node
	for _, node := range nodes {
		if list, ok := node.(*ast.ArrayNode); ok {
			given = append(given, list.Nodes...)
		} else {
			given = append(given, node)
		}
	}
	if len(given) == 0 {
		return quantity{}
	}
	out := d.of(given[0])
	for _, node := range given[1:] {
		out = d.join(pair{node, given[0], node}, out, d.of(node))
	}
	if len(given) > 1 && out.bare {
		out.value = math.NaN()
	}
	return out
}
