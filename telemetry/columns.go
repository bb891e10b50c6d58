package telemetry

import (
	"encoding/binary"

	"google.golang.org/protobuf/encoding/protowire"
)

// column is a packed list of numbers.
type column struct {
	packed []byte
	some   uint64 // 0 where all are
}

func (c *column) add(v uint64) {
	c.some |= v
	c.packed = binary.AppendUvarint(c.packed, v)
}

// size bounds what appendTo appends.
func (c *column) size() int { return columnOverhead + len(c.packed) }

// columnOverhead bounds a column's tag and length.
const columnOverhead = 7

func (c *column) appendTo(b []byte, number protowire.Number) []byte {
	if c.some == 0 {
		return b
	}
	return protowire.AppendBytes(protowire.AppendTag(b, number, protowire.BytesType), c.packed)
}

func (c *column) reset() { c.packed, c.some = c.packed[:0], 0 }

// prefixed are texts, each written as what it shares with the one before and what follows.
type prefixed struct {
	prefixes, suffixes column
	bytes              []byte
	last, next         []byte
}

// begin, more and end add a text that is made of several.
func (p *prefixed) begin()           { p.next = p.next[:0] }
func (p *prefixed) more(text string) { p.next = append(p.next, text...) }
func (p *prefixed) end()             { p.add(p.next) }

func (p *prefixed) add(text []byte) {
	shared := sharedPrefix(p.last, text)
	p.prefixes.add(uint64(shared))
	p.suffixes.add(uint64(len(text) - shared))
	p.bytes = append(p.bytes, text[shared:]...)
	p.last = append(p.last[:shared], text[shared:]...)
}

func (p *prefixed) size() int {
	return p.prefixes.size() + p.suffixes.size() + columnOverhead + len(p.bytes)
}

// appendTo appends three fields: prefixes, suffixes and bytes.
func (p *prefixed) appendTo(b []byte, first protowire.Number) []byte {
	b = p.suffixes.appendTo(p.prefixes.appendTo(b, first), first+1)
	if len(p.bytes) == 0 {
		return b
	}
	return protowire.AppendBytes(protowire.AppendTag(b, first+2, protowire.BytesType), p.bytes)
}

func (p *prefixed) reset() {
	p.prefixes.reset()
	p.suffixes.reset()
	p.bytes, p.last = p.bytes[:0], p.last[:0]
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

// rowColumns are what cells and group partials have alike.
type rowColumns struct {
	rows       int
	paneUnix   int64 // of the row before
	panes      column
	sums       [6]column
	histograms [4]histogramColumns
	lists      []byte // fields of Lists
}

// Where fields stand that follow the first of the sums, in both kinds of records.
const (
	histogramsAfterSums = 6
	listsAfterSums      = 10
)

// add adds a row. Its lists have the field number lists.
func (c *rowColumns) add(paneUnix int64, totals *Totals, lists protowire.Number) {
	c.panes.add(protowire.EncodeZigZag(paneUnix - c.paneUnix))
	c.paneUnix = paneUnix
	var counts [4]uint64
	for i, h := range totals.histograms() {
		counts[i] = c.histograms[i].add(h)
	}
	beyond := protowire.EncodeZigZag(int64(totals.Messages - counts[0]))
	for i, v := range [...]uint64{totals.Reports, beyond, totals.Bytes, totals.Rebalances, totals.DroppedReports, totals.IntervalMillis} {
		c.sums[i].add(v)
	}
	c.sums[0].some = 1 // written even where it is zeros: it says how many rows there are
	if totals.hasLists() {
		c.lists = appendLists(c.lists, lists, c.rows, totals)
	}
	c.rows++
}

// size bounds what appendTo appends, and the column of panes.
func (c *rowColumns) size() int {
	n := c.panes.size() + len(c.lists)
	for i := range c.sums {
		n += c.sums[i].size()
	}
	for i := range c.histograms {
		n += c.histograms[i].size()
	}
	return n
}

// rowBytes bounds what a row adds to size.
func rowBytes(totals *Totals) int {
	n := 7*binary.MaxVarintLen64 + 4*(binary.MaxVarintLen32+2*binary.MaxVarintLen64)
	for _, h := range totals.histograms() {
		n += bucketBytes * len(h.Indexes)
	}
	if totals.hasLists() {
		n += len(appendLists(nil, 1, 0, totals)) + binary.MaxVarintLen32
	}
	return n
}

// appendTo appends all fields but that of panes, which stands before what names the rows.
func (c *rowColumns) appendTo(b []byte, first protowire.Number) []byte {
	for i := range c.sums {
		b = c.sums[i].appendTo(b, first+protowire.Number(i))
	}
	for i := range c.histograms {
		b = c.histograms[i].appendTo(b, first+histogramsAfterSums+protowire.Number(i))
	}
	return append(b, c.lists...)
}

func (c *rowColumns) reset() {
	c.rows, c.paneUnix, c.lists = 0, 0, c.lists[:0]
	c.panes.reset()
	for i := range c.sums {
		c.sums[i].reset()
	}
	for i := range c.histograms {
		c.histograms[i].reset()
	}
}

func (t *Totals) histograms() [4]*Histogram {
	return [4]*Histogram{&t.LatencyMicros, &t.DelayMicros, &t.SizeBytes, &t.HeartbeatMicros}
}

func (t *Totals) hasLists() bool { return len(t.Errors)+len(t.Gauges)+len(t.Events) > 0 }

func appendLists(b []byte, number protowire.Number, row int, totals *Totals) []byte {
	b, begin := message(b, number)
	b = appendErrors(appendUint(b, 1, uint64(row)), 2, totals.Errors)
	for i := range totals.Gauges {
		b = appendGaugeValue(b, 3, &totals.Gauges[i])
	}
	return end(appendEvents(b, 4, totals.Events), begin)
}
