package kernel

import (
	"math"

	"github.com/expr-lang/expr/ast"
)

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

// exactInts is up to which number ints and floats are the same.
const exactInts = 1 << 53

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

func (l *lowering) whole(n int) value {
	return value{kind: wholeConstant, op: l.plan.number(float64(n)), whole: n}
}

func (l *lowering) float(x float64) value { return value{kind: floating, op: l.plan.number(x)} }

func (l *lowering) flag(op int32) value { return value{kind: flagValue, op: op} }

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

func (l *lowering) logic(operator string, a, b value) (value, bool) {
	if a.kind != b.kind {
		return value{}, false
	}
	code, negated := same, false
	switch operator {
	case "and", "&&":
		code = and
	case "or", "||":
		code = or
	case "==":
	case "!=":
		negated = true
	default:
		return value{}, false
	}
	at := l.plan.intern(op{code: code, a: a.op, b: b.op})
	if negated {
		at = l.plan.intern(op{code: not, a: at})
	}
	return l.flag(at), true
}

var arithmetic = map[string]opcode{"+": add, "-": subtract, "*": multiply, "/": divide, "**": power, "^": power}

// arithmetic lowers what expr computes by floats. Of two ints known now it computes by ints.
func (l *lowering) arithmetic(code opcode, a, b value) (value, bool) {
	if a.kind == wholeConstant && b.kind == wholeConstant {
		switch code {
		case add:
			return l.whole(a.whole + b.whole), true
		case subtract:
			return l.whole(a.whole - b.whole), true
		case multiply:
			return l.whole(a.whole * b.whole), true
		case divide:
			return l.float(float64(a.whole) / float64(b.whole)), true
		}
		return l.float(math.Pow(float64(a.whole), float64(b.whole))), true
	}
	if x, constant := l.constantOf(a); constant {
		if y, constant := l.constantOf(b); constant {
			return l.folded(calculated(code, x, y))
		}
	}
	byFloats := a.kind == floating || b.kind == floating || code == divide || code == power
	return value{kind: floating, op: l.plan.intern(op{code: code, a: a.op, b: b.op})}, byFloats
}

// constantOf returns the number of a constant.
func (l *lowering) constantOf(v value) (float64, bool) {
	o := l.plan.ops[v.op]
	return math.Float64frombits(o.bits), o.code == constNumber
}

// folded is a constant that was computed. expr keeps one constant for 0.0 and -0.0,
// whichever comes first in the expression.
func (l *lowering) folded(x float64) (value, bool) {
	return l.float(x), x != 0 || !math.Signbit(x)
}

func (l *lowering) comparison(operator string, a, b value) (value, bool) {
	if a.kind != floating && b.kind != floating && !(a.exact() && b.exact()) {
		return value{}, false
	}
	o := op{a: a.op, b: b.op}
	switch operator {
	case "<":
		o.code = less
	case "<=":
		o.code = lessOrEqual
	case ">":
		o = op{code: less, a: b.op, b: a.op}
	case ">=":
		o = op{code: lessOrEqual, a: b.op, b: a.op}
	case "==", "!=":
		o.code = equal
	default:
		return value{}, false
	}
	at := l.plan.intern(o)
	if operator == "!=" {
		at = l.plan.intern(op{code: not, a: at})
	}
	return l.flag(at), true
}

// exact says that the float64 of a value orders as the int does.
func (v value) exact() bool {
	return v.kind != wholeConstant || v.whole <= exactInts && v.whole >= -exactInts
}

func (l *lowering) conditional(n *ast.ConditionalNode) (value, bool) {
	asked, ok := l.node(n.Cond)
	if !ok || asked.kind != flagValue {
		return value{}, false
	}
	a, ok := l.node(n.Exp1)
	if !ok {
		return value{}, false
	}
	b, ok := l.node(n.Exp2)
	if !ok || (a.kind == flagValue) != (b.kind == flagValue) {
		return value{}, false
	}
	if a.kind == flagValue { // asked and a, or not asked and b
		yes := l.plan.intern(op{code: and, a: asked.op, b: a.op})
		no := l.plan.intern(op{code: and, a: l.plan.intern(op{code: not, a: asked.op}), b: b.op})
		return l.flag(l.plan.intern(op{code: or, a: yes, b: no})), true
	}
	return value{kind: joined(a, b), op: l.plan.intern(op{code: chooseOf, a: a.op, b: b.op, c: asked.op})}, a.exact() && b.exact()
}

func joined(a, b value) valueKind {
	if a.kind == floating && b.kind == floating {
		return floating
	}
	return either
}

var (
	ofOne = map[string]opcode{"abs": absolute, "ceil": ceiling, "floor": floor, "round": round}
	ofTwo = map[string]opcode{"max": greater, "min": smaller}
)

func (l *lowering) builtin(n *ast.BuiltinNode) (value, bool) {
	var of []value
	for _, argument := range n.Arguments {
		found, ok := l.node(argument)
		if !ok || found.kind == flagValue || !found.exact() {
			return value{}, false
		}
		of = append(of, found)
	}
	if code, ok := ofOne[n.Name]; ok && len(of) == 1 {
		return value{kind: floating, op: l.plan.intern(op{code: code, a: of[0].op})}, of[0].kind == floating
	}
	code, ok := ofTwo[n.Name]
	if !ok || len(of) == 0 || of[0].kind != floating { // expr takes the first one's type for that of all
		return value{}, false
	}
	most := of[0]
	for _, next := range of[1:] {
		most = value{kind: joined(most, next), op: l.plan.intern(op{code: code, a: most.op, b: next.op})}
	}
	return most, true
}
