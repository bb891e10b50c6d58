package kernel

// Comparisons of blocks, each without a branch by row. Words without rows are left out;
// of the others all rows are compared, and the rows that nobody asked for are not used. Each is
// written out: an operator as a function would cost a call for every row.

func bit(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

// compareToConst compares with a constant to the right, by less, lessOrEqual and equal.
var compareToConst = [...]func(a *[BlockRows]float64, b float64, rows *Rows) Rows{
	func(a *[BlockRows]float64, b float64, rows *Rows) (out Rows) {
		for w := range rows {
			if rows[w] == 0 {
				continue
			}
			var word uint64
			for i, x := range a[w*wordRows:][:wordRows] {
				word |= bit(x < b) << i
			}
			out[w] = word
		}
		return out
	},
	func(a *[BlockRows]float64, b float64, rows *Rows) (out Rows) {
		for w := range rows {
			if rows[w] == 0 {
				continue
			}
			var word uint64
			for i, x := range a[w*wordRows:][:wordRows] {
				word |= bit(x <= b) << i
			}
			out[w] = word
		}
		return out
	},
	func(a *[BlockRows]float64, b float64, rows *Rows) (out Rows) {
		for w := range rows {
			if rows[w] == 0 {
				continue
			}
			var word uint64
			for i, x := range a[w*wordRows:][:wordRows] {
				word |= bit(x == b) << i
			}
			out[w] = word
		}
		return out
	},
}

// compareConst compares with a constant to the left.
var compareConst = [...]func(a float64, b *[BlockRows]float64, rows *Rows) Rows{
	func(a float64, b *[BlockRows]float64, rows *Rows) (out Rows) {
		for w := range rows {
			if rows[w] == 0 {
				continue
			}
			var word uint64
			for i, x := range b[w*wordRows:][:wordRows] {
				word |= bit(a < x) << i
			}
			out[w] = word
		}
		return out
	},
	func(a float64, b *[BlockRows]float64, rows *Rows) (out Rows) {
		for w := range rows {
			if rows[w] == 0 {
				continue
			}
			var word uint64
			for i, x := range b[w*wordRows:][:wordRows] {
				word |= bit(a <= x) << i
			}
			out[w] = word
		}
		return out
	},
	func(a float64, b *[BlockRows]float64, rows *Rows) Rows { return compareToConst[equal-less](b, a, rows) },
}

// compareBoth compares two blocks.
var compareBoth = [...]func(a, b *[BlockRows]float64, rows *Rows) Rows{
	func(a, b *[BlockRows]float64, rows *Rows) (out Rows) {
		for w := range rows {
			if rows[w] == 0 {
				continue
			}
			var word uint64
			others := b[w*wordRows:][:wordRows]
			for i, x := range a[w*wordRows:][:wordRows] {
				word |= bit(x < others[i]) << i
			}
			out[w] = word
		}
		return out
	},
	func(a, b *[BlockRows]float64, rows *Rows) (out Rows) {
		for w := range rows {
			if rows[w] == 0 {
				continue
			}
			var word uint64
			others := b[w*wordRows:][:wordRows]
			for i, x := range a[w*wordRows:][:wordRows] {
				word |= bit(x <= others[i]) << i
			}
			out[w] = word
		}
		return out
	},
	func(a, b *[BlockRows]float64, rows *Rows) (out Rows) {
		for w := range rows {
			if rows[w] == 0 {
				continue
			}
			var word uint64
			others := b[w*wordRows:][:wordRows]
			for i, x := range a[w*wordRows:][:wordRows] {
				word |= bit(x == others[i]) << i
			}
			out[w] = word
		}
		return out
	},
}
