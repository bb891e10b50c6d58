package meter

import "github.com/weirmq/weir/telemetry"

// maxSum is the greatest sum that the ingest stage takes. It is 36 years in
// microseconds: a thousand messages that are two weeks old reach it.
const maxSum = 1 << 50

// distribution counts values in the buckets of telemetry.Histogram, densely between
// the least and the greatest bucket seen, so that a value costs one addition. It
// holds at most telemetry.MaxHistogramBuckets+1 counts (18 KiB).
type distribution struct {
	first  int32 // bucket of counts[0]
	counts []uint64
	sum    uint64 // exact up to maxSum, where it stays
	max    uint64

	least, greatest uint64 // of the bucket of the value before: messages that come together have about one latency, and one size
	at              int    // its place in counts
}

func (d *distribution) observe(value uint64) {
	if value < d.least || value > d.greatest || d.at >= len(d.counts) {
		d.look(value)
	}
	d.counts[d.at]++
	d.sum = min(d.sum+min(value, maxSum), maxSum)
	d.max = max(d.max, value)
}

// look finds a value's bucket.
func (d *distribution) look(value uint64) {
	bucket := telemetry.BucketIndex(value)
	d.least, d.greatest = telemetry.BucketBounds(bucket)
	d.at = int(bucket - d.first)
	if uint(d.at) >= uint(len(d.counts)) {
		d.at = d.reach(bucket)
	}
}

// reach makes room for a bucket and returns its place.
func (d *distribution) reach(bucket int32) int {
	if len(d.counts) == 0 {
		d.first = bucket
	}
	if before := int(d.first - bucket); before > 0 {
		d.counts = append(make([]uint64, before, before+len(d.counts)), d.counts...)
		d.first = bucket
	}
	at := int(bucket - d.first)
	if more := at + 1 - len(d.counts); more > 0 {
		d.counts = append(d.counts, make([]uint64, more)...)
	}
	return at
}

// moveTo moves what was counted to another distribution and begins anew.
func (d *distribution) moveTo(o *distribution) {
	o.first, o.sum, o.max = d.first, d.sum, d.max
	o.counts = append(o.counts[:0], d.counts...)
	clear(d.counts)
	d.sum, d.max = 0, 0
}

// sparse is the distribution as a report has it.
func (d *distribution) sparse(h *telemetry.Histogram) {
	h.Reset()
	for i, count := range d.counts {
		if count > 0 {
			h.Indexes = append(h.Indexes, d.first+int32(i))
			h.Counts = append(h.Counts, count)
		}
	}
	h.Sum, h.Max = d.sum, d.max
}
