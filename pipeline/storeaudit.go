package pipeline

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"github.com/weirmq/weir/sink/clickhouse"
	"github.com/weirmq/weir/telemetry"
)

// auditInterval is how often the stage clickhouse audits the last hours. Not smaller: each time their rows are read; not larger:
// what is missing is told later by it, and Kafka keeps what could replace it for some days only.
const auditInterval = 10 * time.Minute

// audited is how much is audited each time. Not less: no whole hour would be in it; not more: it is read each time.
const audited = 2 * time.Hour

// auditMetrics say what the newest audit of this process found. They are 0 while another process audits.
type auditMetrics struct {
	short   map[string]*metrics.Gauge // reports, by table
	over    map[string]*metrics.Gauge
	newest  *metrics.Gauge // Unix time in seconds
	seconds *metrics.Gauge
}

func newAuditMetrics(set *metrics.Set) *auditMetrics {
	m := &auditMetrics{short: map[string]*metrics.Gauge{}, over: map[string]*metrics.Gauge{},
		newest: set.NewGauge("weir_store_audited_timestamp_seconds", nil), seconds: set.NewGauge("weir_store_audit_duration_seconds", nil)}
	for _, of := range append(auditedTables(), clickhouse.Rollup{Table: auditedLedger}) {
		m.short[of.Table] = set.NewGauge(`weir_store_short_reports{table="`+of.Table+`"}`, nil)
		m.over[of.Table] = set.NewGauge(`weir_store_surplus_reports{table="`+of.Table+`"}`, nil)
	}
	return m
}

// note takes what an audit found.
func (m *auditMetrics) note(lines []auditLine, began time.Time) {
	for i := range lines {
		m.short[lines[i].Table].Set(float64(lines[i].Short))
		m.over[lines[i].Table].Set(float64(lines[i].Surplus))
	}
	m.newest.Set(float64(began.Unix()))
	m.seconds.Set(time.Since(began).Seconds())
}

// forget says that another process audits.
func (m *auditMetrics) forget() {
	for table := range m.short {
		m.short[table].Set(0)
		m.over[table].Set(0)
	}
	m.newest.Set(0)
}

// auditOften audits the last hours until the function that it returns is called, while its process owns compactingPartition. The stage goes on
// whatever it finds: a fault is told by metrics and in the log.
func (s *storage) auditOften(ctx context.Context, p *Pipeline) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() {
		defer s.metrics.audits.forget()
		said := outage{log: s.log, begun: "audit the store, will try again", over: "the store can be audited again"}
		found := outage{log: s.log, begun: "the store does not hold what it should", over: "the store holds what it should"}
		ticker := time.NewTicker(auditInterval)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
			if !s.at.owns(topicPartition{telemetry.TopicCells, compactingPartition}) {
				s.metrics.audits.forget()
				continue
			}
			began := time.Now()
			lines, err := s.audit(ctx, &p.config, began)
			if ctx.Err() != nil {
				return
			}
			if said.note(err); err != nil {
				s.metrics.failed("audit")
				continue
			}
			s.metrics.audits.note(lines, began)
			found.note(auditFault(lines))
		}
	})
	return func() { cancel(); running.Wait() }
}

// audit audits the hours before what has settled.
func (s *storage) audit(ctx context.Context, config *Config, now time.Time) ([]auditLine, error) {
	offsets, err := openOffsetAudit(ctx, config.Kafka, s.producer, now.Add(-DefaultAuditSettles))
	if err != nil {
		return nil, err
	}
	of := auditor{store: s.store, offsets: offsets, tolerance: config.Telemetry.Tolerance, most: 1} // the fault says how many there are
	settled := now.Add(-DefaultAuditSettles)
	return of.audit(ctx, auditSpan(settled.Add(-audited).UTC().Truncate(telemetry.SegmentLength), settled, settled))
}

// auditFault is nil where all tables are complete.
func auditFault(lines []auditLine) error {
	var faults []string
	for i := range lines {
		if lines[i].differs() {
			faults = append(faults, lines[i].fault())
		}
	}
	if faults == nil {
		return nil
	}
	return errors.New(strings.Join(faults, "; ") + ": run weir audit")
}
