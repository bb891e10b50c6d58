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
		if f[i].table.used != 0 {
			t.Errorf("shard %d holds %d messages after all ended", i, f[i].table.used)
		}
	}
}

// TestMessagesAreSpreadOverTheShards holds that goroutines that send at once do not
// wait for one lock: addresses are multiples of a size class, and numbers follow one another.
func TestMessagesAreSpreadOverTheShards(t *testing.T) {
	const messages = 64 * inflightShards
	numbers := make([]uintptr, messages)
	for i := range numbers {
		numbers[i] = uintptr(i + 1)
	}
	for what, pool := range map[string][]uintptr{"addresses": addresses(messages), "numbers": numbers} {
		f := &inflight{}
		for _, key := range pool {
			f.begin(key, 1)
		}
		for i := range f {
			if used := f[i].table.used; used < messages/inflightShards/4 || used > messages/inflightShards*4 {
				t.Errorf("shard %d holds %d of %d %s: want about %d", i, used, messages, what, messages/inflightShards)
			}
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
				keys[i] = uintptr(g*len(keys) + i + 1)
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
