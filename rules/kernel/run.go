package kernel

import "math"

// Columns holds the values that conditions read. What it returns is read until the next
// block begins; it has BlockRows rows, of which those asked for hold good.
type Columns interface {
	Numbers(leaf, block int, rows *Rows) *[BlockRows]float64
	Flags(leaf, block int, rows *Rows) *Rows
}

// Run evaluates the conditions of a plan, block by block. What one block has computed for a
// condition serves the others. It is not safe for concurrent use.
type Run struct {
	plan    *Plan
	columns Columns
	block   int
	results []result
	epoch   uint32
}

// result is what an operation has computed in a block, and of which rows.
type result struct {
	epoch   uint32
	rows    Rows // that hold good
	flags   Rows
	numbers *[BlockRows]float64
	own     *[BlockRows]float64 // memory, not a column's
}

// NewRun returns a run over a plan, to which no conditions are added any more.
func (p *Plan) NewRun(columns Columns) *Run {
	return &Run{plan: p, columns: columns, results: make([]result, len(p.ops))}
}

// Begin begins a block: the rows from block*BlockRows on.
func (r *Run) Begin(block int) {
	r.block = block
	r.epoch++
}

// Eval returns in which of some rows of the block a condition is true. Columns are asked
// for the rows alone that the condition depends on: of "a and b" those of b where a is true.
func (r *Run) Eval(condition Condition, rows *Rows) Rows {
	found := r.flags(int32(condition), rows)
	return found.and(rows)
}

// lacking returns what is known of an operation, and which rows it lacks yet.
func (r *Run) lacking(at int32, rows *Rows) (*result, Rows) {
	found := &r.results[at]
	if found.epoch != r.epoch {
		found.epoch, found.rows = r.epoch, Rows{}
		if found.numbers != found.own {
			found.numbers = nil
		}
	}
	lacks := rows.without(&found.rows)
	found.rows = found.rows.or(&lacks)
	return found, lacks
}

// flags returns an operation's truth, good for rows.
func (r *Run) flags(at int32, rows *Rows) *Rows {
	found, lacks := r.lacking(at, rows)
	if lacks.Empty() {
		return &found.flags
	}
	came := r.truth(&r.plan.ops[at], &lacks)
	for w := range lacks {
		found.flags[w] = found.flags[w]&^lacks[w] | came[w]&lacks[w]
	}
	return &found.flags
}

// truth computes an operation that yields flags.
func (r *Run) truth(o *op, rows *Rows) Rows {
	switch o.code {
	case constFlag:
		if o.bits == 0 {
			return Rows{}
		}
		return *rows
	case leafFlag:
		return *r.columns.Flags(int(o.a), r.block, rows)
	case not:
		return rows.without(r.flags(o.a, rows))
	case and:
		left := r.flags(o.a, rows).and(rows)
		if left.Empty() {
			return left
		}
		return left.and(r.flags(o.b, &left))
	case or:
		left := r.flags(o.a, rows).and(rows)
		rest := rows.without(&left)
		if rest.Empty() {
			return left
		}
		right := r.flags(o.b, &rest).and(&rest)
		return left.or(&right)
	case same:
		left := *r.flags(o.a, rows)
		differ := left.differ(r.flags(o.b, rows))
		return rows.without(&differ)
	}
	return r.compare(o, rows)
}

func (r *Run) compare(o *op, rows *Rows) Rows {
	if a := &r.plan.ops[o.a]; a.code == constNumber {
		return compareConst[o.code-less](math.Float64frombits(a.bits), r.numbers(o.b, rows), rows)
	}
	if b := &r.plan.ops[o.b]; b.code == constNumber {
		return compareToConst[o.code-less](r.numbers(o.a, rows), math.Float64frombits(b.bits), rows)
	}
	return compareBoth[o.code-less](r.numbers(o.a, rows), r.numbers(o.b, rows), rows)
}

// numbers returns an operation's values, good for rows.
func (r *Run) numbers(at int32, rows *Rows) *[BlockRows]float64 {
	found, lacks := r.lacking(at, rows)
	if lacks.Empty() && found.numbers != nil {
		return found.numbers
	}
	o := &r.plan.ops[at]
	if o.code == leafNumber {
		found.numbers = r.columns.Numbers(int(o.a), r.block, &lacks)
		return found.numbers
	}
	found.numbers = found.own
	if found.own == nil {
		found.own = new([BlockRows]float64)
		found.numbers = found.own
		if o.code == constNumber {
			fill(math.Float64frombits(o.bits), found.own)
		}
	}
	if o.code != constNumber {
		r.calculate(o, &lacks, found.own)
	}
	return found.own
}

// calculate computes an operation that yields numbers.
func (r *Run) calculate(o *op, rows *Rows, into *[BlockRows]float64) {
	switch o.code {
	case chooseOf:
		asked := *r.flags(o.c, rows)
		yes, no := rows.and(&asked), rows.without(&asked)
		if !yes.Empty() {
			choose(r.numbers(o.a, &yes), &yes, into)
		}
		if !no.Empty() {
			choose(r.numbers(o.b, &no), &no, into)
		}
	case negate, absolute, ceiling, floor, round:
		ofEach(o.code, r.numbers(o.a, rows), rows, into)
	default:
		ofBoth(o.code, operands{r.numbers(o.a, rows), r.numbers(o.b, rows)}, rows, into)
	}
}
