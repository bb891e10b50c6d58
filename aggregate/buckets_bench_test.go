package aggregate

import (
	"math/bits"
	"math/rand/v2"
	"testing"

	"github.com/weirmq/weir/telemetry"
)

// BenchmarkMerge adds histograms of 20 buckets, each with other ones, to a cell's, ten to each cell.
func BenchmarkMerge(b *testing.B) {
	random := rand.NewPCG(1, 1)
	histograms := make([]telemetry.Histogram, 1024)
	for i := range histograms {
		h, index := &histograms[i], int32(345+random.Uint64()%16)
		for range 20 {
			r := random.Uint64()
			h.Indexes, h.Counts = append(h.Indexes, index), append(h.Counts, 1+r>>32%127)
			index += 1 + int32(bits.TrailingZeros64(r|8))
		}
	}
	var a arena
	var l bucketList
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if i%10 == 0 {
			a.release(&l)
		}
		a.merge(&l, &histograms[i%1024])
	}
}
