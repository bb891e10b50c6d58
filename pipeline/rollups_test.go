package pipeline

import (
	"context"
	"errors"
	"math"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	driver "github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/sink/clickhouse"
	"github.com/weirmq/weir/telemetry"
)

// emptyStore is ClickHouse without any rows, which may be away.
type emptyStore struct {
	driver.Conn
	mu     sync.Mutex
	fault  error // while it is away
	rounds int   // that began
}

func (s *emptyStore) away() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fault
}

// fail lets every question fail, or none, and counts rounds anew.
func (s *emptyStore) fail(fault error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault, s.rounds = fault, 0
}

func (s *emptyStore) began() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rounds
}

type answeredTime struct {
	driver.Row
	away error
}

func (r answeredTime) Scan(into ...any) error {
	*into[0].(*time.Time) = time.Now()
	return r.away
}

type noRows struct{ driver.Rows }

func (noRows) Next() bool   { return false }
func (noRows) Err() error   { return nil }
func (noRows) Close() error { return nil }

func (s *emptyStore) QueryRow(context.Context, string, ...any) driver.Row {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rounds++
	return answeredTime{away: s.fault}
}

func (s *emptyStore) Query(context.Context, string, ...any) (driver.Rows, error) {
	return noRows{}, s.away()
}

func (s *emptyStore) Exec(context.Context, string, ...any) error { return s.away() }

// TestOneProcessAddsUp while it owns a partition, and asks a store that is away less and less often. How far it is is known meanwhile,
// and of a process that does not add up nothing is said.
func TestOneProcessAddsUp(t *testing.T) {
	config := DefaultConfig()
	config.Rules.Dir = "../rules.d"
	log, text := plainLog()
	p, err := New(config, log)
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		s, store := newStorage(p), &emptyStore{}
		s.store = clickhouse.NewStore(store, clickhouse.Config{})
		behind := func() (seconds []float64) {
			p.status.setStage(RoleClickHouse, stateRunning, nil)
			for _, of := range stageOf(p, RoleClickHouse).Rollups {
				seconds = append(seconds, of.BehindSeconds)
			}
			return seconds
		}
		pass := func(d time.Duration) { <-time.After(d); synctest.Wait() }
		defer s.addUp(t.Context())()
		pass(time.Hour)
		if store.began() > 0 || behind() != nil {
			t.Errorf("a process that owns nothing began %d rounds, and is %v behind", store.began(), behind())
		}
		owned := map[string][]int32{telemetry.TopicCells: {compactingPartition}}
		store.fail(errors.New("not there yet"))
		s.at.assigned(owned)
		pass(10 * time.Minute)
		if got := behind(); len(got) != len(clickhouse.RollupTables) || got[0] < 590 || got[0] > 600 {
			t.Errorf("it is %v behind where the store has been away for ten minutes, want these", got)
		}
		if of := stageOf(p, RoleClickHouse).Rollups[0]; of.MissingSeconds != nil || of.Lacks() != " at least" {
			t.Errorf("it says that %+v, want that nothing is known of what is missing", of)
		}
		if got := metric(t, p.metrics, `weir_rollup_missing_seconds{table="topic_1m"}`); !math.IsNaN(got) {
			t.Errorf("%g s are missing of a store that was away", got)
		}
		store.fail(nil)
		pass(maxRollupPause * 2)
		store.fail(nil)
		pass(10 * time.Minute)
		if rounds := store.began(); rounds < 55 || rounds > 65 {
			t.Errorf("the store was asked for its time %d times in ten minutes, want 60 rounds", rounds)
		}
		if of := stageOf(p, RoleClickHouse).Rollups[0]; of.MissingSeconds == nil || *of.MissingSeconds != 0 || of.Lacks() != "" {
			t.Errorf("it says that %+v, want that nothing is missing", of)
		}
		if got := behind(); len(got) != len(clickhouse.RollupTables) || got[0] > 10 || got[2] > 60 {
			t.Errorf("it is %v behind, want hardly anything", got)
		}
		failedBefore := metric(t, p.metrics, `weir_errors_total{stage="clickhouse",kind="rollup"}`)
		store.fail(errors.New("connection refused"))
		pass(time.Hour)
		if store.began() < 50 || store.began() > 130 {
			t.Errorf("a store that was away was asked %d times in an hour, want about once a minute", store.began())
		}
		if failed := metric(t, p.metrics, `weir_errors_total{stage="clickhouse",kind="rollup"}`) - failedBefore; failed != float64(store.began()) {
			t.Errorf("%g failures are counted, want %d", failed, store.began())
		}
		if got := metric(t, p.metrics, `weir_rollup_behind_seconds{table="topic_1m"}`); got < 3590 || got > 3611 {
			t.Errorf("it is %g s behind after an hour", got)
		}
		store.fail(nil)
		pass(2 * maxRollupPause)
		if got := behind(); got[0] > 10 {
			t.Errorf("it is %v behind, with the store back", got)
		}
		s.at.lost(owned)
		pass(time.Minute)
		if got := behind(); got != nil {
			t.Errorf("it is %v behind where another process adds up", got)
		}
	})
	wantLog(t, text, "level=WARN msg=\"add up the store's rows, will try again\" stage=clickhouse error=\"ask for the time: not there yet\"\n"+
		"level=INFO msg=\"the store's rows are added up again\" stage=clickhouse\n"+
		"level=WARN msg=\"add up the store's rows, will try again\" stage=clickhouse error=\"ask for the time: connection refused\"\n"+
		"level=INFO msg=\"the store's rows are added up again\" stage=clickhouse\n")
}

