package pipeline

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/weirmq/weir/aggregate"
	"github.com/weirmq/weir/sink/alertmanager"
	"github.com/weirmq/weir/telemetry"
)

// Status is what a process says of itself: /api/v1/status.
type Status struct {
	Version       string                        `json:"version"`
	Started       time.Time                     `json:"started"`
	Ready         bool                          `json:"ready"`
	Kafka         KafkaStatus                   `json:"kafka"`
	Memory        MemoryStatus                  `json:"memory"`
	Stages        []StageStatus                 `json:"stages"`
	Sources       []SourceStatus                `json:"sources"`
	Rules         RulesStatus                   `json:"rules"`
	Alertmanagers []alertmanager.InstanceStatus `json:"alertmanagers,omitempty"`
	// Of the stages' rates and write times.
	ThroughputSpanSeconds float64 `json:"throughput_span_seconds"`
	WriteSpanSeconds      float64 `json:"write_span_seconds"`
}

// StageStatus says how one stage is.
type StageStatus struct {
	Stage      string    `json:"stage"`
	State      string    `json:"state"` // starting, running, waiting, stopped
	Since      time.Time `json:"since"`
	Error      string    `json:"error,omitempty"`
	Partitions int64     `json:"partitions"`
	Records    uint64    `json:"records"`
	LagRecords int64     `json:"lag_records"`
	Restarts   uint64    `json:"restarts"`
	// Over the newest ThroughputSpanSeconds of the Status.
	RecordsPerSecond float64 `json:"records_per_second"`
	BytesPerSecond   float64 `json:"bytes_per_second"`
	// What half of the writes of the newest WriteSpanSeconds took at most, and 99 of 100;
	// 0 where there was none.
	WriteP50Seconds float64 `json:"write_p50_seconds"`
	WriteP99Seconds float64 `json:"write_p99_seconds"`
	// Rollups say how far the store's rows are added up, in the stage clickhouse of the process that does.
	Rollups []RollupStatus `json:"rollups,omitempty"`
}

// SourceStatus says how far one partition of weir.telemetry has come.
type SourceStatus struct {
	Partition   int32     `json:"partition"`
	Series      int       `json:"series"`
	Watermark   time.Time `json:"watermark"`
	NextOffset  int64     `json:"next_offset"`
	LateReports uint64    `json:"late_reports"`
	// Excess is what was over a limit of series, nil where nothing was.
	Excess *aggregate.Excess `json:"excess,omitempty"`
}

// RulesStatus says which rules run and why a reload was refused.
type RulesStatus struct {
	Count     int       `json:"count"`
	LoadedAt  time.Time `json:"loaded_at"`
	LastError string    `json:"last_error,omitempty"`
}

// The states of a stage.
const (
	stateStarting = "starting"
	stateRunning  = "running"
	stateWaiting  = "waiting" // after an error, before the next start
	stateStopped  = "stopped"
)

type statusBoard struct {
	mu      sync.Mutex
	stages  map[string]*StageStatus
	sources map[telemetry.Source]SourceStatus
}

func newStatusBoard() *statusBoard {
	return &statusBoard{stages: map[string]*StageStatus{}, sources: map[telemetry.Source]SourceStatus{}}
}

func (b *statusBoard) setStage(stage, state string, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.stages[stage]
	if s == nil {
		s = &StageStatus{Stage: stage}
		b.stages[stage] = s
	}
	if s.State != state {
		s.State, s.Since = state, time.Now().UTC()
	}
	s.Error = ""
	if err != nil {
		s.Error = err.Error()
	}
}

// showFailingInstances says on the line of the stage that runs which Alertmanagers
// cannot be told. All of them: one that comes back says nothing of the others.
func showFailingInstances(stages []StageStatus, instances []alertmanager.InstanceStatus) {
	var failing []string
	for _, instance := range instances {
		if instance.LastError != "" {
			failing = append(failing, instance.LastError)
		}
	}
	for i := range stages {
		if s := &stages[i]; s.Stage == RoleAlertmanager && s.State == stateRunning && s.Error == "" {
			s.Error = strings.Join(failing, "; ")
		}
	}
}

// setError shows an error that a stage lives with, nil when it is over.
func (b *statusBoard) setError(stage string, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if s := b.stages[stage]; s != nil {
		s.Error = ""
		if err != nil {
			s.Error = err.Error()
		}
	}
}

func (b *statusBoard) setSource(source telemetry.Source, status SourceStatus) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sources[source] = status
}

func (b *statusBoard) dropSource(source telemetry.Source) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.sources, source)
}

func (b *statusBoard) snapshot(m *pipelineMetrics) ([]StageStatus, []SourceStatus) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var stages []StageStatus
	for _, role := range AllRoles {
		s := b.stages[role]
		if s == nil {
			continue
		}
		counted := m.stage(role)
		out := *s
		out.Partitions, out.LagRecords = counted.partitions.Load(), counted.lag.Load()
		out.Records, out.Restarts = counted.records.Get(), counted.restarts.Get()
		out.RecordsPerSecond, out.BytesPerSecond = counted.throughput.perSecond()
		took := counted.flushSeconds.quantiles(time.Now(), 0.5, 0.99)
		out.WriteP50Seconds, out.WriteP99Seconds = took[0].Seconds(), took[1].Seconds()
		if counted.rollups != nil {
			out.Rollups = counted.rollups.status(time.Now())
		}
		stages = append(stages, out)
	}
	sources := slices.SortedFunc(maps.Values(b.sources), func(a, b SourceStatus) int { return cmp.Compare(a.Partition, b.Partition) })
	return stages, sources
}
