package aggregate

import (
	"bytes"
	"hash/maphash"
	"slices"
)

// encodings finds a series by the bytes that encode its labels. It is an open-addressed
// table with linear probing, at most half full, over chunks of bytes: it has no
// pointers for the garbage collector to follow, and costs half of what a map does.
type encodings struct {
	seed    maphash.Seed
	slots   []slot // a power of two
	entries []encoding
	chunks  [][]byte // an encoding is in one of them
	last    uint32   // entry that was found or inserted last
	follows bool     // it was the one that followed the entry before it the last time too
}

// slot is free where entry is 0. A part of the hash tells most others apart without a
// look at their bytes.
type slot struct {
	tag   uint32
	entry uint32 // plus 1
}

// encoding is one way in which a series' labels came.
type encoding struct {
	chunk  uint32
	at     uint32 // in the chunk
	length uint32
	series uint32
	next   uint32 // entry that was found after this one the last time
}

const (
	// minSlots is the size of the first table.
	minSlots = 1024
	// encodingChunk is the size of a chunk. Not smaller: most encodings take 100 to 200
	// bytes; not larger: each source has one at least.
	encodingChunk = 32 << 10
)

func newEncodings() encodings {
	return encodings{seed: maphash.MakeSeed(), slots: make([]slot, minSlots)}
}

func (e *encodings) hash(raw []byte) uint64 { return maphash.Bytes(e.seed, raw) }

// tagOf is the part of a hash that does not choose the slot.
func tagOf(hash uint64) uint32 { return uint32(hash >> 32) }

// foresee returns the series of an encoding where that is the one that came after the
// last one before too. Clients send all their series each second in the same order, so
// most are found without their slot, which nothing else brings into the cache. While
// they come in another order, nothing is foreseen: a wrong guess costs as much as it
// could save.
func (e *encodings) foresee(raw []byte) (series uint32, ok bool) {
	if !e.follows {
		return 0, false
	}
	next := e.entries[e.last].next
	if !bytes.Equal(e.bytesOf(next), raw) {
		return 0, false
	}
	e.last = next
	return e.entries[next].series, true
}

// follow notes which entry came after the last one.
func (e *encodings) follow(entry uint32) {
	last := &e.entries[e.last]
	e.follows = last.next == entry
	last.next, e.last = entry, entry
}

// find returns the series of an encoding.
func (e *encodings) find(raw []byte, hash uint64) (series uint32, ok bool) {
	mask := uint64(len(e.slots) - 1)
	for at := hash & mask; ; at = (at + 1) & mask {
		s := e.slots[at]
		if s.entry == 0 {
			return 0, false
		}
		if s.tag == tagOf(hash) && bytes.Equal(e.bytesOf(s.entry-1), raw) {
			e.follow(s.entry - 1)
			return e.entries[s.entry-1].series, true
		}
	}
}

// bytesOf returns an encoding.
func (e *encodings) bytesOf(entry uint32) []byte {
	at := &e.entries[entry]
	return e.chunks[at.chunk][at.at:][:at.length]
}

// insert remembers an encoding that find did not find, and returns its entry.
func (e *encodings) insert(raw []byte, hash uint64, series uint32) uint32 {
	if 2*(len(e.entries)+1) > len(e.slots) {
		e.grow()
	}
	if n := len(e.chunks); n == 0 || len(e.chunks[n-1])+len(raw) > cap(e.chunks[n-1]) {
		e.chunks = append(e.chunks, make([]byte, 0, max(encodingChunk, len(raw))))
	}
	last := len(e.chunks) - 1
	e.entries = append(e.entries, encoding{uint32(last), uint32(len(e.chunks[last])), uint32(len(raw)), series, 0})
	e.chunks[last] = append(e.chunks[last], raw...)
	e.place(slot{tagOf(hash), uint32(len(e.entries))}, hash)
	e.follow(uint32(len(e.entries) - 1))
	return e.last
}

func (e *encodings) grow() {
	e.slots = make([]slot, 2*len(e.slots))
	e.entries = slices.Grow(e.entries, len(e.slots)/2-len(e.entries))
	for i := range e.entries {
		hash := e.hash(e.bytesOf(uint32(i)))
		e.place(slot{tagOf(hash), uint32(i + 1)}, hash)
	}
}

func (e *encodings) place(s slot, hash uint64) {
	mask := uint64(len(e.slots) - 1)
	at := hash & mask
	for e.slots[at].entry != 0 {
		at = (at + 1) & mask
	}
	e.slots[at] = s
}
