package telemetry

import (
	"math"
	"slices"
)

// HistogramGrowth is the ratio of neighbouring bucket bounds. 101/99 keeps every
// value within 1% of its bucket's representative. Not smaller: rows grow with the
// number of buckets; not larger: 1% is the promised error.
const HistogramGrowth = 101.0 / 99.0

// ZeroBucket is the index of the bucket that holds zeros.
const ZeroBucket = -1

// MaxHistogramBuckets bounds the distinct buckets of one histogram: the index of
// the greatest uint64 is 2218, so no honest histogram has more.
const MaxHistogramBuckets = 2220

// Histogram is sparse and log-bucketed with at most 1% relative error. Values are
// whole numbers of a unit that the holder names (microseconds, bytes). Indexes
// ascend strictly and pair with Counts. The zero value is empty and ready to use.
type Histogram struct {
	Indexes []int32
	Counts  []uint64
	Sum     uint64 // exact
	Max     uint64 // exact
}

// bucketValues are those of the buckets that values have. Rules ask for several of each group.
var bucketValues = func() (out [MaxHistogramBuckets]float64) {
	for i := range out {
		out[i] = bucketValue(int32(i))
	}
	return out
}()

func bucketValue(i int32) float64 {
	return 2 * math.Pow(HistogramGrowth, float64(i)) / (HistogramGrowth + 1)
}

// BucketValue returns the value within 1% of all that bucket i holds: 2*g^i/(g+1).
func BucketValue(i int32) float64 {
	switch {
	case i < 0:
		return 0
	case i < MaxHistogramBuckets:
		return bucketValues[i]
	}
	return bucketValue(i)
}

// Observe adds one value.
func (h *Histogram) Observe(x uint64) {
	h.add(BucketIndex(x), 1)
	h.Sum += x
	h.Max = max(h.Max, x)
}

func (h *Histogram) add(index int32, count uint64) {
	at, found := slices.BinarySearch(h.Indexes, index)
	if found {
		h.Counts[at] += count
		return
	}
	h.Indexes = slices.Insert(h.Indexes, at, index)
	h.Counts = slices.Insert(h.Counts, at, count)
}

// Merge adds o's counts exactly. Where h has all of o's buckets, as after a few
// reports of one series, it is one walk along both.
func (h *Histogram) Merge(o *Histogram) {
	if len(o.Indexes) == 0 {
		return
	}
	h.Sum += o.Sum
	h.Max = max(h.Max, o.Max)
	if missing := h.AddKnown(o); missing > 0 {
		h.AddMissing(o, missing)
	}
}

// AddKnown adds o's counts of the buckets that h has, and says how many it lacks. It
// leaves sum and max alone.
func (h *Histogram) AddKnown(o *Histogram) (missing int) {
	indexes, counts := h.Indexes, h.Counts[:len(h.Indexes)]
	at := 0
	for i, index := range o.Indexes {
		for at < len(indexes) && indexes[at] < index {
			at++
		}
		if at < len(indexes) && indexes[at] == index {
			counts[at] += o.Counts[i]
			at++
			continue
		}
		missing++
	}
	return missing
}

// AddMissing inserts the buckets that h lacks, after AddKnown said how many there are.
// It goes from the last to the first, so that each bucket moves once, and grows h's
// slices by append.
func (h *Histogram) AddMissing(o *Histogram, missing int) {
	from := len(h.Indexes) - 1
	h.Indexes = slices.Grow(h.Indexes, missing)[:len(h.Indexes)+missing]
	h.Counts = slices.Grow(h.Counts, missing)[:len(h.Counts)+missing]
	to := len(h.Indexes) - 1
	for i := len(o.Indexes) - 1; i >= 0 && to > from; i-- {
		for from >= 0 && h.Indexes[from] > o.Indexes[i] {
			h.Indexes[to], h.Counts[to] = h.Indexes[from], h.Counts[from]
			from, to = from-1, to-1
		}
		if from >= 0 && h.Indexes[from] == o.Indexes[i] {
			continue // moved by a later turn; its count is in already
		}
		h.Indexes[to], h.Counts[to] = o.Indexes[i], o.Counts[i]
		to--
	}
}

// Subtract takes away o's counts, which were merged before, and says how many buckets it emptied. These stay until Compact.
// Max stays as it is.
func (h *Histogram) Subtract(o *Histogram) (emptied int) {
	if len(o.Indexes) == 0 {
		return 0
	}
	h.Sum -= o.Sum
	at := 0
	for i, index := range o.Indexes {
		for h.Indexes[at] < index {
			at++
		}
		if h.Counts[at] -= o.Counts[i]; h.Counts[at] == 0 {
			emptied++
		}
		at++
	}
	return emptied
}

// Compact takes away empty buckets. Nothing that is asked of a histogram changes by it.
func (h *Histogram) Compact() {
	kept := 0
	for i, count := range h.Counts {
		if count > 0 {
			h.Indexes[kept], h.Counts[kept] = h.Indexes[i], count
			kept++
		}
	}
	h.Indexes, h.Counts = h.Indexes[:kept], h.Counts[:kept]
}

// Count returns how many values were observed.
func (h *Histogram) Count() uint64 {
	var n uint64
	for _, count := range h.Counts {
		n += count
	}
	return n
}

// Quantile returns the value at rank ceil(q*n) within 1%, in the histogram's unit;
// 0 where nothing was observed. q is clamped to 0..1.
func (h *Histogram) Quantile(q float64) float64 {
	n := h.Count()
	if n == 0 {
		return 0
	}
	rank := uint64(math.Ceil(min(max(q, 0), 1) * float64(n)))
	rank = max(rank, 1)
	var seen uint64
	for i, count := range h.Counts {
		if seen += count; seen >= rank {
			return min(BucketValue(h.Indexes[i]), float64(h.Max))
		}
	}
	return float64(h.Max)
}

// ShareAbove returns the share 0-1 of values above x, to the bucket; 0 where
// nothing was observed.
func (h *Histogram) ShareAbove(x uint64) float64 {
	n, limit := h.Count(), BucketIndex(x)
	if n == 0 {
		return 0
	}
	var above uint64
	for i, index := range h.Indexes {
		if index > limit {
			above += h.Counts[i]
		}
	}
	return float64(above) / float64(n)
}

// Reset empties the histogram and keeps its memory.
func (h *Histogram) Reset() {
	h.Indexes, h.Counts, h.Sum, h.Max = h.Indexes[:0], h.Counts[:0], 0, 0
}

// Grow makes room for so many more buckets, without a copy of those that come.
func (h *Histogram) Grow(buckets int) {
	h.Indexes, h.Counts = slices.Grow(h.Indexes, buckets), slices.Grow(h.Counts, buckets)
}

// Clone returns a copy that shares no memory.
func (h *Histogram) Clone() Histogram {
	return Histogram{slices.Clone(h.Indexes), slices.Clone(h.Counts), h.Sum, h.Max}
}
