package telemetry_test

import (
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"sort"
	"testing"

	"github.com/weirmq/weir/telemetry"
)

// promisedError is how far a quantile may be from the exact one, relative to it; the part after 1% is the rounding of
// a float64.
const promisedError = 0.01 + 1e-9

// exactBound is up to where bucket bounds are exact to the value, in any unit: 6 minutes of microseconds, 400 MB.
// Above it the definition's slack of 1e-9 buckets may leave the first value of a bucket in the one below.
const exactBound = 400_000_000

// growthPowers returns floor(g^i) for every i that fits 64 bits, computed in whole numbers.
func growthPowers() []uint64 {
	var floors []uint64
	above, below := big.NewInt(1), big.NewInt(1) // g^i = above/below
	for {
		floor := new(big.Int).Div(above, below)
		if !floor.IsUint64() {
			return floors
		}
		floors = append(floors, floor.Uint64())
		above.Mul(above, big.NewInt(101))
		below.Mul(below, big.NewInt(99))
	}
}

// TestBucketIndexIsExactAtPowersOfGrowth holds that the greatest value of each bucket is in it, and the next one in
// a higher bucket.
func TestBucketIndexIsExactAtPowersOfGrowth(t *testing.T) {
	floors := growthPowers()
	exact := func(x uint64) int32 {
		return int32(sort.Search(len(floors), func(i int) bool { return floors[i] >= x }))
	}
	for _, floor := range floors {
		if got, want := telemetry.BucketIndex(floor), exact(floor); got != want {
			t.Errorf("BucketIndex(%d) = %d, want %d", floor, got, want)
		}
		next := floor + 1
		switch got, want := telemetry.BucketIndex(next), exact(next); {
		case next < exactBound && got != want:
			t.Errorf("BucketIndex(%d) = %d, want %d", next, got, want)
		case got != want && got != want-1:
			t.Errorf("BucketIndex(%d) = %d, want %d or the bucket below", next, got, want)
		}
	}
	for x, want := range map[uint64]int32{0: telemetry.ZeroBucket, 1: 0, 2: 35, 3: 55, 1000: 346, 1_000_000: 691, math.MaxUint64: 2218} {
		if got := telemetry.BucketIndex(x); got != want {
			t.Errorf("BucketIndex(%d) = %d, want %d", x, got, want)
		}
	}
}

func TestBucketIndexIsMonotone(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	values := []uint64{0, 1, math.MaxUint64 - 1, math.MaxUint64}
	for _, floor := range growthPowers() {
		values = append(values, floor-1, floor, floor+1)
	}
	for range 100_000 {
		values = append(values, randomValue(random))
	}
	slices.Sort(values)
	for i := 1; i < len(values); i++ {
		if a, b := telemetry.BucketIndex(values[i-1]), telemetry.BucketIndex(values[i]); a > b {
			t.Fatalf("BucketIndex(%d) = %d, but BucketIndex(%d) = %d", values[i-1], a, values[i], b)
		}
	}
}

func TestBucketValueIsWithinOnePercentOfWhatTheBucketHolds(t *testing.T) {
	random := rand.New(rand.NewPCG(2, 2))
	values := append(growthPowers(), 0, math.MaxUint64)
	for range 100_000 {
		values = append(values, randomValue(random))
	}
	for _, x := range values {
		got := telemetry.BucketValue(telemetry.BucketIndex(x))
		if math.Abs(got-float64(x)) > promisedError*float64(x) {
			t.Errorf("%d is in the bucket of %g, more than 1%% away", x, got)
		}
	}
}

// TestQuantileIsWithinOnePercent compares with the value at rank ceil(q*n) of the sorted values.
func TestQuantileIsWithinOnePercent(t *testing.T) {
	forSeeds(t, 300, func(t *testing.T, r *rand.Rand) {
		values := make([]uint64, 1+r.IntN(400))
		var h telemetry.Histogram
		for i := range values {
			values[i] = randomValue(r)
			h.Observe(values[i])
		}
		slices.Sort(values)
		n := len(values)
		equal(t, "count", uint64(n), h.Count())
		equal(t, "greatest", values[n-1], h.Max)
		for _, q := range []float64{-1, 0, 0.001, 0.5, 0.9, 0.95, 0.99, 0.999, 1, 2, r.Float64()} {
			rank := int(math.Ceil(min(max(q, 0), 1) * float64(n)))
			want := float64(values[max(rank, 1)-1])
			if got := h.Quantile(q); math.Abs(got-want) > promisedError*want || got > float64(h.Max) {
				t.Errorf("quantile %g of %d values is %g, exact is %g", q, n, got, want)
			}
		}
	})
}

func TestShareAboveCountsWholeBuckets(t *testing.T) {
	h := histogramOf(0, 100, 100, 5000)
	for limit, want := range map[uint64]float64{0: 0.75, 99: 0.75, 100: 0.25, 4000: 0.25, 5000: 0, math.MaxUint64: 0} {
		if got := h.ShareAbove(limit); got != want {
			t.Errorf("share above %d is %g, want %g", limit, got, want)
		}
	}
	var empty telemetry.Histogram
	if share, quantile := empty.ShareAbove(1), empty.Quantile(0.5); share != 0 || quantile != 0 {
		t.Errorf("of nothing the share is %g and the median %g, want 0", share, quantile)
	}
}

// TestHistogramMergeIsExact holds that merging is observing together: in any order and any grouping.
func TestHistogramMergeIsExact(t *testing.T) {
	forSeeds(t, 500, func(t *testing.T, r *rand.Rand) {
		var together telemetry.Histogram
		var parts [3]telemetry.Histogram
		for i := range parts {
			for range r.IntN(50) {
				x := randomValue(r)
				parts[i].Observe(x)
				together.Observe(x)
			}
		}
		merge := func(order ...int) telemetry.Histogram {
			var h telemetry.Histogram
			for _, i := range order {
				h.Merge(&parts[i])
			}
			return h
		}
		equal(t, "a+b+c", together, merge(0, 1, 2))
		equal(t, "c+b+a", together, merge(2, 1, 0))
		left, right := parts[0].Clone(), parts[1].Clone()
		left.Merge(&parts[1])
		left.Merge(&parts[2])
		right.Merge(&parts[2])
		right.Merge(&parts[0])
		equal(t, "(a+b)+c and (b+c)+a", left, right)
	})
}

func TestHistogramCloneAndResetShareNothing(t *testing.T) {
	h := histogramOf(1, 2, 3)
	clone := h.Clone()
	h.Reset()
	equal(t, "reset", telemetry.Histogram{}, h)
	h.Observe(9)
	equal(t, "clone", histogramOf(1, 2, 3), clone)
}
