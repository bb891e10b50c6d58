package aggregate

import (
	"math"
	"math/bits"

	"github.com/weirmq/weir/telemetry"
)

// bucketList is a histogram in the arena. Eight neighbouring buckets make a block, with
// 32 bits for each count. While the blocks from its first to its last are few, a list
// has all of them, and a bucket's place is its distance from the first. One that spans
// more has only the blocks that it needs, and a bitmap of which those are: a place is
// found by counting the bits before its block's own.
//
//	sum (2 words) | max (2) | count (1) | blocks
//	sum (2 words) | max (2) | count (1) | bitmap | blocks
type bucketList struct {
	at     uint32 // of its room; in arena.wides or arena.packed where class says so
	blocks uint16 // where class is 0, those that are expected
	first  uint16 // block; with a bitmap, the first word of it: of 32 blocks
	words  uint8  // of the bitmap; 0 for none
	class  uint8  // of its room, wideClass or packedClass; 0 for none
}

const (
	sumWord   = 0
	maxWord   = 2
	countWord = 4
	headWords = 5
	// blockBuckets share a bit of the bitmap. Not fewer: blocks come one by one, and
	// each moves those behind it; not more: a latency far from the others takes a block.
	blockBuckets = 8
	wordBlocks   = 32
	// maxRun is how many blocks a list without a bitmap has at most: values of one to
	// thirteen. Not fewer: most latencies of a client within seconds span that much, and
	// a bitmap costs three times as long; not more: a run has blocks that nothing is in.
	maxRun = 16
	// wideClass is the class of a list that counted more than 32 bits hold.
	wideClass = math.MaxUint8
)

func blockOf(index int32) int { return int(index-telemetry.ZeroBucket) / blockBuckets }

// merge adds a histogram to a list.
func (a *arena) merge(l *bucketList, h *telemetry.Histogram) {
	if len(h.Indexes) == 0 {
		return
	}
	switch l.class {
	case wideClass:
		a.wides[l.at].Merge(h)
		return
	case packedClass:
		a.restore(l)
	}
	count := h.Count()
	if l.class != 0 {
		count += uint64(a.room(l)[countWord])
	}
	if count > math.MaxUint32 {
		a.makeWide(l)
		a.wides[l.at].Merge(h)
		return
	}
	a.reach(l, blockOf(h.Indexes[0]), blockOf(h.Indexes[len(h.Indexes)-1]))
	room := a.room(l)
	room[countWord] = uint32(count)
	setWide(room, sumWord, wide(room, sumWord)+h.Sum)
	setWide(room, maxWord, max(wide(room, maxWord), h.Max))
	if l.words > 0 {
		a.addSparse(l, h)
		return
	}
	run, base := room[headWords:], telemetry.ZeroBucket+int32(l.first)*blockBuckets
	counts := h.Counts[:len(h.Indexes)]
	for i, index := range h.Indexes {
		run[index-base] += uint32(counts[i])
	}
}

// reach makes a list one that may have the blocks from first to last.
func (a *arena) reach(l *bucketList, first, last int) {
	if l.class == 0 {
		if l.blocks > 0 && max(last+1, int(l.first)+int(l.blocks))-min(first, int(l.first)) <= maxRun {
			first, last = min(first, int(l.first)), max(last, int(l.first)+int(l.blocks)-1)
		}
		*l = bucketList{first: uint16(first)}
		a.move(l, headWords+min(last-first+1, maxRun)*blockBuckets)
		clear(a.room(l)[:headWords])
	}
	if l.words == 0 {
		begin, end := int(l.first), int(l.first)+int(l.blocks)
		if l.blocks > 0 && first >= begin && last < end {
			return
		}
		if begin, end = min(begin, first), max(end, last+1); end-begin <= maxRun {
			a.lengthen(l, begin, end)
			return
		}
	}
	a.spread(l, first/wordBlocks, last/wordBlocks)
}

// lengthen gives a list without a bitmap the blocks from begin to end.
func (a *arena) lengthen(l *bucketList, begin, end int) {
	old, before := int(l.blocks)*blockBuckets, (int(l.first)-begin)*blockBuckets
	now := (end - begin) * blockBuckets
	room := a.grow(l, headWords+old, headWords+now)
	run := room[headWords : headWords+now]
	copy(run[before:], run[:old])
	clear(run[:before])
	clear(run[before+old:])
	l.first, l.blocks = uint16(begin), uint16(end-begin)
}

