package pipeline

import (
	"fmt"
	"sync/atomic"

	"github.com/VictoriaMetrics/metrics"

	"github.com/weirmq/weir/control"
)

// controlMetrics count what the role control does. There from the beginning, at 0.
type controlMetrics struct {
	refused      map[control.Reason]*metrics.Counter
	ignored      *metrics.Counter
	written      *metrics.Counter
	fileFailures *metrics.Counter
	commands     map[string]*atomic.Int64    // by state
	asked        map[string]*metrics.Counter // of rules, by action
	heldBack     map[string]*atomic.Int64    // of what rules propose, by why
	routes       *atomic.Int64
	offset       *atomic.Int64
}

// controlStates are how commands are.
var controlStates = []string{"in force", "shadow", "ended", "over"}

// newControlMetrics returns the metrics of the role, the same at every start of the stage.
func newControlMetrics(m *pipelineMetrics) *controlMetrics {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.control != nil {
		return m.control
	}
	c := &controlMetrics{refused: map[control.Reason]*metrics.Counter{}, commands: map[string]*atomic.Int64{}, routes: &atomic.Int64{}, offset: &atomic.Int64{},
		ignored: m.set.NewCounter("weir_control_ignored_records_total"), written: m.set.NewCounter("weir_control_written_records_total"),
		fileFailures: m.set.NewCounter("weir_control_file_failures_total")}
	for _, reason := range control.Reasons {
		c.refused[reason] = m.set.NewCounter(fmt.Sprintf(`weir_control_refused_records_total{reason=%q}`, reason))
	}
	shown := func(name string, value *atomic.Int64) {
		m.gauge(name, func() float64 { return float64(value.Load()) })
	}
	c.asked, c.heldBack = map[string]*metrics.Counter{}, map[string]*atomic.Int64{}
	for action := range (&ActionsConfig{}).byName() {
		c.asked[action] = m.set.NewCounter(fmt.Sprintf(`weir_control_rule_records_total{action=%q}`, action))
	}
	for _, why := range heldReasons {
		c.heldBack[why] = &atomic.Int64{}
		shown(fmt.Sprintf(`weir_control_rule_held_back{why=%q}`, why), c.heldBack[why])
	}
	for _, state := range controlStates {
		c.commands[state] = &atomic.Int64{}
		shown(fmt.Sprintf(`weir_control_commands{state=%q}`, state), c.commands[state])
	}
	shown("weir_control_routes", c.routes)
	shown("weir_control_offset", c.offset)
	m.control = c
	return c
}
