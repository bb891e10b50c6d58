package pipeline

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/cenkalti/backoff/v5"

	"github.com/weirmq/weir/sink/clickhouse"
	"github.com/weirmq/weir/telemetry"
)

// compactingPartition is the one of weir.cells whose owner adds up what has come to the store, so that of many processes one does.
// While it moves two may, which changes nothing.
const compactingPartition = 0

// maxRollupPause bounds the pause after attempts that failed. Not smaller: a server that is short of memory is not helped by being
// asked; not larger: dashboards are behind by it once it is back.
const maxRollupPause = time.Minute

// minRollupRest is how long the store is left alone after a round that took long. Not less: people's questions come first; not more: a
// large fleet's minutes are later.
const minRollupRest = 2 * time.Second

// RollupStatus says how far a table of longer steps is.
type RollupStatus struct {
	Table string `json:"table"`
	Rows  uint64 `json:"rows"` // that it was made of
	// BehindSeconds is how long ago all that the store had was in the table, but for what is missing.
	BehindSeconds float64 `json:"behind_seconds"`
	// MissingSeconds is of how long what came was left, to be worked off in spare time; nil where the store could not be asked yet: then it is
	// behind for as long as this process has asked at least.
	MissingSeconds *float64 `json:"missing_seconds,omitempty"`
}

// Lacks says what is missing, for people.
func (r RollupStatus) Lacks() string {
	switch {
	case r.MissingSeconds == nil:
		return " at least"
	case *r.MissingSeconds == 0:
		return ""
	}
	return fmt.Sprintf(" and lacks %.1f hours that came before", *r.MissingSeconds/time.Hour.Seconds())
}

// rollupMetrics say what this process has added up.
type rollupMetrics struct {
	rows map[string]*metrics.Counter // by table

	mu     sync.Mutex
	tables map[string]rollupProgress // nothing while another process adds up
}

// rollupProgress is how far a table is.
type rollupProgress struct {
	upTo    time.Time // when all was added up, at the latest
	asked   bool      // the store has said so
	missing time.Duration
}

func newRollupMetrics(m *pipelineMetrics) *rollupMetrics {
	r := &rollupMetrics{rows: map[string]*metrics.Counter{}, tables: map[string]rollupProgress{}}
	for _, table := range clickhouse.RollupTables {
		label := `{table="` + table + `"}`
		r.rows[table] = m.set.NewCounter("weir_rollup_rows_total" + label)
		m.gauge("weir_rollup_behind_seconds"+label, func() float64 {
			if of, known := r.progress(table); known {
				return time.Since(of.upTo).Seconds()
			}
			return math.NaN()
		})
		m.gauge("weir_rollup_missing_seconds"+label, func() float64 {
			if of, _ := r.progress(table); of.asked {
				return of.missing.Seconds()
			}
			return math.NaN()
		})
	}
	return r
}

func (r *rollupMetrics) progress(table string) (rollupProgress, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	of, known := r.tables[table]
	return of, known
}

// begin says that this process adds up from now on. Until the store has said how far it is, it is behind since then at least, so that
// somebody hears of a store that is away.
func (r *rollupMetrics) begin() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, table := range clickhouse.RollupTables {
		r.tables[table] = rollupProgress{upTo: time.Now()}
	}
}

// note takes what a compactor tells.
func (r *rollupMetrics) note(done clickhouse.Compaction) {
	r.rows[done.Table].Add(int(done.Rows))
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tables[done.Table] = rollupProgress{upTo: time.Now().Add(-done.Behind), asked: true, missing: done.Missing}
}

// forget says that another process adds up.
func (r *rollupMetrics) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	clear(r.tables)
}

// status is nil where another process adds up.
func (r *rollupMetrics) status(now time.Time) (out []RollupStatus) {
	for _, table := range clickhouse.RollupTables {
		of, known := r.progress(table)
		if !known {
			continue
		}
		so := RollupStatus{Table: table, Rows: r.rows[table].Get(), BehindSeconds: now.Sub(of.upTo).Seconds()}
		if missing := of.missing.Seconds(); of.asked {
			so.MissingSeconds = &missing
		}
		out = append(out, so)
	}
	return out
}

// addUp adds up what has come to the store until the function that it returns is called, while its process owns compactingPartition.
// It tries again what fails, and the stage goes on. While storage has a backlog it waits.
func (s *storage) addUp(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() {
		defer s.metrics.rollups.forget()
		said := outage{log: s.log, begun: "add up the store's rows, will try again", over: "the store's rows are added up again"}
		pauses := backoff.NewExponentialBackOff()
		pauses.InitialInterval, pauses.MaxInterval = clickhouse.CompactorInterval, maxRollupPause
		var compactor *clickhouse.Compactor
		for pause := time.Duration(0); ; {
			select {
			case <-ctx.Done():
				return
			case <-time.After(pause):
			}
			if pause = clickhouse.CompactorInterval; !s.at.owns(topicPartition{telemetry.TopicCells, compactingPartition}) {
				compactor = nil
				s.metrics.rollups.forget()
				continue
			}
			if compactor == nil {
				s.metrics.rollups.begin()
				compactor = s.store.NewCompactor(s.metrics.rollups.note)
			}
			began := time.Now()
			round, end := s.backlog.without(ctx)
			err := context.Cause(round)
			if err == nil {
				err = compactor.Round(round)
			}
			waits := errors.Is(context.Cause(round), errBacklog)
			if end(); ctx.Err() != nil {
				return
			}
			if waits { // the next goes on where this one was cut
				continue
			}
			if said.note(err); err != nil {
				s.metrics.failed("rollup")
				pause = pauses.NextBackOff()
				continue
			}
			pauses.Reset()
			pause = max(minRollupRest, clickhouse.CompactorInterval-time.Since(began))
		}
	})
	return func() { cancel(); running.Wait() }
}
