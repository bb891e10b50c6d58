package capture

import (
	"cmp"
	"math"
	"slices"
	"strconv"

	"github.com/weirmq/weir/rules/ruletest"
	"github.com/weirmq/weir/telemetry"
)

// observation is a value that was observed so often, in microseconds or bytes.
type observation struct{ value, count uint64 }

func (o observation) text(unit string) string {
	out := strconv.FormatUint(o.value, 10) + unit
	if o.count > 1 {
		out += "*" + strconv.FormatUint(o.count, 10)
	}
	return out
}

// maxCount is how often a test may observe one value in a word.
const maxCount = ruletest.MaxCounts

// observations fill the buckets of a histogram as it has them, and its greatest value. With exact they also have its sum, where
// values of its buckets can.
func observations(h *telemetry.Histogram, exact bool) []observation {
	var out []observation
	buckets := bucketsOf(h)
	var least uint64 // that the sum can be
	for _, b := range buckets {
		least += b.least * b.count
	}
	spare := h.Sum - min(h.Sum, least)
	for _, b := range buckets {
		width := b.greatest - b.least
		if !exact {
			out = append(out, observation{b.least + width/2, b.count})
			continue
		}
		more := min(spare, width*b.count)
		spare -= more
		out = append(out, spread(b, more)...)
	}
	slices.SortFunc(out, func(a, b observation) int { return cmp.Compare(a.value, b.value) })
	return split(out)
}

// bucket has a count of values between two.
type bucket struct{ least, greatest, count uint64 }

// bucketsOf are those of a histogram that are not empty; the greatest value has one of its own.
func bucketsOf(h *telemetry.Histogram) []bucket {
	var out []bucket
	for i, index := range h.Indexes {
		b := bucket{count: h.Counts[i]}
		b.least, b.greatest = bounds(index)
		if b.count > 0 && i == len(h.Indexes)-1 && b.least <= h.Max && h.Max <= b.greatest {
			out = append(out, bucket{h.Max, h.Max, 1})
			b.greatest, b.count = h.Max, b.count-1
		}
		if b.count > 0 {
			out = append(out, b)
		}
	}
	return out
}

// spread gives the values of a bucket that are so much more than its least together.
func spread(b bucket, more uint64) []observation {
	each, rest := more/b.count, more%b.count
	out := []observation{{b.least + each, b.count - rest}}
	if rest > 0 {
		out = append(out, observation{b.least + each + 1, rest})
	}
	return out
}

// split joins equal values and writes those that are too many for a word as several.
func split(seen []observation) []observation {
	var out []observation
	for _, o := range seen {
		if last := len(out) - 1; last >= 0 && out[last].value == o.value && out[last].count+o.count <= maxCount {
			out[last].count += o.count
			continue
		}
		for o.count > maxCount {
			out, o.count = append(out, observation{o.value, maxCount}), o.count-maxCount
		}
		out = append(out, o)
	}
	return out
}

// bounds are the least and the greatest value of a bucket.
func bounds(index int32) (least, greatest uint64) {
	if index == telemetry.ZeroBucket {
		return 0, 0
	}
	return greatestOf(index-1) + 1, greatestOf(index)
}

// greatestOf is the greatest value of a bucket or of those below it: the power of the growth, but for rounding.
func greatestOf(index int32) uint64 {
	if index < 0 {
		return 0
	}
	value := uint64(math.Pow(telemetry.HistogramGrowth, float64(index)))
	for telemetry.BucketIndex(value+1) <= index {
		value++
	}
	for value > 0 && telemetry.BucketIndex(value) > index {
		value--
	}
	return value
}
