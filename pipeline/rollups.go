package pipeline

import (
	"context"
	"errors"
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

// RollupStatus says how far a table of longer steps is.
type RollupStatus struct {
	Table string `json:"table"`
	Rows  uint64 `json:"rows"` // that it was made of
	// BehindSeconds is how long ago all that the store had was in the table.
	BehindSeconds float64 `json:"behind_seconds"`
}

// rollupMetrics say what this process has added up.
type rollupMetrics struct {
	rows map[string]*metrics.Counter // by table

	mu   sync.Mutex
	upTo map[string]time.Time // when all was added up; nothing while another process does it
}

func newRollupMetrics(m *pipelineMetrics) *rollupMetrics {
	r := &rollupMetrics{rows: map[string]*metrics.Counter{}, upTo: map[string]time.Time{}}
	for _, table := range clickhouse.RollupTables {
		label := `{table="` + table + `"}`
		r.rows[table] = m.set.NewCounter("weir_rollup_rows_total" + label)
		m.gauge("weir_rollup_behind_seconds"+label, func() float64 {
			if behind, known := r.behind(table, time.Now()); known {
				return behind.Seconds()
			}
			return math.NaN()
		})
	}
	return r
}

func (r *rollupMetrics) behind(table string, now time.Time) (time.Duration, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	upTo, known := r.upTo[table]
	return now.Sub(upTo), known
}

// note takes what a compactor tells.
func (r *rollupMetrics) note(done clickhouse.Compaction) {
	r.rows[done.Table].Add(int(done.Rows))
	r.mu.Lock()
	defer r.mu.Unlock()
	r.upTo[done.Table] = time.Now().Add(-done.Behind)
}

// forget says that another process adds up.
func (r *rollupMetrics) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	clear(r.upTo)
}

// status is nil where another process adds up.
func (r *rollupMetrics) status(now time.Time) (out []RollupStatus) {
	for _, table := range clickhouse.RollupTables {
		if behind, known := r.behind(table, now); known {
			out = append(out, RollupStatus{Table: table, Rows: r.rows[table].Get(), BehindSeconds: behind.Seconds()})
		}
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
				compactor = s.store.NewCompactor(s.metrics.rollups.note)
			}
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
		}
	})
	return func() { cancel(); running.Wait() }
}
