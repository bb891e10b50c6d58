package weir

import (
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

// TestInflightFindsEveryRecord compares with a map over many random beginnings and ends.
func TestInflightFindsEveryRecord(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	pool := make([]*kgo.Record, 3000)
	for i := range pool {
		pool[i] = &kgo.Record{}
	}
	f, want := &inflight{}, map[*kgo.Record]int64{}
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
			t.Errorf("shard %d holds %d records after all ended", i, f[i].table.used)
		}
	}
}

// TestRecordsAreSpreadOverTheShards holds that goroutines that produce at once do not
// wait for one lock: addresses are multiples of a size class.
func TestRecordsAreSpreadOverTheShards(t *testing.T) {
	const records = 64 * inflightShards
	f, pool := &inflight{}, businessRecords(records)
	for _, r := range pool {
		f.begin(r, 1)
	}
	for i := range f {
		if used := f[i].table.used; used < records/inflightShards/4 || used > records/inflightShards*4 {
			t.Errorf("shard %d holds %d of %d records: want about %d", i, used, records, records/inflightShards)
		}
	}
	runtime.KeepAlive(pool)
}

func TestInflightTakesManyGoroutines(t *testing.T) {
	f := &inflight{}
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			records := make([]kgo.Record, 500)
			for round := range int64(20) {
				for i := range records {
					f.begin(&records[i], round)
				}
				for i := range records {
					if began, ok := f.end(&records[i]); !ok || began != round {
						t.Errorf("got %d, %t; want %d", began, ok, round)
					}
				}
			}
		})
	}
	group.Wait()
}
