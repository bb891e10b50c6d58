package kernel

import "math/bits"

// BlockRows is how many rows are evaluated at once. Not smaller: each operation costs some
// nanoseconds by itself; not larger: the columns of a block shall stay in the processor's cache.
const BlockRows = 1024

const (
	wordRows   = 64
	blockWords = BlockRows / wordRows
)

// Rows is a set of the rows of a block: a bit each.
type Rows [blockWords]uint64

// FirstRows is the set of the first n rows, at most BlockRows.
func FirstRows(n int) Rows {
	var r Rows
	for w := range r {
		switch rest := n - w*wordRows; {
		case rest >= wordRows:
			r[w] = ^uint64(0)
		case rest > 0:
			r[w] = 1<<rest - 1
		}
	}
	return r
}

// Has says whether a row is in the set.
func (r *Rows) Has(row int) bool { return r[row/wordRows]>>(row%wordRows)&1 != 0 }

// Add puts a row into the set.
func (r *Rows) Add(row int) { r[row/wordRows] |= 1 << (row % wordRows) }

// Empty says that the set has no rows.
func (r *Rows) Empty() bool { return *r == Rows{} }

// Each calls do for every row of the set, in ascending order.
func (r *Rows) Each(do func(row int)) {
	for w, word := range r {
		for ; word != 0; word &= word - 1 {
			do(w*wordRows + bits.TrailingZeros64(word))
		}
	}
}

func (r *Rows) and(o *Rows) (out Rows) {
	for w := range r {
		out[w] = r[w] & o[w]
	}
	return out
}

func (r *Rows) or(o *Rows) (out Rows) {
	for w := range r {
		out[w] = r[w] | o[w]
	}
	return out
}

// without is the rows of r that are not in o.
func (r *Rows) without(o *Rows) (out Rows) {
	for w := range r {
		out[w] = r[w] &^ o[w]
	}
	return out
}

// differ is the rows that are in one of both.
func (r *Rows) differ(o *Rows) (out Rows) {
	for w := range r {
		out[w] = r[w] ^ o[w]
	}
	return out
}