// spread gives a list a bitmap that has room from the first word to the last.
func (a *arena) spread(l *bucketList, first, last int) {
	old := *l
	from := a.room(&old)
	if old.words > 0 {
		first, last = min(first, int(old.first)), max(last, int(old.first)+int(old.words)-1)
		if first == int(old.first) && last == int(old.first)+int(old.words)-1 {
			return
		}
	} else if old.blocks > 0 {
		first, last = min(first, int(old.first)/wordBlocks), max(last, (int(old.first)+int(old.blocks)-1)/wordBlocks)
	}
	l.first, l.words = uint16(first), uint8(last-first+1)
	used := int(l.blocks) * blockBuckets
	a.move(l, headWords+int(l.words)+used)
	to := a.room(l)
	copy(to, from[:headWords])
	bitmap := to[headWords : headWords+int(l.words)]
	clear(bitmap)
	if old.words > 0 {
		copy(bitmap[int(old.first)-first:], from[headWords:headWords+int(old.words)])
	} else {
		for block := int(old.first); block < int(old.first)+int(old.blocks); block++ {
			bitmap[block/wordBlocks-first] |= 1 << (block % wordBlocks)
		}
	}
	copy(to[headWords+int(l.words):], from[headWords+int(old.words):][:used])
	a.release(&old)
}

// addSparse adds a histogram's counts, which the bitmap reaches.
func (a *arena) addSparse(l *bucketList, h *telemetry.Histogram) {
	room := a.room(l)
	base := telemetry.ZeroBucket + int32(l.first)*wordBlocks*blockBuckets
	for i, index := range h.Indexes {
		bucket := uint32(index - base)
		block := bucket / blockBuckets
		word, mask := room[headWords+block/wordBlocks], uint32(1)<<(block%wordBlocks)
		rank := bits.OnesCount32(word & (mask - 1))
		for before := range block / wordBlocks {
			rank += bits.OnesCount32(room[headWords+before])
		}
		if word&mask == 0 {
			room = a.insert(l, rank)
			room[headWords+block/wordBlocks] |= mask
		}
		room[headWords+int(l.words)+rank*blockBuckets+int(bucket%blockBuckets)] += uint32(h.Counts[i])
	}
}

// insert makes an empty block before the one at rank.
func (a *arena) insert(l *bucketList, rank int) (room []uint32) {
	used := headWords + int(l.words) + int(l.blocks)*blockBuckets
	room = a.grow(l, used, used+blockBuckets)
	at := headWords + int(l.words) + rank*blockBuckets
	copy(room[at+blockBuckets:], room[at:used])
	clear(room[at : at+blockBuckets])
	l.blocks++
	return room
}

// grow returns room for so many words, with those that were used.
func (a *arena) grow(l *bucketList, used, words int) (room []uint32) {
	if words > roomOf(l.class) {
		old := *l
		a.move(l, words)
		copy(a.room(l), a.room(&old)[:used])
		a.release(&old)
	}
	return a.room(l)
}

// move gives a list another room.
func (a *arena) move(l *bucketList, words int) {
	l.class = classFor(words)
	l.at = a.take(l.class)
}

// makeWide turns a list into one that counts in 64 bits.
func (a *arena) makeWide(l *bucketList) {
	var h telemetry.Histogram
	a.unpack(l, &h)
	a.release(l)
	a.wides = append(a.wides, h)
	*l = bucketList{at: uint32(len(a.wides) - 1), class: wideClass}
}

// unpack writes a list into h, whose memory is reused.
func (a *arena) unpack(l *bucketList, h *telemetry.Histogram) {
	h.Reset()
	switch l.class {
	case 0:
		return
	case wideClass:
		h.Merge(&a.wides[l.at])
		return
	case packedClass:
		a.packed.unpack(l.at, h)
		return
	}
	room := a.room(l)
	h.Sum, h.Max = wide(room, sumWord), wide(room, maxWord)
	h.Grow(int(l.blocks) * blockBuckets)
	blocks := room[headWords+int(l.words):][:int(l.blocks)*blockBuckets]
	if l.words == 0 {
		appendCounted(h, telemetry.ZeroBucket+int32(l.first)*blockBuckets, blocks)
		return
	}
	first := telemetry.ZeroBucket + int32(l.first)*wordBlocks*blockBuckets
	for _, word := range room[headWords : headWords+int(l.words)] {
		for ; word != 0; word &= word - 1 {
			appendCounted(h, first+int32(bits.TrailingZeros32(word)*blockBuckets), blocks[:blockBuckets])
			blocks = blocks[blockBuckets:]
		}
		first += wordBlocks * blockBuckets
	}
}

// appendCounted appends the buckets from first on that have a count; h has room for
// all. It has no branch for whether one has, which no processor foresees.
func appendCounted(h *telemetry.Histogram, first int32, run []uint32) {
	held := len(h.Indexes)
	indexes, counts := h.Indexes[:held+len(run)], h.Counts[:held+len(run)]
	for i, count := range run {
		indexes[held], counts[held] = first+int32(i), uint64(count)
		held += int((count | -count) >> 31) // 1 where there is any
	}
	h.Indexes, h.Counts = indexes[:held], counts[:held]
}

// wide is the number of 64 bits in two words.
func wide(room []uint32, at int) uint64 { return uint64(room[at]) | uint64(room[at+1])<<32 }

func setWide(room []uint32, at int, v uint64) { room[at], room[at+1] = uint32(v), uint32(v>>32) }
