package rules

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser"

	"github.com/weirmq/weir/rules/unit"
)

// expression is an expression's text with the literals in it. Expr knows no units: it is given plain, which has a name of the
// same width in place of each, and its tree gets constants there.
type expression struct {
	text, plain string
	literals    map[int]unit.Literal   // by the characters before them
	versions    *versions              // once the tree is read
	extents     map[word]extent        // once the text of a part is asked for
	policy      *policyFaults          // of how the policy is read, once the tree is read
	source      *substituted           // what it is the text of
	lets        map[ast.Node][]region  // uses of lets for which nodes of the tree stand, the outermost first
	anyType     bool                   // it is no condition, but a value for one
	misused     map[file.Location]bool // spans and versions that stand where they may not, once the shapes are checked
}

func scanExpression(text string) *expression {
	x := &expression{text: text, literals: map[int]unit.Literal{}, source: asWritten(text)}
	plain, literals := unit.Scan(text)
	for _, literal := range literals {
		x.literals[literal.Offset] = literal
	}
	x.plain = plain
	return x
}

// literal is the one that stands where a node does.
func (x *expression) literal(node ast.Node) (unit.Literal, bool) {
	literal, ok := x.literals[node.Location().From]
	return literal, ok && node.Location().To == literal.Offset+literal.Width
}

// faults are those of the literals.
func (x *expression) faults() expressionErrors {
	var out expressionErrors
	for _, literal := range x.literals {
		if literal.Message != "" {
			out = append(out, &expressionError{Offset: literal.Offset, Message: literal.Message, Hint: literal.Hint})
		}
	}
	return out
}

// parse returns the tree, with constants in place of literals. Versions are compared by operators in it, as they are written.
func (x *expression) parse() (ast.Node, error) {
	if at := unit.Comment(x.text); at >= 0 {
		return nil, &expressionError{Offset: at, Message: "an expression has no comments", Hint: "write a YAML comment, # and the text, above its key"}
	}
	tree, err := parser.Parse(x.plain)
	if err != nil {
		return nil, err
	}
	x.policy = checkPolicy(&tree.Node)
	ast.Walk(&tree.Node, &patcher{expression: x})
	x.versions = readVersions(tree.Node)
	x.lets = x.source.roots(tree.Node)
	return tree.Node, nil
}

// patched returns the tree as it is compiled: with functions that compare versions too. An expression is parsed before.
func (x *expression) patched(parsed ast.Node) ast.Node {
	ast.Walk(&parsed, &patcher{expression: x})
	return parsed
}

// syntax is why the expression is none.
func (x *expression) syntax(err error) error {
	return append(x.faults(), x.explain(err, nil)).sorted()
}

// spanFunctions take a span of time as a text, and ago two.
var spanFunctions = []string{"over", agoName, baselineFunction}

// patcher puts constants in place of literals into a tree.
type patcher struct {
	*expression
	wrong map[file.Location]bool // nodes that are taken for something of any type
}

// mark has what stands at a place taken for something of any type.
func (p *patcher) mark(at file.Location) {
	if p.wrong == nil {
		p.wrong = map[file.Location]bool{}
	}
	p.wrong[at] = true
}

// Visit looks at one node; ast.Walk calls it, with the parts of a node before the node.
func (p *patcher) Visit(node *ast.Node) {
	if call, ok := (*node).(*ast.CallNode); ok {
		p.span(call)
	}
	p.compareVersion(node)
	if name, ok := (*node).(*ast.IdentifierNode); ok {
		if literal, ok := p.literal(name); ok {
			ast.Patch(node, &ast.FloatNode{Value: literal.Value})
		}
	}
	if use, ok := policyUseOf(*node); ok {
		ast.Patch(node, use.call())
	}
	if !p.wrong[(*node).Location()] {
		return
	}
	anything := []ast.Node{&ast.ConstantNode{}}
	if call, ok := (*node).(*ast.CallNode); ok { // what it is given is checked all the same
		anything = append(slices.Clone(call.Arguments), anything...)
	}
	ast.Patch(node, &ast.SequenceNode{Nodes: anything})
}

// span gives a function that takes a span of time the text of a literal: over(5m) is over("5m").
func (p *patcher) span(call *ast.CallNode) {
	if !slices.Contains(spanFunctions, CalledName(call)) {
		return
	}
	for i, argument := range call.Arguments {
		literal, ok := p.literal(argument)
		if !ok {
			continue
		}
		if text, ok := literal.DurationText(); ok {
			ast.Patch(&call.Arguments[i], &ast.StringNode{Value: text})
		}
	}
}

// expressionError is something wrong at a place in an expression; Offset counts
// its characters from 0.
type expressionError struct {
	Offset  int
	Message string
	Hint    string
	of      about
}

// about is what a fault is about, where it is found in what stands for a let.
type about int

const (
	aboutWords about = iota // what is written there, whatever uses it
	aboutUse                // how it is used: it may be right elsewhere
	aboutRule               // what it asks of the rule, which other rules may have
)

func (e *expressionError) Error() string { return e.Message }

// expressionErrors are all that is wrong with an expression.
type expressionErrors []*expressionError

func (e expressionErrors) Error() string {
	var out []string
	for _, one := range e {
		out = append(out, one.Error())
	}
	return strings.Join(out, "\n")
}

// sorted orders them by place and keeps the first of each place: what is found later may follow from it.
func (e expressionErrors) sorted() expressionErrors {
	slices.SortStableFunc(e, func(a, b *expressionError) int { return cmp.Compare(a.Offset, b.Offset) })
	return slices.CompactFunc(e, func(a, b *expressionError) bool { return a.Offset == b.Offset })
}

// placeOf is where an error of Expr is, where it has a place.
func placeOf(err error) (at file.Location, ok bool) {
	var placed *file.Error
	if !errors.As(err, &placed) {
		return file.Location{}, false
	}
	return placed.Location, true
}
