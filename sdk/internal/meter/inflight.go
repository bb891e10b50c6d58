package meter

import (
	"math/bits"
	"sync"
)

const (
	// inflightShards spreads the sending goroutines over locks. Not fewer: dozens of
	// goroutines send at once; not more: each shard has a table of its own.
	inflightShardBits = 5
	inflightShards    = 1 << inflightShardBits

	// KeyBytes is how far the keys of two messages that are under way are from each other, at least. Not
	// less: a region would hold fewer of them; not more: a record of franz-go has 168 bytes, and 100 where addresses have 32 bits.
	KeyBytes = 1 << keyBits
	keyBits  = 6 + int(^uint(0)>>63)
	// A region is so much memory of the host that messages are in. Not less: those that are made together
	// are found one by one; not more: where each is somewhere else, most of a region is empty.
	regionBits = 11
	regionKeys = 1 << (regionBits - keyBits)
)

// inflight remembers when each message began to be sent. It holds as many messages as the
// client has under way. Its keys are their addresses: the client holds each until it ends.
//
// Messages that are made together stand beside each other in memory, and are sent and acknowledged
// so. Their beginnings stand beside each other, too, by regions: most are found where the one before was,
// in memory that is in the processor's cache.
type inflight [inflightShards]inflightShard

type inflightShard struct {
	mu    sync.Mutex
	last  *region // that was looked for last; it alone may be empty
	table regions // a cache line for each shard, with the above
}

// region has the beginnings of messages whose keys stand beside each other.
type region struct {
	number uintptr // of the region: its keys without their lower bits
	used   int
	nanos  [regionKeys]int64 // and 1 more; 0 is none
	next   *region           // of those that are free
}

// scatter is 2^64 over the golden ratio: multiplied, equal distances are spread evenly over the upper bits.
const scatter = 0x9E3779B97F4A7C15

func (f *inflight) shard(number uintptr) *inflightShard {
	return &f[uint64(number)*scatter>>(64-inflightShardBits)]
}

// placeOf is where a key belongs: a region, and a place in it.
func placeOf(key uintptr) (number, at uintptr) {
	return key >> regionBits, key >> keyBits % regionKeys
}

func (f *inflight) begin(key uintptr, now int64) {
	number, at := placeOf(key)
	s := f.shard(number)
	s.mu.Lock()
	r := s.last
	if r == nil || r.number != number {
		r = s.look(number, true)
	}
	if r.nanos[at] == 0 {
		r.used++
		s.table.messages++
	}
	r.nanos[at] = now + 1
	s.mu.Unlock()
}

// end returns when the message began; ok is false where that is not known.
func (f *inflight) end(key uintptr) (began int64, ok bool) {
	number, at := placeOf(key)
	s := f.shard(number)
	s.mu.Lock()
	r := s.last
	if r == nil || r.number != number {
		r = s.look(number, false)
	}
	if r != nil && r.nanos[at] != 0 {
		began, ok = r.nanos[at]-1, true
		r.nanos[at] = 0
		r.used--
		s.table.messages--
	}
	s.mu.Unlock()
	return began, ok
}

// look finds a region, which may be added; nil where there is none. The one that was looked for before goes where it
// is empty: a message that is sent again and again finds its own. s.mu is held.
func (s *inflightShard) look(number uintptr, add bool) *region {
	if s.last != nil && s.last.used == 0 {
		s.table.remove(s.last)
	}
	s.last = s.table.find(number)
	if s.last == nil && add {
		s.last = s.table.add(number)
	}
	return s.last
}

// count is how many messages are in flight.
func (f *inflight) count() (messages int64) {
	for i := range f {
		f[i].mu.Lock()
		messages += int64(f[i].table.messages)
		f[i].mu.Unlock()
	}
	return messages
}

// regions is an open-addressed table with linear probing, at most half full.
type regions struct {
	slots    []regionSlot // a power of two
	free     *region      // no more than were used at once
	shift    int          // 64 less the bits of a slot's index
	used     int32        // slots
	messages int32        // of all regions
}

type regionSlot struct {
	number uintptr
	region *region // nil where the slot is free
}

// minSlots is the size of a shard's first table. Not smaller: a client that is busy would grow it again and again; not
// larger: a client that sends little has one for each shard.
const minSlots = 8

// home is where a region is looked for first: by the bits below those that chose the shard.
func (t *regions) home(number uintptr) int {
	return int(uint64(number) * scatter << inflightShardBits >> (t.shift & 63))
}

func (t *regions) find(number uintptr) *region {
	if t.used == 0 {
		return nil
	}
	mask := len(t.slots) - 1
	for at := t.home(number); ; at = (at + 1) & mask {
		if s := &t.slots[at]; s.region == nil || s.number == number {
			return s.region
		}
	}
}

// add adds a region that is not there.
func (t *regions) add(number uintptr) *region {
	r := t.free
	if r == nil {
		r = &region{}
	}
	t.free, r.next, r.number = r.next, nil, number
	if 2*(int(t.used)+1) > len(t.slots) {
		t.grow()
	}
	t.put(r)
	return r
}

func (t *regions) put(r *region) {
	mask := len(t.slots) - 1
	at := t.home(r.number)
	for t.slots[at].region != nil {
		at = (at + 1) & mask
	}
	t.slots[at] = regionSlot{r.number, r}
	t.used++
}

func (t *regions) grow() {
	old := t.slots
	t.slots, t.used = make([]regionSlot, max(minSlots, 2*len(old))), 0
	t.shift = 64 - bits.TrailingZeros(uint(len(t.slots)))
	for i := range old {
		if old[i].region != nil {
			t.put(old[i].region)
		}
	}
}

// remove takes a region out that is there and empty.
func (t *regions) remove(r *region) {
	mask := len(t.slots) - 1
	at := t.home(r.number)
	for t.slots[at].region != r {
		at = (at + 1) & mask
	}
	t.used--
	t.close(at, mask)
	r.next, t.free = t.free, r
}

// close moves what stands behind a freed slot forward where its way led over it, so
// that no search ends too early.
func (t *regions) close(free, mask int) {
	for at := (free + 1) & mask; t.slots[at].region != nil; at = (at + 1) & mask {
		home := t.home(t.slots[at].number)
		if (at-home)&mask >= (at-free)&mask {
			t.slots[free] = t.slots[at]
			free = at
		}
	}
	t.slots[free] = regionSlot{}
}
