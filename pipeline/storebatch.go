package pipeline

import (
	"cmp"
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/aggregate"
	"github.com/weirmq/weir/telemetry"
)

// storeInterval is how long a write gathers. Not shorter: many small parts stop ClickHouse; not longer: rows come late by it.
const storeInterval = time.Second

// Bounds of one write to the store. Not fewer: many small parts stop ClickHouse; not more: memory, and what a retry sends again.
const (
	maxStoreCells   = 50_000
	maxStoreRecords = 5_000
	// maxStoreBytes ends a write only where cells are unlike any that were met: a thousand with two histograms have some 300 KB.
	maxStoreBytes = 64 << 20
)

// storeBounds end the gathering of a write before that.
type storeBounds struct{ cells, records, bytes int }

// mostStored are those of every write.
var mostStored = storeBounds{maxStoreCells, maxStoreRecords, maxStoreBytes}

// reached says that any of them is.
func (b storeBounds) reached(cells, records, bytes int) bool {
	return cells >= b.cells || records >= b.records || bytes >= b.bytes
}

// storeBatch is what one write holds. Its memory is used again.
type storeBatch struct {
	records []*kgo.Record
	bytes   int // of the records' values
	cells   telemetry.CellTable
	alerts  []telemetry.Alert
	details int // items that are not added up
	letters deadLetters
	bounds  *storeBounds
	held    *atomic.Int64 // bytes of the records of all batches
}

func (s *storage) newBatch() *storeBatch {
	return &storeBatch{letters: deadLetters{client: s.letters, metrics: s.metrics}, bounds: &s.bounds, held: &s.metrics.unwritten}
}

func (b *storeBatch) reset() {
	b.held.Add(-int64(b.bytes))
	clear(b.records) // what they point to
	clear(b.alerts)
	b.records, b.alerts, b.bytes, b.details = b.records[:0], b.alerts[:0], 0, 0
	b.cells.Reset()
}

// full says that the batch should be written now.
func (b *storeBatch) full() bool {
	return b.bounds.reached(b.cells.Len()+b.details, len(b.records), b.bytes)
}

// room is how many records may be polled: as many as fill the batch, as those of a backlog would be held in memory together.
func (b *storeBatch) room() int {
	most := 1 + (b.bounds.cells-b.cells.Len()-b.details)/aggregate.MaxCellsPerBatch
	return min(most, b.bounds.records-len(b.records), 1+(b.bounds.bytes-b.bytes)/maxRecordBytes)
}

// add adds a record that is part of the batch whatever is in it.
func (b *storeBatch) add(record *kgo.Record) {
	b.records, b.bytes = append(b.records, record), b.bytes+len(record.Value)
	b.held.Add(int64(len(record.Value)))
}

// storeOn writes until ctx ends, and gathers a batch while the one before is written: this process and ClickHouse work at once. While
// ClickHouse is away it holds these two, and what the client has fetched.
func (s *storage) storeOn(ctx context.Context) error {
	batch, other := s.newBatch(), s.newBatch()
	defer func() { batch.reset() }() // which was gathered last
	var writing sync.WaitGroup
	defer writing.Wait()
	var failed error // of the write before
	for {
		err := s.gather(ctx, batch)
		writing.Wait()
		if err := cmp.Or(failed, err); err != nil {
			return err
		}
		if len(batch.records) == 0 {
			continue
		}
		full := batch
		writing.Go(func() {
			failed = s.write(ctx, full)
			full.reset()
		})
		batch, other = other, batch
	}
}

// gather fills an empty batch until it is full, or an interval has passed.
func (s *storage) gather(ctx context.Context, batch *storeBatch) error {
	until, cancel := context.WithTimeout(ctx, storeInterval)
	defer cancel()
	for !batch.full() && until.Err() == nil {
		fetches := s.client.PollRecords(until, batch.room())
		if err := fetchError(fetches); err != nil {
			return err
		}
		var failed error
		fetches.EachRecord(func(r *kgo.Record) {
			if failed == nil {
				failed = s.take(batch, r)
			}
		})
		if failed != nil {
			return failed
		}
	}
	s.backlog.note(batch, time.Now())
	return ctx.Err()
}
