package clickhouse

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"sync"
	"time"

	driver "github.com/ClickHouse/clickhouse-go/v2"
)

// createSchemaLocks is of a table that is only inserted into: a claim counts until the newest row of its id says.
const createSchemaLocks = `CREATE TABLE IF NOT EXISTS schema_locks (
    id String, holder String, seq UInt64, until DateTime64(3, 'UTC')
)
ENGINE = MergeTree
ORDER BY (id, seq)
TTL toDateTime(until) + INTERVAL 1 DAY`

const (
	// lockLease is for how long a claim counts. Not smaller: a busy server takes many seconds for an insert; not larger: after a crash
	// everybody waits for it.
	lockLease = time.Minute
	// lockRenewal is how often it is renewed. Not smaller: each is an insert; not larger: several may fail within a lease.
	lockRenewal = lockLease / 6
	// lockPoll is how often who waits looks. Not smaller: each is a query; not larger: processes that start wait for it.
	lockPoll = 250 * time.Millisecond
)

// lockSettings have every replica know what any of them was told: a claim that another cannot see is none. On one server they have no
// effect.
var lockSettings = driver.Settings{"insert_quorum": "auto", "insert_quorum_parallel": 0, "select_sequential_consistency": 1}

// schemaLock is one process' claim to migrate. A process first claims and then looks: who sees no other claim holds the lock, since of two
// that claim the later one sees the earlier. Who sees another either waits, if its id is the lower, or takes its claim back, so that one of
// those that claim at once goes on. ADR 0046 says why, and why the lock alone would not do.
type schemaLock struct {
	store          *Store
	id, holder     string
	lease, renewal time.Duration
	seq            uint64
	claimed        time.Time // when the newest claim was about to be sent; zero where there is none
}

func newSchemaLock(s *Store) *schemaLock {
	host, err := os.Hostname()
	if err != nil {
		host = "an unknown host"
	}
	return &schemaLock{store: s, id: rand.Text(), holder: fmt.Sprintf("process %d on %s", os.Getpid(), host), lease: lockLease, renewal: lockRenewal}
}

// schemaClaim is another process'.
type schemaClaim struct{ id, holder string }

// holdSchema does work while no other process that asks for it does. The context of work ends where the lock is lost.
func (s *Store) holdSchema(ctx context.Context, work func(context.Context) error) error {
	if err := s.define(ctx, createSchemaLocks); err != nil {
		return err
	}
	return newSchemaLock(s).hold(ctx, work)
}

func (l *schemaLock) hold(ctx context.Context, work func(context.Context) error) error {
	defer l.release(ctx)
	if err := l.take(ctx); err != nil {
		return fmt.Errorf("take the lock: %w", err)
	}
	ctx, lose := context.WithCancelCause(ctx)
	var renewing sync.WaitGroup
	renewing.Go(func() { l.keep(ctx, lose) })
	err := work(ctx)
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	lose(nil)
	renewing.Wait()
	return err
}

// take returns once nobody else claims the lock.
func (l *schemaLock) take(ctx context.Context) error {
	waiting := time.NewTicker(lockPoll)
	defer waiting.Stop()
	for {
		others, err := l.others(ctx)
		if err != nil {
			return err
		}
		switch mine := !l.claimed.IsZero(); {
		case len(others) == 0 && mine && time.Since(l.claimed) < l.renewal:
			return nil
		case len(others) == 0, mine && l.id < others[0].id && time.Since(l.claimed) >= l.renewal:
			err = l.claim(ctx, l.lease)
		case mine && l.id > others[0].id:
			err = l.claim(ctx, 0)
			l.claimed = time.Time{}
		}
		if err != nil {
			return err
		}
		if len(others) == 0 {
			continue // and look
		}
		l.store.say("wait for " + others[0].holder + ", which migrates")
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-waiting.C:
		}
	}
}

// claim says that the lock is this process' for so long from now on, by the server's clock.
func (l *schemaLock) claim(ctx context.Context, lease time.Duration) error {
	l.seq++
	now := time.Now()
	err := l.store.conn.Exec(driver.Context(ctx, driver.WithSettings(lockSettings)),
		"INSERT INTO schema_locks (id, holder, seq, until) SELECT ?, ?, ?, now64(3, 'UTC') + toIntervalMillisecond(?)", l.id, l.holder, l.seq, lease.Milliseconds())
	if err == nil {
		l.claimed = now
	}
	return err
}

// others are the claims of other processes that count, in the order of their ids.
func (l *schemaLock) others(ctx context.Context) ([]schemaClaim, error) {
	rows, err := l.store.conn.Query(driver.Context(ctx, driver.WithSettings(lockSettings)),
		"SELECT id, any(holder) FROM schema_locks WHERE id != ? GROUP BY id HAVING argMax(until, seq) > now64(3, 'UTC') ORDER BY id", l.id)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []schemaClaim
	for rows.Next() {
		var c schemaClaim
		if err := rows.Scan(&c.id, &c.holder); err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, rows.Err()
}

// keep renews the claim until ctx ends, and ends it where the claim might not count any more.
func (l *schemaLock) keep(ctx context.Context, lose context.CancelCauseFunc) {
	ticker := time.NewTicker(l.renewal)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if time.Since(l.claimed) < l.lease-l.renewal && l.renew(ctx) == nil {
			continue
		}
		if held := time.Since(l.claimed); held >= l.lease-l.renewal && ctx.Err() == nil {
			lose(fmt.Errorf("the lock was not renewed for %s, another process may have it", held.Round(time.Second)))
			return
		}
	}
}

func (l *schemaLock) renew(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, l.renewal)
	defer cancel()
	return l.claim(ctx, l.lease)
}

// release takes the claim back, also where ctx has ended. Where that fails it expires.
func (l *schemaLock) release(ctx context.Context) {
	if l.seq == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), dialTimeout)
	defer cancel()
	_ = l.claim(ctx, 0)
}
