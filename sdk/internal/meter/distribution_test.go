package meter

import (
	"maps"
	"testing"

	"github.com/weirmq/weir/telemetry"
)

// around are the values about the bounds of the buckets of some, there and back.
func around(values ...uint64) (out []uint64) {
	for _, value := range values {
		least, greatest := telemetry.BucketBounds(telemetry.BucketIndex(value))
		for _, bound := range []uint64{least, greatest} {
			out = append(out, bound, bound-1, bound, bound+1, bound)
		}
	}
	return out
}

// TestEachValueIsInItsBucket counts values that come again, also where room for lesser and greater ones was made since, and in the next interval.
func TestEachValueIsInItsBucket(t *testing.T) {
	var d, taken distribution
	for interval, values := range [][]uint64{
		{0, 0, 700, 700, 3, 700, 0, 90_000, 700, 700},
		{700, 700, 0}, // of the interval before, the greatest comes again at once
		{0, 1, 1, 1 << 40, 1, 1 << 40},
		around(700, 90_000, 1<<40), // the bounds of buckets
	} {
		want := map[int32]uint64{}
		for _, value := range values {
			d.observe(value)
			want[telemetry.BucketIndex(value)]++
		}
		d.moveTo(&taken)
		var h telemetry.Histogram
		taken.sparse(&h)
		got := map[int32]uint64{}
		for i, index := range h.Indexes {
			got[index] = h.Counts[i]
		}
		if !maps.Equal(got, want) {
			t.Errorf("interval %d: got %v, want %v", interval, got, want)
		}
	}
}
