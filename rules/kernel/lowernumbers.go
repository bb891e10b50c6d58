package kernel

import (
	"math"

	"github.com/expr-lang/expr/ast"
)

func (l *lowering) whole(n int) value {
	return value{kind: wholeConstant, op: l.plan.number(float64(n)), whole: n}
}

func (l *lowering) float(x float64) value { return value{kind: floating, op: l.plan.number(x)} }

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
