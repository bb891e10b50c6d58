package rules

import (
	"math"
	"strings"
	"unicode/utf8"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/parser/lexer"
)

// extent is which characters of an expression a node has.
type extent struct{ from, to int }

// word is what a node has its location of: an operator, a name, or what else stands at one place. Of two that stand at one
// place, as in "not in", one is within the other.
type word struct {
	at       file.Location
	operator string
}

func wordOf(node ast.Node) word {
	switch n := node.(type) {
	case *ast.BinaryNode:
		return word{n.Location(), n.Operator}
	case *ast.UnaryNode:
		return word{n.Location(), n.Operator}
	case *ast.PredicateNode: // it begins with a word of what it asks
		return word{n.Location(), "predicate"}
	}
	return word{node.Location(), ""}
}

// extentsOf finds those of all nodes of an expression.
func extentsOf(x *expression) map[word]extent {
	tree, err := parser.Parse(x.plain)
	if err != nil {
		return nil // it was parsed before
	}
	e := extents{of: map[word]extent{}, mates: mates(x.plain)}
	ast.Walk(&tree.Node, e)
	return e.of
}

type extents struct {
	of    map[word]extent
	mates map[int]int
}

// Visit looks at one node; ast.Walk calls it, with the parts of a node before the node.
func (e extents) Visit(node *ast.Node) {
	e.of[wordOf(*node)] = e.closed(hullOfNode(*node))
}

// hullOf is from the first word of a node to its last.
type hullOf struct{ extent }

// Visit looks at one node; ast.Walk calls it.
func (h *hullOf) Visit(node *ast.Node) {
	at := (*node).Location()
	if at.To == 0 {
		return
	}
	h.from, h.to = min(h.from, at.From), max(h.to, at.To)
}

// hullOfNode is from the first word of a node to its last. What is put in for a policy has no words.
func hullOfNode(node ast.Node) extent {
	at := node.Location()
	words := hullOf{extent: extent{at.From, at.To}}
	if at.To == 0 {
		words.from = math.MaxInt
	}
	ast.Walk(&node, &words)
	return words.extent
}

// closed takes in the brackets that belong to those inside.
func (e extents) closed(of extent) extent {
	for at := of.from; at < of.to; at++ {
		mate, ok := e.mates[at]
		switch {
		case ok && mate >= of.to:
			of.to = mate + 1
		case ok && mate < of.from:
			of.from, at = mate, mate
		}
	}
	return of
}

// mates are the places of brackets by those of the brackets that they belong to, as Expr reads them: not in texts and comments.
func mates(text string) map[int]int {
	out := map[int]int{}
	tokens, err := lexer.Lex(file.NewSource(text))
	if err != nil {
		return out // it was parsed before
	}
	var open []int
	for _, token := range tokens {
		switch {
		case token.Kind != lexer.Bracket:
		case strings.ContainsAny(token.Value, "([{"):
			open = append(open, token.From)
		case len(open) > 0:
			last := open[len(open)-1]
			open, out[token.From], out[last] = open[:len(open)-1], last, token.From
		}
	}
	return out
}

// textOf is a node's text as it is written, and how many characters stand before it in the expression, or in the let that it is
// part of.
func (x *expression) textOf(node ast.Node) (text string, offset int) {
	if named := x.lets[node]; len(named) > 0 {
		whole := named[len(named)-1].let.whole.written
		text = strings.TrimSpace(whole)
		return text, utf8.RuneCountInString(whole[:strings.Index(whole, text)])
	}
	if x.extents == nil {
		x.extents = extentsOf(x)
	}
	of, ok := x.extents[wordOf(node)]
	if !ok || of.to > utf8.RuneCountInString(x.text) || of.from >= of.to {
		return node.String(), node.Location().From
	}
	return x.source.wordsOf(of.from, of.to)
}

// said is a part of an expression as it was written, up to spacing.
func (x *expression) said(node ast.Node) string {
	if named := x.lets[node]; len(named) > 0 {
		return named[0].let.name
	}
	return x.saidItself(node)
}

// saidItself is the same, but of what is a let by itself not its name.
func (x *expression) saidItself(node ast.Node) string {
	text, _ := x.textOf(node)
	return SqueezeExpression(text)
}
