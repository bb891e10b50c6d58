package telemetry

import (
	"encoding/binary"

	"google.golang.org/protobuf/encoding/protowire"
)

// CellColumns gathers cells for a record of weir.cells. The zero value is empty and
// ready to use; it is used again after Reset.
type CellColumns struct {
	cells      int
	paneUnix   int64  // of the cell before
	labels     []byte // of the cell before
	numbers    [len(numberFields)]column
	labelBytes []byte
	histograms [4]histogramColumns
	lists      []byte // fields of CellLists
}

// column is a packed list of numbers.
type column struct {
	packed []byte
	some   uint64 // 0 where all are
}

type histogramColumns struct {
	buckets, gaps, counts, sums, maxes column
}

// What the columns of numbers are, by their place; field numbers of telemetry.proto.
var numberFields = [...]protowire.Number{1, 2, 3, 5, 6, 7, 8, 9, 10}

const (
	// cellOverhead bounds what a cell takes beside its labels, buckets and lists.
	cellOverhead = 9*binary.MaxVarintLen64 + 4*(3+2*binary.MaxVarintLen64)
	// bucketBytes bounds what a bucket takes.
	bucketBytes = 3 + binary.MaxVarintLen64
	// firstGapFrom is the index that a cell's first gap is counted from: less than any.
	firstGapFrom = ZeroBucket - 1
)

func (c *column) add(v uint64) {
	c.some |= v
	c.packed = binary.AppendUvarint(c.packed, v)
}

// Len returns how many cells were added.
func (c *CellColumns) Len() int { return c.cells }

// Bytes bounds what Append appends.
func (c *CellColumns) Bytes() int {
	n := len(c.labelBytes) + len(c.lists) + columnOverhead*(len(numberFields)+1)
	for i := range c.numbers {
		n += len(c.numbers[i].packed)
	}
	for i := range c.histograms {
		n += columnOverhead
		for _, column := range c.histograms[i].all() {
			n += len(column.packed) + columnOverhead
		}
	}
	return n
}

// columnOverhead bounds a column's tag and length.
const columnOverhead = 6

// CellBytes bounds what a cell adds to Bytes.
func CellBytes(labels []byte, totals *Totals) int {
	n := cellOverhead + len(labels)
	for _, h := range totals.histograms() {
		n += bucketBytes * len(h.Indexes)
	}
	if totals.hasLists() {
		n += len(appendLists(nil, 0, totals))
	}
	return n
}

func (t *Totals) histograms() [4]*Histogram {
	return [4]*Histogram{&t.LatencyMicros, &t.DelayMicros, &t.SizeBytes, &t.HeartbeatMicros}
}

func (t *Totals) hasLists() bool { return len(t.Errors)+len(t.Gauges)+len(t.Events) > 0 }

// Add adds a cell; labels are encoded. What only groups have in their totals is left out.
func (c *CellColumns) Add(paneUnix int64, labels []byte, totals *Totals) {
	shared := sharedPrefix(c.labels, labels)
	c.numbers[0].add(protowire.EncodeZigZag(paneUnix - c.paneUnix))
	c.numbers[1].add(uint64(shared))
	c.numbers[2].add(uint64(len(labels) - shared))
	c.labelBytes = append(c.labelBytes, labels[shared:]...)
	c.paneUnix, c.labels = paneUnix, append(c.labels[:shared], labels[shared:]...)
	for i, v := range [...]uint64{totals.Reports, totals.Messages, totals.Bytes, totals.Rebalances, totals.DroppedReports, totals.IntervalMillis} {
		c.numbers[3+i].add(v)
	}
	for i, h := range totals.histograms() {
		c.histograms[i].add(h)
	}
	if totals.hasLists() {
		c.lists = appendLists(c.lists, c.cells, totals)
	}
	c.cells++
}

func (c *histogramColumns) add(h *Histogram) {
	c.buckets.add(uint64(len(h.Indexes)))
	c.sums.add(h.Sum)
	c.maxes.add(h.Max)
	last := int32(firstGapFrom)
	gaps, counts := c.gaps.packed, c.counts.packed
	for i, index := range h.Indexes {
		if gap, count := uint32(index-last), h.Counts[i]; gap < 0x80 && count < 0x80 { // as nearly all
			gaps, counts = append(gaps, byte(gap)), append(counts, byte(count))
		} else {
			gaps, counts = binary.AppendUvarint(gaps, uint64(gap)), binary.AppendUvarint(counts, count)
		}
		last = index
	}
	c.gaps.packed, c.counts.packed = gaps, counts
	c.gaps.some, c.counts.some = uint64(len(gaps)), uint64(len(counts))
}

func (c *histogramColumns) all() [5]*column {
	return [5]*column{&c.buckets, &c.gaps, &c.counts, &c.sums, &c.maxes}
}

// sharedPrefix is how many bytes a and b begin with alike.
func sharedPrefix(a, b []byte) int {
	n, at := min(len(a), len(b)), 0
	for at+8 <= n && binary.LittleEndian.Uint64(a[at:]) == binary.LittleEndian.Uint64(b[at:]) {
		at += 8
	}
	for at < n && a[at] == b[at] {
		at++
	}
	return at
}

func appendLists(b []byte, cell int, totals *Totals) []byte {
	b, begin := message(b, 15)
	b = appendErrors(appendUint(b, 1, uint64(cell)), 2, totals.Errors)
	for i := range totals.Gauges {
		b = appendGaugeValue(b, 3, &totals.Gauges[i])
	}
	return end(appendEvents(b, 4, totals.Events), begin)
}

// AppendTo appends the field of a CellBatch that holds the cells.
func (c *CellColumns) AppendTo(b []byte) []byte {
	if c.cells == 0 {
		return b
	}
	b, begin := message(b, 4)
	for i := range numberFields {
		if i == labelBytesBefore && len(c.labelBytes) > 0 {
			b = protowire.AppendBytes(protowire.AppendTag(b, 4, protowire.BytesType), c.labelBytes)
		}
		b = c.numbers[i].appendTo(b, numberFields[i])
	}
	for i := range c.histograms {
		if c.histograms[i].buckets.some == 0 {
			continue
		}
		var h int
		b, h = message(b, protowire.Number(firstHistogramField+i))
		for j, column := range c.histograms[i].all() {
			b = column.appendTo(b, protowire.Number(1+j))
		}
		b = end(b, h)
	}
	return end(append(b, c.lists...), begin)
}

const (
	labelBytesBefore    = 3 // the column of numbers that field 4 stands before
	firstHistogramField = 11
)

func (c *column) appendTo(b []byte, number protowire.Number) []byte {
	if c.some == 0 {
		return b
	}
	return protowire.AppendBytes(protowire.AppendTag(b, number, protowire.BytesType), c.packed)
}

// Reset forgets the cells and keeps the memory.
func (c *CellColumns) Reset() {
	c.cells, c.paneUnix = 0, 0
	c.labels, c.labelBytes, c.lists = c.labels[:0], c.labelBytes[:0], c.lists[:0]
	for i := range c.numbers {
		c.numbers[i] = column{packed: c.numbers[i].packed[:0]}
	}
	for i := range c.histograms {
		for _, column := range c.histograms[i].all() {
			column.packed, column.some = column.packed[:0], 0
		}
	}
}
