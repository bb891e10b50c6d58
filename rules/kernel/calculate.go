package kernel

import "math"

func fill(value float64, into *[BlockRows]float64) {
	for i := range into {
		into[i] = value
	}
}

func choose(from *[BlockRows]float64, rows *Rows, into *[BlockRows]float64) {
	rows.Each(func(row int) { into[row] = from[row] })
}

// operands are the two blocks that an operation reads.
type operands struct{ a, b *[BlockRows]float64 }

// ofBoth computes an operation of two blocks, of whole words of rows.
func ofBoth(code opcode, of operands, rows *Rows, into *[BlockRows]float64) {
	for w := range rows {
		if rows[w] == 0 {
			continue
		}
		a, b, out := of.a[w*wordRows:][:wordRows], of.b[w*wordRows:][:wordRows], into[w*wordRows:][:wordRows]
		switch code {
		case add:
			for i, x := range a {
				out[i] = x + b[i]
			}
		case subtract:
			for i, x := range a {
				out[i] = x - b[i]
			}
		case multiply:
			for i, x := range a {
				out[i] = x * b[i]
			}
		case divide:
			for i, x := range a {
				out[i] = x / b[i]
			}
		case power:
			for i, x := range a {
				out[i] = math.Pow(x, b[i])
			}
		case greater:
			for i, x := range a {
				if out[i] = x; x < b[i] {
					out[i] = b[i]
				}
			}
		case smaller:
			for i, x := range a {
				if out[i] = x; x > b[i] {
					out[i] = b[i]
				}
			}
		}
	}
}

// ofEach computes an operation of one block.
func ofEach(code opcode, of *[BlockRows]float64, rows *Rows, into *[BlockRows]float64) {
	each := ofNumber[code]
	rows.Each(func(row int) { into[row] = each(of[row]) })
}

var ofNumber = map[opcode]func(float64) float64{
	negate: func(x float64) float64 { return -x },
	absolute: func(x float64) float64 { // as expr does: of -0 it is -0
		if x < 0 {
			return -x
		}
		return x
	},
	ceiling: math.Ceil, floor: math.Floor, round: math.Round,
}

// calculated computes an operation of two numbers.
func calculated(code opcode, x, y float64) float64 {
	var a, b, into [BlockRows]float64
	a[0], b[0] = x, y
	ofBoth(code, operands{&a, &b}, &Rows{1}, &into)
	return into[0]
}
