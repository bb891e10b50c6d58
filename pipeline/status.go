package pipeline

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/weirmq/weir/sink/alertmanager"
	"github.com/weirmq/weir/telemetry"
)

// Status is what a process says of itself: /api/v1/status.
type Status struct {
	Version       string                        `json:"version"`
	Started       time.Time                     `json:"started"`
	Ready         bool                          `json:"ready"`
	Kafka         KafkaStatus                   `json:"kafka"`
	Stages        []StageStatus                 `json:"stages"`
	Sources       []SourceStatus                `json:"sources"`
	Rules         RulesStatus                   `json:"rules"`
	Alertmanagers []alertmanager.InstanceStatus `json:"alertmanagers,omitempty"`
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
}

// SourceStatus says how far one partition of weir.telemetry has come.
type SourceStatus struct {
	Partition   int32     `json:"partition"`
	Series      int       `json:"series"`
	Watermark   time.Time `json:"watermark"`
	NextOffset  int64     `json:"next_offset"`
	LateReports uint64    `json:"late_reports"`
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
		stages = append(stages, out)
	}
	sources := slices.SortedFunc(maps.Values(b.sources), func(a, b SourceStatus) int { return cmp.Compare(a.Partition, b.Partition) })
	return stages, sources
}
