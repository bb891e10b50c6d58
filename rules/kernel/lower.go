package kernel

import "github.com/expr-lang/expr/ast"

// Leaves says of a node that it is a column, by what name and of what kind.
type Leaves func(node ast.Node) (name string, kind Kind, ok bool)

// Add lowers a condition; ok is false where some of it cannot be: then nothing is known of
// it, and the caller asks expr.Run. What is lowered cannot fail, so that no order of
// evaluation can be told from another.
func (p *Plan) Add(node ast.Node, leaves Leaves) (condition Condition, ok bool) {
	value, ok := (&lowering{p, leaves}).node(node)
	if !ok || value.kind != flagValue {
		return 0, false
	}
	return Condition(value.op), true
}

// AddNecessary lowers as much of a condition as must be true for it to be true, and says
// whether that is all of it. Of "a and b" with a b that cannot be lowered it is a.
func (p *Plan) AddNecessary(node ast.Node, leaves Leaves) (condition Condition, whole, ok bool) {
	if condition, ok = p.Add(node, leaves); ok {
		return condition, true, true
	}
	both, isBinary := node.(*ast.BinaryNode)
	if !isBinary || both.Operator != "and" && both.Operator != "&&" {
		return 0, false, false
	}
	// What stands to the right of something that may fail is not asked alone: expr.Run
	// would not come to it.
	condition, _, ok = p.AddNecessary(both.Left, leaves)
	return condition, false, ok
}

// valueKind is what the type system of expr knows of a lowered value.
type valueKind uint8

const (
	wholeConstant valueKind = iota // an int known now
	floating                       // a float64
	either                         // an int or a float64, both as a float64
	flagValue
)

type value struct {
	kind  valueKind
	op    int32
	whole int // of a wholeConstant
}

type lowering struct {
	plan   *Plan
	leaves Leaves
}

func (l *lowering) node(node ast.Node) (value, bool) {
	if name, kind, ok := l.leaves(node); ok {
		found := value{kind: floating, op: l.plan.leaf(name, kind)}
		if kind == Flag {
			found.kind = flagValue
		}
		return found, true
	}
	switch n := node.(type) {
	case *ast.IntegerNode:
		return l.whole(n.Value), true
	case *ast.FloatNode:
		return l.float(n.Value), true
	case *ast.BoolNode:
		return l.flag(l.plan.flag(n.Value)), true
	case *ast.ConstantNode:
		return l.constant(n.Value)
	case *ast.UnaryNode:
		return l.unary(n)
	case *ast.BinaryNode:
		return l.binary(n)
	case *ast.ConditionalNode:
		return l.conditional(n)
	case *ast.BuiltinNode:
		return l.builtin(n)
	}
	return value{}, false
}

func (l *lowering) constant(of any) (value, bool) {
	switch x := of.(type) {
	case int:
		return l.whole(x), true
	case float64:
		return l.float(x), true
	case bool:
		return l.flag(l.plan.flag(x)), true
	}
	return value{}, false
}

func (l *lowering) unary(n *ast.UnaryNode) (value, bool) {
	of, ok := l.node(n.Node)
	if !ok {
		return value{}, false
	}
	switch n.Operator {
	case "not", "!":
		return l.flag(l.plan.intern(op{code: not, a: of.op})), of.kind == flagValue
	case "+":
		return of, of.kind != flagValue
	case "-":
		switch of.kind {
		case wholeConstant:
			return l.whole(-of.whole), true
		case floating:
			if x, constant := l.constantOf(of); constant {
				return l.folded(-x)
			}
			return value{kind: floating, op: l.plan.intern(op{code: negate, a: of.op})}, true
		}
	}
	return value{}, false
}

func (l *lowering) binary(n *ast.BinaryNode) (value, bool) {
	a, ok := l.node(n.Left)
	if !ok {
		return value{}, false
	}
	b, ok := l.node(n.Right)
	if !ok {
		return value{}, false
	}
	if a.kind == flagValue || b.kind == flagValue {
		return l.logic(n.Operator, a, b)
	}
	if code, ok := arithmetic[n.Operator]; ok {
		return l.arithmetic(code, a, b)
	}
	return l.comparison(n.Operator, a, b)
}
