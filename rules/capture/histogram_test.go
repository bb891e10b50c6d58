package capture

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/weirmq/weir/telemetry"
)

// TestObservations holds that what a test observes has the buckets, the greatest value and, where it is asked for, the sum of what was captured.
func TestObservations(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for n := range 300 {
		var want telemetry.Histogram
		for range r.IntN(40) {
			want.Observe(uint64(r.ExpFloat64() * []float64{1, 100, 1e5, 1e10}[n%4]))
		}
		for _, exact := range []bool{false, true} {
			var got telemetry.Histogram
			for _, seen := range observations(&want, exact) {
				for range seen.count {
					got.Observe(seen.value)
				}
			}
			if !slices.Equal(got.Indexes, want.Indexes) || !slices.Equal(got.Counts, want.Counts) || got.Max != want.Max {
				t.Fatalf("got %+v, want %+v", got, want)
			}
			if exact && got.Sum != want.Sum {
				t.Fatalf("the sum is %d, want %d of %+v", got.Sum, want.Sum, want)
			}
		}
	}
	many := telemetry.Histogram{Indexes: []int32{telemetry.BucketIndex(50)}, Counts: []uint64{2_000_001}, Sum: 50 * 2_000_001, Max: 50}
	got := observations(&many, false)
	if len(got) != 3 || got[0].count+got[1].count+got[2].count != 2_000_001 || got[0].count > maxCount {
		t.Errorf("what is observed often is %+v", got)
	}
}

// TestBounds holds that a bucket has what is between its bounds.
func TestBounds(t *testing.T) {
	for _, index := range []int32{telemetry.ZeroBucket, 0, 35, 70, 100, 500, 1000} {
		least, greatest := bounds(index)
		if least > greatest {
			continue // small numbers are too far apart to be in every bucket
		}
		if telemetry.BucketIndex(least) != index || telemetry.BucketIndex(greatest) != index || telemetry.BucketIndex(greatest+1) == index || least > 0 && telemetry.BucketIndex(least-1) == index {
			t.Errorf("bucket %d is from %d to %d", index, least, greatest)
		}
	}
}
