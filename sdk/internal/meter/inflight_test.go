package meter

import (
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"unsafe"
)

// TestInflightFindsEveryMessage compares with a map over many random beginnings and ends.
func TestInflightFindsEveryMessage(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	pool := addresses(3000)
	f, want := &inflight{}, map[uintptr]int64{}
	for step := range int64(200_000) {
		r := pool[random.IntN(len(pool))]
		if random.IntN(2) == 0 {
			f.begin(r, step)
			want[r] = step
			continue
		}
		began, ok := f.end(r)
		expected, known := want[r]
		if ok != known || began != expected {
			t.Fatalf("step %d: got %d, %t; want %d, %t", step, began, ok, expected, known)
		}
		delete(want, r)
	}
	for r, expected := range want {
		if began, ok := f.end(r); !ok || began != expected {
			t.Fatalf("at the end: got %d, %t; want %d", began, ok, expected)
		}
	}
	for i := range f {
		if table := &f[i].table; table.messages != 0 || table.used > 1 {
			t.Errorf("shard %d holds %d messages and %d regions after all ended: want none, and the region of the last at most", i, table.messages, table.used)
		}
	}
}

// TestRegionsAreUsedAgain sends messages that are each somewhere else: no more memory is held than for those under way at once.
func TestRegionsAreUsedAgain(t *testing.T) {
	const underWay, messages = 64, 20_000
	f := &inflight{}
	keyOf := func(i int) uintptr { return uintptr(i+1) * 977 << regionBits }
	for i := range messages {
		f.begin(keyOf(i), int64(i))
		if i < underWay {
			continue
		}
		if began, ok := f.end(keyOf(i - underWay)); !ok || began != int64(i-underWay) {
			t.Fatalf("message %d: got %d, %t", i-underWay, began, ok)
		}
	}
	regions, slots := 0, 0
	for i := range f {
		regions += int(f[i].table.used)
		for r := f[i].table.free; r != nil; r = r.next {
			regions++
		}
		slots += len(f[i].table.slots)
	}
	if most := 4 * (underWay + inflightShards); regions > most || slots > 4*most {
		t.Errorf("%d regions and %d slots are held for %d messages under way", regions, slots, underWay)
	}
}

// TestMessagesAreSpreadOverTheShards holds that goroutines that send at once do not wait for one lock: each has messages
// of its own, which stand beside each other.
func TestMessagesAreSpreadOverTheShards(t *testing.T) {
	const messages = 1024 * inflightShards
	f := &inflight{}
	for _, key := range addresses(messages) {
		f.begin(key, 1)
	}
	for i := range f {
		if got := int(f[i].table.messages); got < messages/inflightShards/4 || got > messages/inflightShards*4 {
			t.Errorf("shard %d holds %d of %d messages: want about %d", i, got, messages, messages/inflightShards)
		}
	}
}

// addresses are those of as many values of one size class, as messages have.
func addresses(count int) []uintptr {
	values, out := make([]*[144]byte, count), make([]uintptr, count)
	for i := range values {
		values[i] = new([144]byte)
		out[i] = uintptr(unsafe.Pointer(values[i]))
	}
	runtime.KeepAlive(values)
	return out
}

func TestInflightTakesManyGoroutines(t *testing.T) {
	f := &inflight{}
	var group sync.WaitGroup
	for g := range 8 {
		group.Go(func() {
			keys := make([]uintptr, 500)
			for i := range keys {
				keys[i] = uintptr(g*len(keys)+i+1) * KeyBytes
			}
			for round := range int64(20) {
				for _, key := range keys {
					f.begin(key, round)
				}
				for _, key := range keys {
					if began, ok := f.end(key); !ok || began != round {
						t.Errorf("got %d, %t; want %d", began, ok, round)
					}
				}
			}
		})
	}
	group.Wait()
}
