// Package kernel evaluates the conditions of many rules over columns. A column holds the
// values of one field of all groups; a condition is lowered once to operations over blocks
// of rows, and what several conditions share is computed once. What it finds is what
// expr.Run finds of the same values, to the bit: expr.Run stays the oracle, and fuzzing
// compares the two.
package kernel

import "math"

// Kind is what a column or an operation yields.
type Kind uint8

// Kinds of columns.
const (
	Number Kind = iota // float64
	Flag               // true or false
)

// opcode is what an operation does.
type opcode uint8

const (
	constNumber opcode = iota
	leafNumber
	add
	subtract
	multiply
	divide
	power
	negate
	absolute
	ceiling
	floor
	round
	greater  // the operand that is greater, the first where neither is
	smaller  // likewise
	chooseOf // numbers, by a flag
	constFlag
	leafFlag
	less
	lessOrEqual
	equal
	not
	and
	or
	same
)

// op is one operation. Two that are equal are one.
type op struct {
	code    opcode
	a, b, c int32  // operands by their number; of a leaf, a is the column
	bits    uint64 // of a constant
}

// Condition is a condition of a plan.
type Condition int32

// Plan is the operations of the conditions that were added. It is built by one goroutine,
// then evaluated by Runs.
type Plan struct {
	ops    []op
	known  map[op]int32
	leaves []string
	places map[leaf]int32 // of columns
}

type leaf struct {
	name string
	kind Kind
}

// NewPlan returns a plan without conditions.
func NewPlan() *Plan { return &Plan{known: map[op]int32{}, places: map[leaf]int32{}} }

// Leaves are the names of the columns that the conditions read, by their number.
func (p *Plan) Leaves() []string { return p.leaves }

// Operations is how many operations all conditions have together.
func (p *Plan) Operations() int { return len(p.ops) }

// intern returns the number of an operation, of an equal one if there is.
func (p *Plan) intern(o op) int32 {
	if at, ok := p.known[o]; ok {
		return at
	}
	at := int32(len(p.ops))
	p.ops = append(p.ops, o)
	p.known[o] = at
	return at
}

func (p *Plan) leaf(name string, kind Kind) int32 {
	l := leaf{name, kind}
	at, ok := p.places[l]
	if !ok {
		at = int32(len(p.leaves))
		p.places[l] = at
		p.leaves = append(p.leaves, name)
	}
	code := leafNumber
	if kind == Flag {
		code = leafFlag
	}
	return p.intern(op{code: code, a: at})
}

func (p *Plan) number(value float64) int32 {
	return p.intern(op{code: constNumber, bits: math.Float64bits(value)})
}

func (p *Plan) flag(value bool) int32 {
	o := op{code: constFlag}
	if value {
		o.bits = 1
	}
	return p.intern(o)
}
