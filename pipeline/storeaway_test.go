package pipeline

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	driver "github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/sink/clickhouse"
	"github.com/weirmq/weir/telemetry"
)

// awayStore is a simulated store that may be away.
type awayStore struct {
	driver.Conn
	kept *simulatedStore
	mu   sync.Mutex
	away error
}

func (a *awayStore) PrepareBatch(ctx context.Context, query string, options ...driver.PrepareBatchOption) (driver.Batch, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.away != nil {
		return nil, a.away
	}
	batch, err := simulatedConn{s: &simulation{store: a.kept}}.PrepareBatch(ctx, query, options...)
	if kept, ok := batch.(*simulatedBatch); ok {
		return keptBatch{kept}, err
	}
	return batch, err
}

func (a *awayStore) comeBack() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.away = nil
}

// keptBatch is an insert that succeeds.
type keptBatch struct{ *simulatedBatch }

func (b keptBatch) Send() error {
	for i := range max(b.columns[0].Rows(), len(b.rows)) {
		row := make([]any, len(b.table.schema.columns))
		for at, value := range b.row(i) {
			row[b.places[at]] = value
		}
		b.table.put(row)
	}
	return nil
}

// smallCells are records with so many cells each, of one report each.
func smallCells(records, cells int, at time.Time) (out []*kgo.Record) {
	for i := range records {
		batch := telemetry.CellBatch{Segment: telemetry.Segment{MinuteUnix: at.Unix() / 60}}
		for j := range cells {
			batch.Cells = append(batch.Cells, telemetry.Cell{Pane: at.Truncate(10 * time.Second), Labels: telemetry.Labels{Topic: "orders", Client: fmt.Sprintf("client-%05d", i*cells+j)},
				Totals: telemetry.Totals{Reports: 1, Messages: 2}})
		}
		out = append(out, &kgo.Record{Topic: telemetry.TopicCells, Value: telemetry.AppendCellBatch(nil, &batch), Timestamp: at})
	}
	return out
}

// TestWhatWaitsForTheStoreIsBounded: of all that comes while the store is away two writes are held, and the rest stays in Kafka. Once it is
// back each cell is there once, and nothing is held.
func TestWhatWaitsForTheStoreIsBounded(t *testing.T) {
	config := runConfig(t)
	s, p := openStorage(t, config)
	const records, cells = 120, 20
	store := &awayStore{kept: newSimulatedStore(), away: errors.New("connection refused")}
	var failures atomic.Int64
	s.store = clickhouse.NewStore(store, clickhouse.Config{OnError: func(error) { failures.Add(1) }})
	sent := smallCells(records, cells, time.Now().Add(-2*backlogAge))
	largest := 0
	for _, record := range sent {
		largest = max(largest, len(record.Value))
	}
	s.bounds = storeBounds{cells: 10 * cells, records: records, bytes: 1 << 20}
	send(t, config, sent...)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.storeOn(ctx) }()
	held := func() float64 { return metric(t, p.metrics, `weir_unwritten_bytes{stage="clickhouse"}`) }
	await(t, "attempts to fail while two writes wait", func() bool { return failures.Load() > 3 && s.backlog.exists() && held() > float64(11*largest) })
	most, before := 0.0, failures.Load()
	await(t, "more to fail", func() bool { most = max(most, held()); return failures.Load() > before+1 })
	if allowed := float64(2 * 11 * largest); most > allowed {
		t.Errorf("%g bytes are held, want those of two writes at most, %g", most, allowed)
	}
	if committed := committedOffset(t, config, sent[0]); committed != 0 {
		t.Errorf("offset %d is committed, and nothing is stored", committed)
	}
	store.comeBack()
	await(t, "all to be committed", func() bool { return committedOffset(t, config, sent[0]) == records })
	await(t, "nothing to be held", func() bool { return held() == 0 && !s.backlog.exists() })
	stop()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("it ended by %v", err)
	}
	if got := len(store.kept.tables["rollup_10s"].rows); got != records*cells {
		t.Errorf("%d cells are stored, want %d", got, records*cells)
	}
}

// TestWritesEndAtEachBound that they have: cells, records and bytes.
func TestWritesEndAtEachBound(t *testing.T) {
	t.Parallel()
	const cells = 20
	sent := smallCells(12, cells, time.Now())
	counted := newPipelineMetrics().stage(RoleClickHouse)
	for name, bounds := range map[string]storeBounds{"cells": {10 * cells, 100, 1 << 30}, "records": {1 << 30, 10, 1 << 30}, "bytes": {1 << 30, 100, 10 * len(sent[0].Value)}} {
		s := &storage{metrics: counted, bounds: bounds}
		batch := s.newBatch()
		for !batch.full() {
			if batch.room() < 1 {
				t.Fatalf("bounded by %s: a write that is not full has no room", name)
			}
			if err := s.take(batch, sent[len(batch.records)]); err != nil {
				t.Fatal(err)
			}
		}
		if n := len(batch.records); n != 10 {
			t.Errorf("bounded by %s a write has %d records, want 10", name, n)
		}
		batch.reset()
	}
	if held := counted.unwritten.Load(); held != 0 {
		t.Errorf("%d bytes are held of nothing", held)
	}
}
