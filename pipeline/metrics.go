package pipeline

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"github.com/weirmq/weir/ingest"
)

// pipelineMetrics holds the metrics of one Pipeline; the set is its own, so that
// several pipelines in one process do not mix.
type pipelineMetrics struct {
	set    *metrics.Set
	mu     sync.Mutex
	stages map[string]*stageMetrics
	// There from the beginning, at 0: the increase of a counter that is born at 1 is not seen.
	reloadFailures *metrics.Counter
	control        *controlMetrics // nil before the role control runs
}

// stageMetrics count what one stage does.
type stageMetrics struct {
	set                       *metrics.Set
	stage                     string
	records, bytes            *metrics.Counter
	late, clamped, overflowed *metrics.Counter // shown for the stages that count them
	leftOut, leftOutEvents    *metrics.Counter // exemplars, and events of clients
	restarts                  *metrics.Counter
	evaluationFailures        *metrics.Counter // of rules
	limitedAlerts             *metrics.Counter // by rules' limits
	inspections               *inspectionMetrics
	rollups                   *rollupMetrics // of the stage clickhouse
	audits                    *auditMetrics  // of the stage clickhouse
	fills                     *fillMetrics   // of the stage clickhouse
	unwritten                 atomic.Int64   // bytes of records that were read and are being written, of the stage clickhouse
	flushSeconds              writeTimes
	throughput                throughput
	lag                       atomic.Int64 // records not read yet
	partitions                atomic.Int64
	watermarks                byPartition // Unix milliseconds
	completeness              byPartition // share 0-1
}

// byPartition holds a value for each partition that this process owns: the worst of
// them is shown, so that no other hides it.
type byPartition struct {
	mu     sync.Mutex
	values map[int32]float64
}

func (b *byPartition) set(partition int32, value float64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.values == nil {
		b.values = map[int32]float64{}
	}
	b.values[partition] = value
}

func (b *byPartition) drop(partition int32) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.values, partition)
}

// least is the least value, otherwise where there is none.
func (b *byPartition) least(otherwise float64) float64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.values) == 0 {
		return otherwise
	}
	return slices.Min(slices.Collect(maps.Values(b.values)))
}

func newPipelineMetrics() *pipelineMetrics {
	m := &pipelineMetrics{set: metrics.NewSet(), stages: map[string]*stageMetrics{}}
	m.reloadFailures = m.set.NewCounter("weir_rule_reload_failures_total")
	return m
}

// stage returns the metrics of a stage, the same at every call.
func (m *pipelineMetrics) stage(name string) *stageMetrics {
	m.mu.Lock()
	defer m.mu.Unlock()
	if s := m.stages[name]; s != nil {
		return s
	}
	label := fmt.Sprintf(`{stage=%q}`, name)
	s := &stageMetrics{
		set: m.set, stage: name,
		records:       m.set.NewCounter("weir_records_total" + label),
		bytes:         m.set.NewCounter("weir_bytes_total" + label),
		late:          new(metrics.Counter),
		clamped:       new(metrics.Counter),
		overflowed:    new(metrics.Counter),
		leftOut:       new(metrics.Counter),
		leftOutEvents: new(metrics.Counter),
		restarts:      m.set.NewCounter("weir_stage_restarts_total" + label),
		flushSeconds:  writeTimes{histogram: m.set.NewHistogram("weir_write_duration_seconds" + label)},
	}
	if name == RoleAggregate || name == RoleRules {
		s.late = m.set.NewCounter("weir_late_reports_total" + label)
	}
	m.gauge("weir_lag_records"+label, func() float64 { return float64(s.lag.Load()) })
	m.gauge("weir_owned_partitions"+label, func() float64 { return float64(s.partitions.Load()) })
	if name == RoleAggregate {
		s.clamped = m.set.NewCounter("weir_clamped_reports_total" + label)
		s.overflowed = m.set.NewCounter("weir_overflowed_reports_total" + label)
		s.leftOut = m.set.NewCounter("weir_left_out_exemplars_total" + label)
		s.leftOutEvents = m.set.NewCounter("weir_left_out_events_total" + label)
		m.gauge("weir_watermark_delay_seconds"+label, func() float64 {
			now := float64(time.Now().UnixMilli())
			return (now - s.watermarks.least(now)) / 1000
		})
	}
	if name == RoleAggregate {
		for _, reason := range ingest.Reasons {
			m.set.NewCounter(refusedName(name, string(reason)))
		}
	}
	if name == RoleClickHouse {
		s.rollups = newRollupMetrics(m)
		s.audits = newAuditMetrics(m.set)
		s.fills = newFillMetrics(m.set)
		m.gauge("weir_unwritten_bytes"+label, func() float64 { return float64(s.unwritten.Load()) })
	}
	if name == RoleRules {
		s.evaluationFailures = m.set.NewCounter("weir_rule_evaluation_failures_total")
		s.inspections = newInspectionMetrics(m.set)
		s.limitedAlerts = m.set.NewCounter("weir_rule_limited_alerts_total")
		m.gauge("weir_completeness_ratio"+label, func() float64 { return s.completeness.least(1) })
	}
	m.stages[name] = s
	return s
}

func (m *pipelineMetrics) gauge(name string, read func() float64) { m.set.NewGauge(name, read) }

func refusedName(stage, reason string) string {
	return fmt.Sprintf(`weir_refused_records_total{stage=%q,reason=%q}`, stage, reason)
}

// refused counts records sent to the dead letter; reasons are a fixed list.
func (s *stageMetrics) refused(reason string, records int64) {
	s.set.GetOrCreateCounter(refusedName(s.stage, reason)).AddInt64(records)
}

// overflowedGroups counts records of groups beyond the bound of an evaluator.
func (s *stageMetrics) overflowedGroups(records uint64) {
	s.set.GetOrCreateCounter("weir_overflowed_group_records_total").Add(int(records))
}

// owns says how many partitions the stage has, and how many of their records are unread.
func (s *stageMetrics) owns(partitions, lagRecords int64) {
	s.partitions.Store(partitions)
	s.lag.Store(lagRecords)
}

// failed counts an error; kinds are a fixed list.
func (s *stageMetrics) failed(kind string) {
	s.set.GetOrCreateCounter(fmt.Sprintf(`weir_errors_total{stage=%q,kind=%q}`, s.stage, kind)).Inc()
}

func (m *pipelineMetrics) write(to io.Writer) {
	m.set.WritePrometheus(to)
	metrics.WriteProcessMetrics(to)
}