// heldStore is ClickHouse that answers nothing.
type heldStore struct {
	emptyStore
	cut chan struct{}
}

type heldTime struct {
	driver.Row
	ctx context.Context
	cut chan struct{}
}

func (r heldTime) Scan(...any) error {
	<-r.ctx.Done()
	r.cut <- struct{}{}
	return r.ctx.Err()
}

func (s *heldStore) QueryRow(ctx context.Context, _ string, _ ...any) driver.Row {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rounds++
	return heldTime{ctx: ctx, cut: s.cut}
}

// TestNothingIsAddedUpBehindABacklog: what is under way is cut when storage gets one, nothing begins while it has, and neither is a failure.
func TestNothingIsAddedUpBehindABacklog(t *testing.T) {
	config := DefaultConfig()
	config.Rules.Dir = "../rules.d"
	log, text := plainLog()
	p, err := New(config, log)
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		s, store := newStorage(p), &heldStore{cut: make(chan struct{}, 1)}
		s.store, s.bounds.records = clickhouse.NewStore(store, clickhouse.Config{}), 2
		s.at.assigned(map[string][]int32{telemetry.TopicCells: {compactingPartition}})
		gathered := func(age time.Duration, records int) {
			batch := s.newBatch()
			for range records {
				batch.add(&kgo.Record{Timestamp: time.Now().Add(-age)})
			}
			s.backlog.note(batch, time.Now())
		}
		pass := func(d time.Duration) { <-time.After(d); synctest.Wait() }
		began := func(want int, when string) {
			t.Helper()
			if got := store.began(); got != want {
				t.Errorf("%s: %d rounds began, want %d", when, got, want)
			}
		}
		defer s.addUp(t.Context())()
		gathered(backlogAge, 2)
		gathered(2*backlogAge, 1)
		pass(clickhouse.CompactorInterval / 2)
		began(1, "without a backlog")
		gathered(backlogAge+time.Second, 2)
		synctest.Wait()
		select {
		case <-store.cut:
		default:
			t.Error("a round goes on behind a backlog")
		}
		pass(10 * time.Minute)
		began(1, "with a backlog")
		gathered(time.Second, 2)
		pass(clickhouse.CompactorInterval)
		began(2, "after it")
	})
	var counted strings.Builder
	if p.metrics.set.WritePrometheus(&counted); strings.Contains(counted.String(), `kind="rollup"`) {
		t.Error("a round that was cut is counted as a failure")
	}
	wantLog(t, text, "")
}
