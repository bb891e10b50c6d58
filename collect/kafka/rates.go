package kafka

import "maps"

// rates remembers the end offsets of the poll before, by partition.
type rates map[at]offset

// since returns messages written per second between the poll before and this one, and keeps this one's offsets. A partition that
// the poll before did not know has no rate, nor has one whose end fell: it was made again.
func (r rates) since(ends map[at]offset) map[at]float64 {
	out := map[at]float64{}
	for where, end := range ends {
		before, known := r[where]
		if elapsed := end.time.Sub(before.time); known && elapsed > 0 && end.value >= before.value {
			out[where] = float64(end.value-before.value) / elapsed.Seconds()
		}
	}
	clear(r)
	maps.Copy(r, ends)
	return out
}
