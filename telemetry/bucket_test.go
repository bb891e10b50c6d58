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

// TestBoundsAreThoseOfTheBucket holds that the bounds of a value's bucket have it between them, and are of that bucket
// themselves.
func TestBoundsAreThoseOfTheBucket(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 3))
	for x := range uint64(200_000) {
		if x >= 100_000 {
			x = random.Uint64() >> random.IntN(64) & (1<<53 - 1)
		}
		i := BucketIndex(x)
		least, greatest := BucketBounds(i)
		if x < least || x > greatest || BucketIndex(least) != i || BucketIndex(greatest) != i || BucketIndex(greatest+1) == i || x > 0 && BucketIndex(least-1) == i && least > 0 {
			t.Fatalf("value %d is of bucket %d, whose bounds are %d and %d", x, i, least, greatest)
		}
	}
}

// TestMaxIsOff says which greatest values fit the highest bucket.
func TestMaxIsOff(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for range 20_000 {
		var h Histogram
		h.Observe(random.Uint64() >> random.IntN(64))
		h.Observe(h.Max / 2)
		last := &h.Indexes[len(h.Indexes)-1]
		if h.MaxOff() {
			t.Fatalf("%d is off its own bucket %d", h.Max, *last)
		}
		if h.Max < 200 || *last+3 >= MaxHistogramBuckets {
			continue // buckets without a whole number lie between
		}
		for off, want := range map[int32]bool{-3: true, -1: false, 1: false, 3: true} {
			moved := h.Clone()
			moved.Indexes[len(moved.Indexes)-1] += off
			if moved.MaxOff() != want {
				t.Fatalf("%d of bucket %d, said to be in %d, is off: %v, want %v", h.Max, *last, *last+off, !want, want)
			}
		}
	}
	for i := 10; i < 600; i++ { // tenths, cut off and rounded up
		index := int32(math.Ceil(math.Log(float64(i)/10) / logGrowth))
		for _, greatest := range []uint64{uint64(i / 10), uint64((i + 9) / 10)} {
			if h := (Histogram{Indexes: []int32{index}, Max: greatest}); h.MaxOff() {
				t.Errorf("%d for a value of %d tenths is off its bucket %d", greatest, i, index)
			}
		}
	}
	for _, h := range []Histogram{{Max: 1}, {Indexes: []int32{ZeroBucket}, Max: 1}, {Indexes: []int32{0}}, {Indexes: []int32{MaxHistogramBuckets - 1}}} {
		if !h.MaxOff() {
			t.Errorf("%d fits the buckets %v", h.Max, h.Indexes)
		}
	}
}

func BenchmarkBucketIndex(b *testing.B) {
	var sum int32
	for i := uint64(1); b.Loop(); i += 997 {
		sum += BucketIndex(i & 0xfffff)
	}
	_ = sum
}
