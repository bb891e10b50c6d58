package pipeline

import (
	"fmt"
	"io"
	"sync"
	"sync/atomic"

	"github.com/VictoriaMetrics/metrics"
)

// pipelineMetrics holds the metrics of one Pipeline; the set is its own, so that
// several pipelines in one process do not mix.
type pipelineMetrics struct {
	set    *metrics.Set
	mu     sync.Mutex
	stages map[string]*stageMetrics
}

// stageMetrics count what one stage does.
type stageMetrics struct {
	set                       *metrics.Set
	stage                     string
	records, bytes            *metrics.Counter
	late, clamped, overflowed *metrics.Counter
	restarts                  *metrics.Counter
	flushSeconds              *metrics.Histogram
	lag                       atomic.Int64 // records not read yet
	partitions                atomic.Int64
	watermarkDelay            atomic.Int64 // milliseconds
	completeness              atomic.Int64 // parts per million
}

// partsPerMillion makes a share a whole number.
const partsPerMillion = 1_000_000

func newPipelineMetrics() *pipelineMetrics {
	return &pipelineMetrics{set: metrics.NewSet(), stages: map[string]*stageMetrics{}}
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
		records:      m.set.NewCounter("weir_records_total" + label),
		bytes:        m.set.NewCounter("weir_bytes_total" + label),
		late:         m.set.NewCounter("weir_late_reports_total" + label),
		clamped:      m.set.NewCounter("weir_clamped_reports_total" + label),
		overflowed:   m.set.NewCounter("weir_overflowed_reports_total" + label),
		restarts:     m.set.NewCounter("weir_stage_restarts_total" + label),
		flushSeconds: m.set.NewHistogram("weir_write_duration_seconds" + label),
	}
	m.gauge("weir_lag_records"+label, func() float64 { return float64(s.lag.Load()) })
	m.gauge("weir_owned_partitions"+label, func() float64 { return float64(s.partitions.Load()) })
	if name == RoleAggregate {
		m.gauge("weir_watermark_delay_seconds"+label, func() float64 { return float64(s.watermarkDelay.Load()) / 1000 })
	}
	if name == RoleRules {
		s.completeness.Store(partsPerMillion)
		m.gauge("weir_completeness_ratio"+label, func() float64 { return float64(s.completeness.Load()) / partsPerMillion })
	}
	m.stages[name] = s
	return s
}

func (m *pipelineMetrics) gauge(name string, read func() float64) { m.set.NewGauge(name, read) }

// refused counts a record sent to the dead letter; reasons are a fixed list.
func (s *stageMetrics) refused(reason string) {
	s.set.GetOrCreateCounter(fmt.Sprintf(`weir_refused_records_total{stage=%q,reason=%q}`, s.stage, reason)).Inc()
}

// failed counts an error; kinds are a fixed list.
func (s *stageMetrics) failed(kind string) {
	s.set.GetOrCreateCounter(fmt.Sprintf(`weir_errors_total{stage=%q,kind=%q}`, s.stage, kind)).Inc()
}

func (m *pipelineMetrics) write(to io.Writer) {
	m.set.WritePrometheus(to)
	metrics.WriteProcessMetrics(to)
}
