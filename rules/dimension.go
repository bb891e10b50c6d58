package rules

import (
	"maps"
	"reflect"
	"slices"

	"github.com/expr-lang/expr/ast"

	"github.com/weirmq/weir/rules/unit"
)

// Dimensions of the numbers of a view, and of what its functions take, by name.
var (
	fieldDimensions = dimensionTags("dim")
	takenDimensions = dimensionTags("takes")
)

// viewTypes are those that have the fields which an expression reads. Fields of one name are of one unit.
var viewTypes = []reflect.Type{reflect.TypeFor[Span](), reflect.TypeFor[View](), reflect.TypeFor[LabelView](), reflect.TypeFor[Baseline]()}

func dimensionTags(tag string) map[string]unit.Dimension {
	out := map[string]unit.Dimension{}
	for _, view := range viewTypes {
		for i := range view.NumField() {
			if of, ok := unit.Named(view.Field(i).Tag.Get(tag)); ok {
				out[view.Field(i).Tag.Get("expr")] = of
			}
		}
	}
	return out
}

// quantity is what a part of an expression measures.
type quantity struct {
	of    unit.Dimension
	known bool    // false of what is no number, or may be any
	bare  bool    // made of numbers without units
	value float64 // of a bare one
}

// zero says that a quantity is 0, which needs no unit.
func (q quantity) zero() bool { return q.bare && q.value == 0 }

// dimensions finds where an expression compares or adds what is unlike.
type dimensions struct {
	*expression
	variables map[string]quantity // that the expression declares
	elements  []quantity          // of the lists that predicates are asked of, the innermost last
	faults    expressionErrors
}

// checkDimensions returns where a tree compares or adds what is unlike, or a number without a unit with what has one.
func checkDimensions(x *expression, tree ast.Node) expressionErrors {
	d := &dimensions{expression: x, variables: map[string]quantity{}}
	d.of(tree)
	return d.faults
}

// of returns what a node measures, and notes what is wrong in it.
func (d *dimensions) of(node ast.Node) quantity {
	switch n := node.(type) {
	case *ast.IntegerNode:
		return quantity{known: true, bare: true, value: float64(n.Value)}
	case *ast.FloatNode:
		if literal, ok := d.literal(n); ok {
			return quantity{of: literal.Of, known: literal.Message == ""}
		}
		return quantity{known: true, bare: true, value: n.Value}
	case *ast.IdentifierNode:
		return d.named(n.Value)
	case *ast.UnaryNode:
		return d.unary(n)
	case *ast.BinaryNode:
		return d.binary(n)
	case *ast.ChainNode:
		return d.of(n.Node)
	case *ast.MemberNode:
		return d.member(n)
	case *ast.CallNode:
		return d.call(n)
	case *ast.BuiltinNode:
		return d.builtin(n)
	case *ast.ConditionalNode:
		d.of(n.Cond)
		return d.like(n, n.Exp1, n.Exp2)
	case *ast.VariableDeclaratorNode:
		return d.declared(n)
	case *ast.SequenceNode:
		return d.last(n.Nodes)
	case *ast.PredicateNode:
		return d.of(n.Node)
	case *ast.PointerNode:
		return d.element(n)
	case *ast.ArrayNode:
		return d.list(n.Nodes)
	case *ast.MapNode:
		d.last(n.Pairs)
	case *ast.PairNode:
		d.of(n.Value)
	case *ast.SliceNode:
		d.of(n.Node)
	}
	return quantity{}
}

// last returns what the last of several nodes measures.
func (d *dimensions) last(nodes []ast.Node) quantity {
	var out quantity
	for _, node := range nodes {
		out = d.of(node)
	}
	return out
}

func (d *dimensions) named(name string) quantity {
	if declared, ok := d.variables[name]; ok {
		return declared
	}
	of, known := fieldDimensions[name]
	return quantity{of: of, known: known}
}

// declared is what an expression behind let measures, in which a name stands for a value.
func (d *dimensions) declared(n *ast.VariableDeclaratorNode) quantity {
	outer := maps.Clone(d.variables)
	d.variables[n.Name] = d.of(n.Value)
	out := d.of(n.Expr)
	d.variables = outer
	return out
}

func (d *dimensions) unary(n *ast.UnaryNode) quantity {
	of := d.of(n.Node)
	switch n.Operator {
	case "-":
		of.value = -of.value
		return of
	case "+":
		return of
	}
	return quantity{}
}

// member is a field of a span elsewhere in time.
func (d *dimensions) member(n *ast.MemberNode) quantity {
	d.of(n.Node)
	property, named := n.Property.(*ast.StringNode)
	span := false
	switch base := n.Node.(type) {
	case *ast.IdentifierNode:
		span = base.Value == "prev"
	case *ast.CallNode:
		span = slices.Contains(spanFunctions, CalledName(base))
	}
	if !named || !span {
		d.of(n.Property)
		return quantity{}
	}
	of, known := fieldDimensions[property.Value]
	return quantity{of: of, known: known}
}

// call is a function of the view, or of a span.
func (d *dimensions) call(n *ast.CallNode) quantity {
	if of, number, ok := policyCall(n); ok {
		return quantity{of: of, known: number && policyNumberKnown(n)}
	}
	var name string
	var out quantity
	switch callee := n.Callee.(type) {
	case *ast.IdentifierNode:
		name, out = callee.Value, d.named(callee.Value)
	case *ast.MemberNode:
		if property, ok := callee.Property.(*ast.StringNode); ok {
			name, out = property.Value, d.member(callee)
		}
	}
	takes, checked := takenDimensions[name]
	for _, argument := range n.Arguments {
		if given := d.of(argument); checked && given.known && given.of != takes && !given.zero() {
			d.unfit(name, argument, given)
		}
	}
	return out
}
