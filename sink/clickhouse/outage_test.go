package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/weirmq/weir/telemetry"
)

// outageBatch is the i-th of many batches: 500 cells of one message each, and the
// ledger of their segment.
func outageBatch(i int) telemetry.CellBatch {
	start := time.Now().UTC().Truncate(24 * time.Hour)
	batch := telemetry.CellBatch{Segment: telemetry.Segment{MinuteUnix: start.Unix()/60 + int64(i)}, Ledger: &telemetry.Ledger{Reports: 500, Closed: true}}
	for j := range 500 {
		batch.Cells = append(batch.Cells, telemetry.Cell{Pane: start.Add(time.Duration(j%6) * 10 * time.Second),
			Labels: telemetry.Labels{Topic: "orders", Client: fmt.Sprint("client-", j)}, Totals: telemetry.Totals{Reports: 1, Messages: 1}})
	}
	return batch
}

const storedSums = "SELECT (SELECT sum(messages) FROM rollup_10s FINAL), (SELECT sum(reports) FROM ledger FINAL), (SELECT count() FROM rollup_10s FINAL)"

// TestWritesGoOnAfterTheEngineWasKilled in the middle of them, several times: they
// return once the engine is back, and every row is there once.
func TestWritesGoOnAfterTheEngineWasKilled(t *testing.T) {
	t.Parallel()
	const kills = 3
	e := startEngine(t)
	var heard failures
	s := openStore(t, e, e.database(t), heard.add)
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	stop, written := make(chan struct{}), make(chan int)
	go func() {
		defer close(written)
		for i := 0; ; i++ {
			if err := s.WriteCells(t.Context(), tableOf(t, outageBatch(i))); err != nil {
				t.Error(err)
				return
			}
			select {
			case written <- i + 1:
			case <-stop:
				written <- i + 1
				return
			}
		}
	}()
	for range kills {
		<-written
		before := len(heard.list())
		e.running.Kill()
		for len(heard.list()) == before { // what is written now has heard of it
			select {
			case <-written:
			case <-time.After(10 * time.Millisecond):
			}
		}
		if err := e.start(); err != nil {
			t.Fatal(err)
		}
	}
	close(stop)
	writes := 0
	for writes = range written { // the last one is the count
	}
	s.expect(storedSums, fmt.Sprintf("%d\t%d\t%d", writes*500, writes*500, writes*500))
	expectOutages(t, heard.list(), kills)
}

// expectOutages wants so many times errors and then nil.
func expectOutages(t *testing.T, heard []error, want int) {
	t.Helper()
	outages := 0
	for i, err := range heard {
		if err == nil {
			outages++
			if i == 0 || heard[i-1] == nil {
				t.Errorf("heard that it is over where nothing had failed: %v", heard)
			}
		}
	}
	if outages != want || heard[len(heard)-1] != nil {
		t.Errorf("heard %v, want %d outages, each of errors and then nil", heard, want)
	}
}

func startEngine(t *testing.T) *engine {
	t.Helper()
	e, err := newEngine(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := e.start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.running.Kill() })
	return e
}

// TestWritesEndWithTheirContext while the engine is away.
func TestWritesEndWithTheirContext(t *testing.T) {
	t.Parallel()
	e := startEngine(t)
	failing := make(chan struct{}, 1000)
	s := openStore(t, e, "default", func(error) { failing <- struct{}{} })
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	e.running.Kill()
	for name, write := range map[string]func(context.Context) error{
		"cells":   func(ctx context.Context) error { return s.WriteCells(ctx, tableOf(t, outageBatch(0))) },
		"alerts":  func(ctx context.Context) error { return s.WriteAlerts(ctx, life("orders")) },
		"migrate": s.Migrate,
	} {
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- write(ctx) }()
		<-failing
		within(t, promptly, func() {
			cancel()
			if err := <-ended; !errors.Is(err, context.Canceled) {
				t.Errorf("%s: got %v, want the context's end", name, err)
			}
		})
	}
}
