package telemetry

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestBucketIndexIsAsDefined compares with the definition at every bound, beside it,
// and at random.
func TestBucketIndexIsAsDefined(t *testing.T) {
	check := func(x uint64) {
		if x == 0 {
			return
		}
		// float64 has 53 bits: above, neighbours share a float and the definition rounds.
		if got, want := BucketIndex(x), definedIndex(x); got != want {
			t.Errorf("BucketIndex(%d) = %d, want %d", x, got, want)
		}
	}
	for _, bound := range bucketBounds {
		if bound < 1<<53 {
			check(bound - 1)
			check(bound)
			check(bound + 1)
		}
	}
	for x := range uint64(100_000) {
		check(x)
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 200_000 {
		check(random.Uint64() >> random.IntN(64) & (1<<53 - 1))
	}
	for shift := range 64 {
		if got := BucketIndex(1 << shift); got < 0 || got >= MaxHistogramBuckets {
			t.Errorf("BucketIndex(2^%d) = %d", shift, got)
		}
	}
	if got := BucketIndex(math.MaxUint64); got < 0 || got >= MaxHistogramBuckets {
		t.Errorf("BucketIndex of the greatest value is %d, want less than %d", got, MaxHistogramBuckets)
	}
}

func BenchmarkBucketIndex(b *testing.B) {
	var sum int32
	for i := uint64(1); b.Loop(); i += 997 {
		sum += BucketIndex(i & 0xfffff)
	}
	_ = sum
}
