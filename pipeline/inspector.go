package pipeline

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"github.com/weirmq/weir/rules"
	"github.com/weirmq/weir/rules/inspect"
	"github.com/weirmq/weir/sink/clickhouse"
	"github.com/weirmq/weir/telemetry"
)

// inspectorInterval is how often it is asked what is due. Not smaller: the store would be asked without end while it is behind;
// not larger: a digest comes late by it.
const inspectorInterval = 30 * time.Second

// inspector asks the inspections of days that are over, and tells the store whose what is by the policy, while its process owns
// digestPartition. One goroutine runs it.
type inspector struct {
	ruler     *ruler
	clock     *inspectionClock
	tolerance time.Duration
	open      func(context.Context) (*clickhouse.Store, error)
	hasStore  bool
	store     *clickhouse.Store // nil until it is needed
	waiting   outage            // for a store that is behind
	failing   outage
	unowned   outage // for a store that does not take owners
	ownersOf  uint64 // the version of the rules whose policy's owners the store has, 0 where it may have others
	counted   *inspectionMetrics
}

// inspectionMetrics say how the newest inspection of this process went.
type inspectionMetrics struct {
	day, findings, seconds *metrics.Gauge
	failures               *metrics.Counter
}

func newInspectionMetrics(set *metrics.Set) *inspectionMetrics {
	return &inspectionMetrics{set.NewGauge("weir_inspections_last_day_timestamp_seconds", nil), set.NewGauge("weir_inspections_findings", nil),
		set.NewGauge("weir_inspections_duration_seconds", nil), set.NewCounter("weir_inspections_failures_total")}
}

// newInspector returns one that has opened nothing yet.
func newInspector(r *ruler, p *Pipeline) *inspector {
	i := &inspector{ruler: r, clock: &p.inspections, tolerance: p.config.Telemetry.Tolerance, counted: r.metrics.inspections,
		waiting: outage{log: r.log, begun: "wait to inspect a day", over: "the day can be inspected"},
		failing: outage{log: r.log, begun: "inspect a day, will try again", over: "the day is inspected"},
		unowned: outage{log: r.log, begun: "write the policy's owners to the store, will try again", over: "the store has the policy's owners"}}
	i.open = func(ctx context.Context) (*clickhouse.Store, error) {
		if p.config.ClickHouse.DSN == "" {
			return nil, errors.New("clickhouse.dsn is empty: name the store that inspections are to be asked of")
		}
		ctx, cancel := context.WithTimeout(ctx, inspectorInterval)
		defer cancel()
		return clickhouse.Open(ctx, p.config.ClickHouse.store(i.failing.note))
	}
	i.hasStore = p.config.ClickHouse.DSN != ""
	return i
}

// inspectDaily inspects until the function that it returns is called.
func (r *ruler) inspectDaily(ctx context.Context, p *Pipeline) (stop func()) {
	i := newInspector(r, p)
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() {
		ticker := time.NewTicker(inspectorInterval)
		defer ticker.Stop()
		for ctx.Err() == nil {
			i.once(ctx, time.Now())
			select {
			case <-ctx.Done():
			case <-ticker.C:
			case <-r.given: // the partition
			}
		}
		if i.store != nil {
			_ = i.store.Close()
		}
	})
	return func() {
		cancel()
		running.Wait()
	}
}

// once inspects the day that is due, if one is, and says what became of it.
func (i *inspector) once(ctx context.Context, now time.Time) {
	owner, set, day, due := i.due(ctx, now)
	if owner != nil && i.hasStore {
		err := i.tellOwners(ctx, now)
		if ctx.Err() != nil {
			return
		}
		if i.unowned.note(err); err != nil {
			i.ruler.metrics.failed("owners")
		}
	}
	if !due {
		return
	}
	report, err := i.inspect(ctx, set, day, now)
	if err == nil && report != nil {
		err = i.told(ctx, owner, report)
	}
	if ctx.Err() != nil {
		return
	}
	i.failing.note(err)
	if err != nil {
		i.counted.failures.Inc()
		i.ruler.metrics.failed("inspect")
	}
}

