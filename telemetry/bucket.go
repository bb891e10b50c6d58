package telemetry

import "math"

var logGrowth = math.Log(HistogramGrowth)

// boundSlack keeps a value that is a bound up to rounding in the bucket below it.
const boundSlack = 1e-9

// definedIndex is the definition of a bucket's index: ceil(ln(x)/ln(101/99)).
// BucketIndex gives the same without a logarithm.
func definedIndex(x uint64) int32 {
	return int32(math.Ceil(math.Log(float64(x))/logGrowth - boundSlack))
}

// mantissaBits of a value's float64 choose a first guess that is off by one bucket
// at most. Not fewer: further off; not more: the table would leave the cache.
const mantissaBits = 8

var (
	// bucketBounds[i] is the greatest value of bucket i.
	bucketBounds [MaxHistogramBuckets]uint64
	// mantissaBuckets[m] is how many buckets 1+m/2^mantissaBits lies above 1.
	mantissaBuckets [1 << mantissaBits]float64
	bucketsPerTwo   = math.Ln2 / logGrowth
	// fittingMax[i-ZeroBucket] are the values that may be the greatest of a histogram whose highest bucket is i: width+1
	// from least on. For a check at every histogram that arrives.
	fittingMax [MaxHistogramBuckets - ZeroBucket]struct{ least, width uint64 }
)

func init() {
	for m := range mantissaBuckets {
		mantissaBuckets[m] = math.Log(1+float64(m)/(1<<mantissaBits)) / logGrowth
	}
	for i := range bucketBounds {
		bucketBounds[i] = greatestOf(int32(i))
	}
	for i := range bucketBounds {
		fits, greatest := &fittingMax[i-ZeroBucket], bucketBounds[min(i+1, MaxHistogramBuckets-1)]
		fits.least = bucketBounds[max(i-2, 0)]
		fits.width = greatest - fits.least + min(1, math.MaxUint64-greatest)
	}
}

// greatestOf returns the greatest value of bucket i. The power of HistogramGrowth is
// rounded, so the definition decides. Near 2^63 the slack alone leaves 10^8 values to
// either bucket: halving takes 40 steps where walking takes minutes.
func greatestOf(i int32) uint64 {
	power := math.Exp(logGrowth * float64(i))
	low, high := max(1, uint64(power*(1-1e-8))), uint64(math.MaxUint64)
	if above := power*(1+1e-8) + 1; above < math.MaxUint64 {
		high = uint64(above)
	}
	for low < high {
		middle := high - (high-low)/2
		if definedIndex(middle) <= i {
			low = middle
		} else {
			high = middle - 1
		}
	}
	return low
}

// BucketIndex returns ceil(ln(x)/ln(101/99)), ZeroBucket for 0.
func BucketIndex(x uint64) int32 {
	if x == 0 {
		return ZeroBucket
	}
	bits := math.Float64bits(float64(x))
	exponent := int(bits>>52) - 1023
	mantissa := bits >> (52 - mantissaBits) & (1<<mantissaBits - 1)
	i := int32(float64(exponent)*bucketsPerTwo + mantissaBuckets[mantissa])
	for x > bucketBounds[i] {
		i++
	}
	return i
}

// BucketBounds returns the least and the greatest value of a bucket; of one without values the greatest is below the least.
func BucketBounds(index int32) (least, greatest uint64) {
	if index <= 0 {
		return uint64(index - ZeroBucket), uint64(index - ZeroBucket) // 0 and 1
	}
	return bucketBounds[index-1] + 1, bucketBounds[index]
}

// MaxOff says that h's greatest value lies further from its highest bucket than one bucket and one unit: other languages
// round logarithms otherwise, and some cut fractions off. Where h holds zeros only, or nothing, it is 0. Indexes must be in
// order and in bounds.
func (h *Histogram) MaxOff() bool {
	last := int32(ZeroBucket)
	if n := len(h.Indexes); n > 0 {
		last = h.Indexes[n-1]
	}
	fits := &fittingMax[last-ZeroBucket]
	return h.Max-fits.least > fits.width
}
