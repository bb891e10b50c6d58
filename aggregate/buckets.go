package aggregate

import (
	"math"
	"math/bits"
	"slices"

	"github.com/weirmq/weir/telemetry"
)

// bucketList is a histogram in the arena. Which buckets it has is a bitmap; their
// counts stand behind it one after the other, in 32 bits each: that is half of what a
// list of indexes takes, and a bucket's place is the number of bits before its own.
//
//	sum (2 words) | max (2) | count (1) | bitmap | counts
type bucketList struct {
	at    uint32 // of its room; in arena.wides where class is wideClass
	held  uint16 // buckets
	first uint8  // the bitmap's first word stands for the buckets from 32*first-1 on
	words uint8  // of the bitmap
	class uint8  // of its room: arena.rooms; 0 for none
}

const (
	sumWord   = 0
	maxWord   = 2
	countWord = 4
	headWords = 5
	// spareWords stand behind the counts, so that the place behind the last may be read.
	spareWords = 1
	// wordBits buckets share a word of the bitmap; bit 0 is the ZeroBucket's.
	wordBits = 32
	// maxWords bounds a bitmap: the greatest bucket is in word 69.
	maxWords = 128
	// wideClass is the class of a list that counted more than 32 bits hold.
	wideClass = math.MaxUint8
)

func wordOf(index int32) int { return int(index+1) / wordBits }

// missingBucket is a bucket that a list lacks: where it belongs, and where it comes from.
type missingBucket struct{ rank, from uint16 }

// merge adds a histogram to a list.
func (a *arena) merge(l *bucketList, h *telemetry.Histogram) {
	if len(h.Indexes) == 0 {
		return
	}
	if l.class == wideClass {
		a.wides[l.at].Merge(h)
		return
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
	first, last := wordOf(h.Indexes[0]), wordOf(h.Indexes[len(h.Indexes)-1])
	if l.class == 0 {
		l.first, l.words = uint8(first), uint8(last-first+1)
		a.move(l, len(h.Indexes))
	} else if first < int(l.first) || last >= int(l.first)+int(l.words) {
		a.extend(l, min(first, int(l.first)), max(last, int(l.first)+int(l.words)-1))
	}
	room := a.room(l)
	room[countWord] = uint32(count)
	setWide(room, sumWord, wide(room, sumWord)+h.Sum)
	setWide(room, maxWord, max(wide(room, maxWord), h.Max))
	if l.held == 0 {
		l.fill(room, h)
		return
	}
	a.missing = l.addKnown(room, h, a.missing)
	if len(a.missing) > 0 {
		a.addMissing(l, h)
	}
}

// fill writes the first buckets of a list.
func (l *bucketList) fill(room []uint32, h *telemetry.Histogram) {
	base := int32(l.first)*wordBits - 1
	bitmap := room[headWords : headWords+int(l.words)]
	clear(bitmap)
	counts := room[headWords+int(l.words):][:len(h.Indexes)]
	for i, index := range h.Indexes {
		bit := uint32(index - base)
		bitmap[bit/wordBits] |= 1 << (bit % wordBits)
		counts[i] = uint32(h.Counts[i])
	}
	l.held = uint16(len(h.Indexes))
}

// addKnown adds the counts of the buckets that the list has and returns the others. It
// has no branch for whether the list has a bucket, which no processor foresees: where it
// lacks one, 0 is added to the next.
func (l *bucketList) addKnown(room []uint32, h *telemetry.Histogram, missing []missingBucket) []missingBucket {
	base := int32(l.first)*wordBits - 1
	bitmap := room[headWords : headWords+int(l.words)]
	counts := room[headWords+int(l.words):][:l.held+1]
	var before [maxWords]uint16 // bits in the words before one
	for at, bitsBefore := 0, 0; at < len(bitmap); at++ {
		before[at] = uint16(bitsBefore)
		bitsBefore += bits.OnesCount32(bitmap[at])
	}
	indexes, came := h.Indexes, h.Counts[:len(h.Indexes)]
	missing = slices.Grow(missing[:0], len(indexes))[:len(indexes)]
	lacking := 0
	for i, index := range indexes {
		bit := uint32(index - base)
		word, shift := bitmap[bit/wordBits], bit%wordBits
		rank := before[bit/wordBits%maxWords] + uint16(bits.OnesCount32(word&(1<<shift-1)))
		has := word >> shift & 1
		counts[rank] += uint32(came[i]) & -has
		missing[lacking] = missingBucket{rank, uint16(i)}
		lacking += int(1 - has)
	}
	return missing[:lacking]
}

// addMissing inserts the buckets that addKnown did not find, from the last to the
// first, so that each count moves once.
func (a *arena) addMissing(l *bucketList, h *telemetry.Histogram) {
	if need := headWords + int(l.words) + int(l.held) + len(a.missing) + spareWords; need > roomOf(l.class) {
		a.move(l, int(l.held)+len(a.missing))
	}
	room := a.room(l)
	base := int32(l.first)*wordBits - 1
	bitmap := room[headWords : headWords+int(l.words)]
	counts := room[headWords+int(l.words):][:int(l.held)+len(a.missing)]
	end := int(l.held)
	for shift := len(a.missing); shift > 0; shift-- {
		m := a.missing[shift-1]
		copy(counts[int(m.rank)+shift:end+shift], counts[m.rank:end])
		end = int(m.rank)
		counts[end+shift-1] = uint32(h.Counts[m.from])
		bit := uint32(h.Indexes[m.from] - base)
		bitmap[bit/wordBits] |= 1 << (bit % wordBits)
	}
	l.held = uint16(len(counts))
}

// move gives a list room for more buckets.
func (a *arena) move(l *bucketList, buckets int) {
	old := *l
	l.class = classFor(headWords + int(l.words) + buckets + spareWords)
	l.at = a.take(l.class)
	if old.class == 0 {
		clear(a.room(l)[:headWords])
		return
	}
	copy(a.room(l), a.room(&old)[:headWords+int(old.words)+int(old.held)])
	a.release(&old)
}

// extend gives a list a bitmap from the first word to the last.
func (a *arena) extend(l *bucketList, first, last int) {
	old := *l
	l.first, l.words = uint8(first), uint8(last-first+1)
	l.class = classFor(headWords + int(l.words) + int(l.held) + spareWords)
	l.at = a.take(l.class)
	from, to := a.room(&old), a.room(l)
	copy(to, from[:headWords])
	bitmap := to[headWords : headWords+int(l.words)]
	clear(bitmap)
	copy(bitmap[int(old.first)-first:], from[headWords:headWords+int(old.words)])
	copy(to[headWords+int(l.words):], from[headWords+int(old.words):][:old.held])
	a.release(&old)
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
	}
	room := a.room(l)
	h.Sum, h.Max = wide(room, sumWord), wide(room, maxWord)
	index := int32(l.first)*wordBits - 1
	for _, word := range room[headWords : headWords+int(l.words)] {
		for ; word != 0; word &= word - 1 {
			h.Indexes = append(h.Indexes, index+int32(bits.TrailingZeros32(word)))
		}
		index += wordBits
	}
	for _, count := range room[headWords+int(l.words):][:l.held] {
		h.Counts = append(h.Counts, uint64(count))
	}
}

// wide is the number of 64 bits in two words.
func wide(room []uint32, at int) uint64 { return uint64(room[at]) | uint64(room[at+1])<<32 }

func setWide(room []uint32, at int, v uint64) { room[at], room[at+1] = uint32(v), uint32(v>>32) }
