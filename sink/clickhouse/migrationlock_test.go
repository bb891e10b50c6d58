package clickhouse

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestOneAtATimeHoldsTheSchema of many that want it again and again.
func TestOneAtATimeHoldsTheSchema(t *testing.T) {
	t.Parallel()
	database := shared.database(t)
	var holders, held atomic.Int64
	var group sync.WaitGroup
	for range 4 {
		s := openStore(t, shared, database, nil)
		group.Go(func() {
			for range 3 {
				err := s.holdSchema(t.Context(), func(ctx context.Context) error {
					if holders.Add(1) != 1 {
						t.Error("two hold the lock at once")
					}
					s.query("SELECT sleep(0.05)")
					held.Add(1)
					holders.Add(-1)
					return nil
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	if held.Load() != 12 {
		t.Errorf("held %d times, want 12", held.Load())
	}
}

// TestACrashedMigrationIsWaitedFor until its claim expires, and no longer.
func TestACrashedMigrationIsWaitedFor(t *testing.T) {
	t.Parallel()
	database := shared.database(t)
	s := openStore(t, shared, database, nil)
	var heard sync.Map
	s.config.OnProgress = func(text string) { heard.Store(text, true) }
	s.query(createSchemaLocks)
	for _, id := range []string{"0", "~"} { // before and behind all other ids
		s.query("INSERT INTO schema_locks SELECT '" + id + "', 'process 4711 on elsewhere', 1, toStartOfSecond(now64(3, 'UTC')) + INTERVAL 3 SECOND")
	}
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.expect("SELECT (SELECT min(applied_at) FROM schema_migrations) >= (SELECT max(until) FROM schema_locks WHERE holder = 'process 4711 on elsewhere')", "1")
	if _, said := heard.Load("wait for process 4711 on elsewhere, which migrates"); !said {
		t.Error("nobody was told what it waits for")
	}
}

// TestALockIsRenewed for as long as it is held: here for many leases.
func TestALockIsRenewed(t *testing.T) {
	t.Parallel()
	s := openStore(t, shared, shared.database(t), nil)
	if err := s.define(t.Context(), createSchemaLocks); err != nil {
		t.Fatal(err)
	}
	first, second := newSchemaLock(s.Store), newSchemaLock(s.Store)
	first.lease, first.renewal = 3*time.Second, 200*time.Millisecond
	var over atomic.Bool
	held := make(chan struct{})
	ended := make(chan error, 1)
	go func() {
		ended <- first.hold(t.Context(), func(ctx context.Context) error {
			close(held)
			for range 5 {
				if err := s.conn.Exec(ctx, "SELECT sleep(1)"); err != nil {
					return err
				}
			}
			over.Store(true)
			return nil
		})
	}()
	<-held
	err := second.hold(t.Context(), func(context.Context) error {
		if !over.Load() {
			t.Error("the lock was taken from one that renews it")
		}
		return nil
	})
	if err := errors.Join(err, <-ended); err != nil {
		t.Error(err)
	}
}

// TestALostLockEndsTheWork: where it cannot be renewed another process will take it.
func TestALostLockEndsTheWork(t *testing.T) {
	t.Parallel()
	s := openStore(t, shared, shared.database(t), nil)
	if err := s.define(t.Context(), createSchemaLocks); err != nil {
		t.Fatal(err)
	}
	lock := newSchemaLock(s.Store)
	lock.lease, lock.renewal = 2*time.Second, 200*time.Millisecond
	err := lock.hold(t.Context(), func(ctx context.Context) error {
		s.query("DROP TABLE schema_locks")
		<-ctx.Done()
		return ctx.Err()
	})
	if err == nil || !strings.Contains(err.Error(), "the lock was not renewed for ") {
		t.Errorf("got %v, want that the lock was lost", err)
	}
}
