package meter

import (
	"math/bits"
	"sync"
)

// inflightShards spreads the sending goroutines over locks. Not fewer: dozens of
// goroutines send at once; not more: each shard has a table of its own.
const (
	inflightShardBits = 5
	inflightShards    = 1 << inflightShardBits
)

// inflight remembers when each message began to be sent. It holds as many messages as the
// client has under way. Its keys name one message meanwhile, such as its address where the
// client holds the message until it ends.
type inflight [inflightShards]inflightShard

type inflightShard struct {
	mu    sync.Mutex
	table beginnings
	_     [16]byte // a cache line for each shard
}

// scatter is 2^64 over the golden ratio: multiplied, equal distances (as addresses
// of one size class have, or numbers) are spread evenly over the upper bits. The lowest bits stay
// as equal as they were.
const scatter = 0x9E3779B97F4A7C15

// scattered returns a key's shard, and the hash for the shard's table: the bits below those
// that chose the shard.
func (f *inflight) scattered(key uintptr) (shard *inflightShard, hash uint64) {
	return &f[uint64(key)*scatter>>(64-inflightShardBits)], hashOf(key)
}

func hashOf(key uintptr) uint64 { return uint64(key) * scatter << inflightShardBits }

func (f *inflight) begin(key uintptr, now int64) {
	shard, hash := f.scattered(key)
	shard.mu.Lock()
	shard.table.put(key, hash, now)
	shard.mu.Unlock()
}

// end returns when the message began; ok is false where that is not known.
func (f *inflight) end(key uintptr) (began int64, ok bool) {
	shard, hash := f.scattered(key)
	shard.mu.Lock()
	began, ok = shard.table.remove(key, hash)
	shard.mu.Unlock()
	return began, ok
}

// empty says that no message is in flight.
func (f *inflight) empty() bool {
	for i := range f {
		f[i].mu.Lock()
		used := f[i].table.used
		f[i].mu.Unlock()
		if used > 0 {
			return false
		}
	}
	return true
}

// beginnings is an open-addressed table with linear probing, at most half full. It
// costs a third of what a map does here, and the garbage collector nothing.
type beginnings struct {
	slots []beginning // a power of two; a key of 0 is free
	used  int
	shift int // 64 less the bits of a slot's index
}

type beginning struct {
	key   uintptr
	nanos int64
}

// minSlots is the size of a shard's first table.
const minSlots = 16

// home is where a key is looked for first.
func (t *beginnings) home(hash uint64) int { return int(hash >> (t.shift & 63)) }

func (t *beginnings) put(key uintptr, hash uint64, nanos int64) {
	if 2*(t.used+1) > len(t.slots) {
		t.grow()
	}
	mask := len(t.slots) - 1
	at := t.home(hash)
	for t.slots[at].key != 0 && t.slots[at].key != key {
		at = (at + 1) & mask
	}
	if t.slots[at].key == 0 {
		t.used++
	}
	t.slots[at] = beginning{key, nanos}
}

func (t *beginnings) grow() {
	old := t.slots
	t.slots, t.used = make([]beginning, max(minSlots, 2*len(old))), 0
	t.shift = 64 - bits.TrailingZeros(uint(len(t.slots)))
	for _, b := range old {
		if b.key != 0 {
			t.put(b.key, hashOf(b.key), b.nanos)
		}
	}
}

func (t *beginnings) remove(key uintptr, hash uint64) (nanos int64, ok bool) {
	if t.used == 0 {
		return 0, false
	}
	mask := len(t.slots) - 1
	at := t.home(hash)
	for t.slots[at].key != key {
		if t.slots[at].key == 0 {
			return 0, false
		}
		at = (at + 1) & mask
	}
	nanos = t.slots[at].nanos
	t.used--
	t.close(at, mask)
	return nanos, true
}

// close moves what stands behind a freed slot forward where its way led over it, so
// that no search ends too early.
func (t *beginnings) close(free, mask int) {
	for at := (free + 1) & mask; t.slots[at].key != 0; at = (at + 1) & mask {
		home := t.home(hashOf(t.slots[at].key))
		if (at-home)&mask >= (at-free)&mask {
			t.slots[free] = t.slots[at]
			free = at
		}
	}
	t.slots[free] = beginning{}
}
