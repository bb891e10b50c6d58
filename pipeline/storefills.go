package pipeline

import (
	"context"
	"sync"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/cenkalti/backoff/v5"

	"github.com/weirmq/weir/sink/clickhouse"
	"github.com/weirmq/weir/telemetry"
)

const (
	// fillLook is how often it is looked whether a migration left something to fill. Not smaller: there is hardly ever any; not larger: dashboards of
	// an upgraded store wait for it.
	fillLook = 10 * time.Second
	// fillTold is how often the log says how far it is. Not smaller: a month has 720 hours; not larger: people look whether it goes on.
	fillTold = time.Minute
)

// fillMetrics say what is left to fill of what migrations brought.
type fillMetrics struct{ hours *metrics.Gauge }

func newFillMetrics(set *metrics.Set) *fillMetrics {
	return &fillMetrics{set.NewGauge("weir_store_unfilled_hours", nil)}
}

// fillUp fills what migrations left until the function that it returns is called, while its process owns compactingPartition: an hour at a time,
// with a rest that is as long, as rows that come and people who ask come first. It tries again what fails, and the stage goes on.
func (s *storage) fillUp(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() {
		defer s.metrics.fills.hours.Set(0)
		said := outage{log: s.log, begun: "fill the store with what it had before, will try again", over: "the store is filled again with what it had before"}
		pauses := backoff.NewExponentialBackOff()
		pauses.InitialInterval, pauses.MaxInterval = fillLook, maxRollupPause
		told := s.tellFilled()
		for pause := fillLook; ; {
			select {
			case <-ctx.Done():
				return
			case <-time.After(pause):
			}
			if pause = fillLook; !s.at.owns(topicPartition{telemetry.TopicCells, compactingPartition}) {
				s.metrics.fills.hours.Set(0)
				continue
			}
			if s.backlog.exists() { // storage needs ClickHouse's time
				continue
			}
			began := time.Now()
			more, err := s.fillHour(ctx, told)
			if ctx.Err() != nil {
				return
			}
			if said.note(err); err != nil {
				s.metrics.failed("fill")
				pause = pauses.NextBackOff()
				continue
			}
			if pauses.Reset(); more {
				pause = time.Since(began)
			}
		}
	})
	return func() { cancel(); running.Wait() }
}

// fillHour fills an hour, and says before it how many are left: one may take long, or fail.
func (s *storage) fillHour(ctx context.Context, told func(clickhouse.Filling)) (more bool, err error) {
	left, err := s.store.Fillings(ctx)
	if err != nil {
		return false, err
	}
	hours := uint64(0)
	for i := range left {
		hours += left[i].Hours - left[i].Done
	}
	s.metrics.fills.hours.Set(float64(hours))
	return s.store.FillHour(ctx, told)
}

// tellFilled takes how far a fill is, and logs its first hour and its end, and between them now and then.
func (s *storage) tellFilled() func(clickhouse.Filling) {
	var logged time.Time
	return func(f clickhouse.Filling) {
		if f.Done < f.Hours && time.Since(logged) < fillTold {
			return
		}
		logged = time.Now()
		s.log.Info("the store is filled with what it had before", "table", f.Table, "migration", f.Migration, "hours", f.Done, "of", f.Hours, "rows", f.Rows)
	}
}
