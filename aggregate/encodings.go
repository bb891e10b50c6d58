package aggregate

import (
	"bytes"
	"hash/maphash"
)

// encodings finds a series by the bytes that encode its labels. It is an open-addressed
// table with linear probing, at most half full, over one buffer of bytes: it has no
// pointers for the garbage collector to follow, and costs half of what a map does.
type encodings struct {
	seed    maphash.Seed
	slots   []uint32 // entry+1, 0 where free; a power of two
	entries []encoding
	bytes   []byte
}

// encoding is one way in which a series' labels came.
type encoding struct {
	hash   uint64
	at     uint64 // in bytes
	length uint32
	series uint32
}

// minSlots is the size of the first table.
const minSlots = 1024

func newEncodings() encodings {
	return encodings{seed: maphash.MakeSeed(), slots: make([]uint32, minSlots)}
}

func (e *encodings) hash(raw []byte) uint64 { return maphash.Bytes(e.seed, raw) }

// find returns the series of an encoding.
func (e *encodings) find(raw []byte, hash uint64) (series uint32, ok bool) {
	mask := uint64(len(e.slots) - 1)
	for at := hash & mask; ; at = (at + 1) & mask {
		slot := e.slots[at]
		if slot == 0 {
			return 0, false
		}
		entry := &e.entries[slot-1]
		if entry.hash == hash && bytes.Equal(e.bytesOf(slot-1), raw) {
			return entry.series, true
		}
	}
}

// bytesOf returns an encoding; it is good until the next insert.
func (e *encodings) bytesOf(entry uint32) []byte {
	at := e.entries[entry].at
	return e.bytes[at : at+uint64(e.entries[entry].length)]
}

// insert remembers an encoding that find did not find, and returns its entry.
func (e *encodings) insert(raw []byte, hash uint64, series uint32) uint32 {
	if 2*(len(e.entries)+1) > len(e.slots) {
		e.grow()
	}
	e.entries = append(e.entries, encoding{hash, uint64(len(e.bytes)), uint32(len(raw)), series})
	e.bytes = append(e.bytes, raw...)
	e.place(uint32(len(e.entries)), hash)
	return uint32(len(e.entries) - 1)
}

func (e *encodings) grow() {
	e.slots = make([]uint32, 2*len(e.slots))
	for i := range e.entries {
		e.place(uint32(i+1), e.entries[i].hash)
	}
}

func (e *encodings) place(slot uint32, hash uint64) {
	mask := uint64(len(e.slots) - 1)
	at := hash & mask
	for e.slots[at] != 0 {
		at = (at + 1) & mask
	}
	e.slots[at] = slot
}