// due is the day to inspect and by which rules, where this process owns digests. Days of no rules pass, and digests that were
// told for long enough end.
func (i *inspector) due(ctx context.Context, now time.Time) (owner *rulePartition, set *rules.Set, day time.Time, due bool) {
	i.ruler.mu.Lock()
	defer i.ruler.mu.Unlock()
	owner = i.ruler.workers[digestPartition]
	if owner == nil || i.ruler.fault != nil {
		return nil, nil, day, false
	}
	set, _ = i.ruler.rules.current()
	inspected := owner.digests.inspected
	day, due = i.clock.schedule().next(inspected, now)
	if due && len(set.Inspections) == 0 {
		inspected, due = i.clock.schedule().newest(now), false
	}
	if !inspected.IsZero() {
		i.counted.day.Set(float64(inspected.Unix()))
	}
	i.ruler.fault = owner.tell(ctx, owner.digests.over(now), inspected)
	return owner, set, day, due && i.ruler.fault == nil
}

// opened opens the store unless it is open.
func (i *inspector) opened(ctx context.Context) (err error) {
	if i.store == nil {
		i.store, err = i.open(ctx)
	}
	return err
}

// tellOwners writes the owners of the policy that is loaded, once for each. A store that nobody has migrated yet is asked again.
func (i *inspector) tellOwners(ctx context.Context, now time.Time) error {
	set, version := i.ruler.rules.current()
	if version == i.ownersOf {
		return nil
	}
	if err := i.opened(ctx); err != nil {
		return err
	}
	var owners []telemetry.Owner
	if set.Policy != nil {
		owners = set.Policy.Owners
	}
	err := i.store.WriteOwners(ctx, owners, now)
	switch {
	case errors.Is(err, clickhouse.ErrNoInventory):
		return nil
	case err == nil:
		i.ownersOf = version
	}
	return err
}

// inspect asks the store of a day, and keeps there what is found. The report is nil where the store does not have all of the day
// yet.
func (i *inspector) inspect(ctx context.Context, set *rules.Set, day, now time.Time) (*inspect.Report, error) {
	if err := i.opened(ctx); err != nil {
		return nil, err
	}
	of := inspection{store: i.store, set: set, day: day, tolerance: i.tolerance, now: now, kafka: i.ruler.config.Kafka}
	first, last, err := i.store.Held(ctx)
	if err != nil {
		return nil, err
	}
	if last.IsZero() || !first.Before(day.Add(rules.Day)) || last.Before(day) && i.clock.schedule().late(day, now) {
		return i.pass(day), nil
	}
	var lacking error
	if !i.clock.schedule().late(day, now) {
		if lacking, err = of.lacking(ctx, last); err != nil {
			return nil, err
		}
	}
	if i.waiting.note(lacking); lacking != nil {
		return nil, nil
	}
	report, err := of.run(ctx)
	if errors.Is(err, errNothing) {
		return i.pass(day), nil
	}
	if err != nil {
		return nil, err
	}
	if err := i.store.WriteInspection(ctx, &report.Inspection); err != nil {
		return nil, err
	}
	i.counted.findings.Set(float64(len(report.Findings)))
	i.counted.seconds.Set(time.Since(now).Seconds())
	i.ruler.log.Info("a day is inspected", "day", day.Format(time.DateOnly), "findings", len(report.Findings), "completeness", report.Completeness)
	if report.Failed() {
		i.counted.failures.Inc()
	}
	return report, nil
}

// pass says that a day is done of which there is nothing to ask.
func (i *inspector) pass(day time.Time) *inspect.Report {
	i.waiting.note(nil)
	i.ruler.log.Info("a day is not inspected, as the store has nothing of it", "day", day.Format(time.DateOnly))
	return &inspect.Report{Inspection: telemetry.Inspection{Day: day}}
}

// told tells of what was found, unless another process owns digests by now: that inspects the day again.
func (i *inspector) told(ctx context.Context, owner *rulePartition, report *inspect.Report) error {
	i.ruler.mu.Lock()
	defer i.ruler.mu.Unlock()
	if i.ruler.workers[digestPartition] != owner || i.ruler.fault != nil {
		return nil
	}
	var digest []telemetry.Alert
	if len(report.Findings) > 0 {
		digest = []telemetry.Alert{report.Digest(i.clock.schedule().due(report.Day))}
	}
	i.counted.day.Set(float64(report.Day.Unix()))
	i.ruler.fault = owner.tell(ctx, digest, report.Day)
	return i.ruler.fault
}
