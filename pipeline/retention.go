package pipeline

import (
	"context"
	"log/slog"
	"reflect"
	"sync"

	"github.com/weirmq/weir/sink/clickhouse"
)

// retentionTerms hold clickhouse.retention, which a reload changes while the stage clickhouse runs.
type retentionTerms struct {
	mu      sync.Mutex
	of      clickhouse.Retention
	changed chan struct{} // has room for one: who applies them reads the newest
}

// newRetentionTerms takes a configuration that was checked.
func newRetentionTerms(config *RetentionConfig) *retentionTerms {
	of, _ := config.lifetimes()
	return &retentionTerms{of: of, changed: make(chan struct{}, 1)}
}

// set takes a configuration that was checked, and says whether it differs.
func (t *retentionTerms) set(config *RetentionConfig) bool {
	of, _ := config.lifetimes()
	t.mu.Lock()
	defer t.mu.Unlock()
	if reflect.DeepEqual(t.of, of) {
		return false
	}
	t.of = of
	select {
	case t.changed <- struct{}{}:
	default:
	}
	return true
}

func (t *retentionTerms) current() clickhouse.Retention {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.of
}

// keepRetention has the store keep rows as configured, now and after each reload, until the function that it returns is called. What
// fails holds up nothing else, and is tried until a reload says otherwise.
func keepRetention(ctx context.Context, p *Pipeline, log *slog.Logger) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() {
		for ctx.Err() == nil {
			applying, end := context.WithCancel(ctx)
			var applied sync.WaitGroup
			applied.Go(func() { applyRetention(applying, p, log) })
			select {
			case <-ctx.Done():
			case <-p.retention.changed:
			}
			end()
			applied.Wait()
		}
	})
	return func() { cancel(); running.Wait() }
}

func applyRetention(ctx context.Context, p *Pipeline, log *slog.Logger) {
	of := p.retention.current()
	if len(of) == 0 {
		return
	}
	failing := outage{log: log, begun: "change for how long rows are kept, will try again", over: "ClickHouse can be asked for how long rows are kept"}
	store, err := clickhouse.Open(ctx, p.config.ClickHouse.store(failing.note))
	if err != nil {
		return // ctx has ended, as the address was checked
	}
	defer store.Close()
	changes, err := store.Retain(ctx, of)
	for _, change := range changes {
		log.Info("rows are kept otherwise", "table", change.Table, "from", change.From, "to", change.To)
	}
	if err != nil && ctx.Err() == nil {
		log.Error("rows are kept as before until the configuration is reloaded", "error", err)
	}
}
