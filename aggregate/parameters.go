package aggregate

import (
	"fmt"
	"time"
)

// Parameters are what the fold depends on. They are fixed for the life of
// weir.telemetry: another value would make other cells of the same log.
type Parameters struct {
	Pane      time.Duration `json:"pane" yaml:"pane"`
	Tolerance time.Duration `json:"tolerance" yaml:"tolerance"`
	// MaxSeries bounds the series of one segment, and so of each pane in it. Reports of
	// further ones are folded into the overflow series of their topic, which has its
	// labels and OverflowLabel; of a topic that has no series there, into the one with
	// OverflowLabel alone.
	MaxSeries int `json:"max_series" yaml:"max_series"`
	// MaxTopicSeries bounds those of one topic: of one env, cluster, system, topic and
	// op. 0 is how weir.telemetry was folded before topics had a limit: no topic has one,
	// or an overflow series.
	MaxTopicSeries int `json:"max_topic_series" yaml:"max_topic_series"`
}

// Defaults of Parameters and Lateness.
const (
	// Not smaller: rows grow with it; not larger: alerts wait for a pane to close.
	DefaultPane = 10 * time.Second
	// A client's clock may differ that much from the broker's before its event time
	// is clamped. Not smaller: reports of an outage come late; not larger: a wild
	// clock opens panes of the future, which stay in memory until the segment ends.
	DefaultTolerance = 10 * time.Minute
	// Not smaller: a partition of a large fleet has 100,000; not larger: a cell takes
	// about 1 KB, and an open segment is in memory.
	DefaultMaxSeries = 200_000
	// Not smaller: a topic of a large fleet has 10,000 clients on a partition, some with
	// several lanes or versions; not larger: one topic must leave room for the others.
	DefaultMaxTopicSeries = 50_000
	// How long after the newest event time a pane stays open. Not smaller: a client
	// reports every second, with jitter, after its interval; not larger: every alert
	// waits that long.
	DefaultLateness = 5 * time.Second

	minPane = time.Second
	maxPane = time.Minute
)

// DefaultParameters returns the defaults.
func DefaultParameters() Parameters {
	return Parameters{DefaultPane, DefaultTolerance, DefaultMaxSeries, DefaultMaxTopicSeries}
}

// Validate says what is out of bounds.
func (p Parameters) Validate() error {
	if p.Pane < minPane || p.Pane > maxPane || p.Pane%time.Second != 0 || maxPane%p.Pane != 0 {
		return fmt.Errorf("pane is %s: allowed are whole seconds from %s to %s that divide %s", p.Pane, minPane, maxPane, maxPane)
	}
	if p.Tolerance < p.Pane {
		return fmt.Errorf("tolerance is %s: it must be at least one pane (%s)", p.Tolerance, p.Pane)
	}
	if p.MaxSeries < 1 {
		return fmt.Errorf("max_series is %d: at least 1 is needed", p.MaxSeries)
	}
	if p.MaxTopicSeries < 0 {
		return fmt.Errorf("max_topic_series is %d: at least 1 is needed, or 0 for no limit of a topic", p.MaxTopicSeries)
	}
	return nil
}
