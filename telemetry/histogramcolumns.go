package telemetry

import (
	"encoding/binary"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
)

// histogramColumns are the histograms of one kind. Most buckets of a row are neighbours:
// runs of them are written. Of a count, the lowest eight bits are chance and do not
// compress; what is above them is much like that of the bucket before. Apart they take
// three quarters of what counts take as varints.
type histogramColumns struct {
	runs, gaps, more, sums, maxes column
	lows                          []byte // of counts, lowBits of each
	highSteps                     column // of the rest, from the bucket before
}

const (
	lowBits = 8
	// bucketBytes bounds what a bucket takes: a run, and both parts of a count.
	bucketBytes = 2*binary.MaxVarintLen32 + 1 + binary.MaxVarintLen64
	// firstGapFrom is the index that a row's first gap is counted from: less than any.
	firstGapFrom = ZeroBucket - 1
)

// add adds a row, and returns the sum of its counts.
func (c *histogramColumns) add(h *Histogram) (count uint64) {
	c.sums.add(h.Sum)
	c.maxes.add(h.Max)
	c.addRuns(h.Indexes)
	held, n := len(c.lows), len(h.Indexes)
	c.lows = slices.Grow(c.lows, n)[:held+n]
	c.highSteps.packed = slices.Grow(c.highSteps.packed, n)
	heldSteps := len(c.highSteps.packed)
	lows, steps := c.lows[held:], c.highSteps.packed[heldSteps:heldSteps+n]
	before, some := int64(0), uint64(0)
	for i, v := range h.Counts[:n] { // no branch: this is most of what a flush does
		high := int64(v >> lowBits)
		step := protowire.EncodeZigZag(high - before)
		before = high
		count += v
		some |= step
		lows[i], steps[i] = byte(v), byte(step)
	}
	c.highSteps.some |= some
	if some < 0x80 { // as nearly always: a byte for each
		c.highSteps.packed = c.highSteps.packed[:heldSteps+n]
		return count
	}
	before = 0
	for _, v := range h.Counts[:n] {
		high := int64(v >> lowBits)
		c.highSteps.packed = binary.AppendUvarint(c.highSteps.packed, protowire.EncodeZigZag(high-before))
		before = high
	}
	return count
}

// addRuns adds a row's indexes.
func (c *histogramColumns) addRuns(indexes []int32) {
	runs, last := uint64(0), int32(firstGapFrom)
	for len(indexes) > 0 {
		n := len(indexes)
		if indexes[n-1] != indexes[0]+int32(n-1) { // not all are neighbours
			for n = 1; n < len(indexes) && indexes[n] == indexes[n-1]+1; n++ {
			}
		}
		c.gaps.add(uint64(uint32(indexes[0] - last)))
		c.more.add(uint64(n - 1))
		last, indexes = indexes[n-1], indexes[n:]
		runs++
	}
	c.runs.add(runs)
}

// size bounds what appendTo appends.
func (c *histogramColumns) size() int {
	n := 2*columnOverhead + len(c.lows)
	for _, column := range []*column{&c.runs, &c.gaps, &c.more, &c.sums, &c.maxes, &c.highSteps} {
		n += column.size()
	}
	return n
}

// appendTo appends a message, and nothing where there are no histograms.
func (c *histogramColumns) appendTo(b []byte, number protowire.Number) []byte {
	if c.runs.some == 0 {
		return b
	}
	b, begin := message(b, number)
	b = c.more.appendTo(c.gaps.appendTo(c.runs.appendTo(b, 1), 2), 3)
	b = c.maxes.appendTo(c.sums.appendTo(b, 4), 5)
	b = protowire.AppendBytes(protowire.AppendTag(b, 6, protowire.BytesType), c.lows)
	return end(c.highSteps.appendTo(b, 7), begin)
}

func (c *histogramColumns) reset() {
	c.lows = c.lows[:0]
	for _, column := range []*column{&c.runs, &c.gaps, &c.more, &c.sums, &c.maxes, &c.highSteps} {
		column.reset()
	}
}
