package pipeline

import (
	"slices"
	"sync"

	"github.com/weirmq/weir/control"
)

// maxTailBytes bounds what is kept of weir.control for the store. Not smaller: what a fleet writes while ClickHouse is away for a day; not larger: each process with the
// role holds it. What is older is read from the topic again.
const maxTailBytes = 8 << 20

// controlEntry is a record of weir.control, and what it did.
type controlEntry struct {
	record control.Record
	change control.Change
}

// bytes is about how much memory it takes: its record's, and as much again for what is parsed of it.
func (e *controlEntry) bytes() int { return 2 * (len(e.record.Key) + len(e.record.Value) + 256) }

// controlTail are the newest records of weir.control: all from an offset on. Its methods may be called from any goroutine.
type controlTail struct {
	mu      sync.Mutex
	anew    int // how often the topic was made anew
	from    int64
	entries []controlEntry
	size    int
	next    int64 // behind the newest
}

// add adds the next record, and drops the oldest beyond the bound.
func (t *controlTail) add(entry controlEntry) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.entries, t.next = append(t.entries, entry), entry.record.Offset+1
	t.size += entry.bytes()
	for t.size > maxTailBytes {
		t.dropBefore(t.entries[0].record.Offset + 1)
	}
}

// startAnew forgets a topic that was made anew.
func (t *controlTail) startAnew() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.anew++
	t.from, t.next, t.entries, t.size = 0, 0, nil, 0
}

// end is the offset behind the newest record, and how often the topic was made anew before.
func (t *controlTail) end() (offset int64, anew int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.next, t.anew
}

// drop forgets the records before an offset of the topic that was made anew so often.
func (t *controlTail) drop(before int64, anew int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.anew == anew {
		t.dropBefore(before)
	}
}

// dropBefore does; t.mu is held.
func (t *controlTail) dropBefore(offset int64) {
	t.from = max(t.from, offset)
	gone := 0
	for gone < len(t.entries) && t.entries[gone].record.Offset < offset {
		t.size -= t.entries[gone].bytes()
		gone++
	}
	clear(t.entries[:gone])
	t.entries = t.entries[gone:]
}

// since returns the records from an offset on of the topic that was made anew so often; false where some of them are not here any more.
func (t *controlTail) since(offset int64, anew int) ([]controlEntry, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.anew != anew {
		return nil, true
	}
	if offset < t.from {
		return nil, false
	}
	at, _ := slices.BinarySearchFunc(t.entries, offset, func(e controlEntry, offset int64) int { return int(e.record.Offset - offset) })
	return slices.Clone(t.entries[at:]), true
}
