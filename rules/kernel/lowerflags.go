package kernel

import "github.com/expr-lang/expr/ast"

func (l *lowering) flag(op int32) value { return value{kind: flagValue, op: op} }

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

// exactInts is up to which number ints and floats are the same.
const exactInts = 1 << 53

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
