package aggregate

import "github.com/weirmq/weir/telemetry"

// arena holds the histograms and lists of the open segment's sums. It is emptied as a
// whole when the segment is over. Its words have no pointers for the garbage collector
// to follow, and are never moved: room is taken from one chunk after the other.
type arena struct {
	chunks [][]uint32
	used   int                   // chunks
	end    int                   // words taken of the last used chunk
	free   [maxClass][]uint32    // rooms given back, by class
	wides  []telemetry.Histogram // lists that outgrew 32 bits
	packed packedLists
	lists  []*telemetry.Totals // of sums: errors, gauges, events, rebalances and dropped reports only
}

const (
	// chunkWords is the size of a chunk. Not smaller: the largest list must fit; not
	// larger: each source has one at least.
	chunkWords = 1 << 13
	chunkBits  = 13
	// firstLongRoom is the smallest room of a list that is longer than any without a
	// bitmap. From it on there are two sizes in each power of two.
	firstLongRoom = 192
	maxClass      = maxRun + 10
)

// roomOf returns the words of a class: those of 1, 2 ... 16 blocks, then 192, 256, 384 ...
func roomOf(class uint8) int {
	if class <= maxRun {
		return headWords + int(class)*blockBuckets
	}
	n := int(class) - maxRun - 1
	return (firstLongRoom + firstLongRoom/3*(n&1)) << (n >> 1)
}

// classFor returns the smallest class with room for so many words.
func classFor(words int) uint8 {
	if class := (words - headWords + blockBuckets - 1) / blockBuckets; class <= maxRun {
		return uint8(max(class, 1))
	}
	class := uint8(maxRun + 1)
	for roomOf(class) < words {
		class++
	}
	return class
}

// empty forgets everything and keeps the chunks that the segment needed.
func (a *arena) empty() {
	clear(a.chunks[a.used:])
	a.chunks = a.chunks[:a.used]
	a.used, a.end = 0, chunkWords
	for class := range a.free {
		a.free[class] = a.free[class][:0]
	}
	a.packed.empty()
	clear(a.wides)
	clear(a.lists)
	a.wides, a.lists = a.wides[:0], a.lists[:0]
}

// take returns room of a class. What stands in it does not matter.
func (a *arena) take(class uint8) uint32 {
	if free := a.free[class]; len(free) > 0 {
		at := free[len(free)-1]
		a.free[class] = free[:len(free)-1]
		return at
	}
	words := roomOf(class)
	if a.used == 0 || a.end+words > chunkWords {
		if a.used == len(a.chunks) {
			a.chunks = append(a.chunks, make([]uint32, chunkWords))
		}
		a.used, a.end = a.used+1, 0
	}
	at := uint32((a.used-1)<<chunkBits | a.end)
	a.end += words
	return at
}

// room is a list's words.
func (a *arena) room(l *bucketList) []uint32 {
	return a.chunks[l.at>>chunkBits][l.at&(chunkWords-1):][:roomOf(l.class)]
}

// release gives a list's room back.
func (a *arena) release(l *bucketList) {
	if l.class != 0 && l.class < packedClass {
		a.free[l.class] = append(a.free[l.class], l.at)
	}
	l.class, l.blocks = 0, 0
}

// listsOf returns what is kept aside of s, made where there was none.
func (a *arena) listsOf(s *sums) *telemetry.Totals {
	if s.lists == 0 {
		a.lists = append(a.lists, &telemetry.Totals{})
		s.lists = uint32(len(a.lists))
	}
	return a.lists[s.lists-1]
}
