package ruletest

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/weirmq/weir/rules"
	"github.com/weirmq/weir/rules/unit"
	"github.com/weirmq/weir/telemetry"
)

// measure is something that a report says besides its labels.
type measure struct {
	what   measurement
	class  string  // of errors, or a gauge's name
	first  float64 // of the first report
	last   float64 // of the last one; between them it changes evenly
	counts uint64  // how many times it was observed
}

// measurement is how a value enters a report.
type measurement struct {
	of       unit.Dimension
	observed bool // into a histogram, so that it may be repeated
	gauge    bool
	enter    func(r *telemetry.Report, m *measure, value float64)
}

// measurements are those that stand as name=value.
var measurements = map[string]measurement{
	"messages":   {of: unit.Plain, enter: func(r *telemetry.Report, _ *measure, v float64) { r.Messages = whole(v) }},
	"bytes":      {of: unit.Bytes, enter: func(r *telemetry.Report, _ *measure, v float64) { r.Bytes = whole(v) }},
	"rebalances": {of: unit.Plain, enter: func(r *telemetry.Report, _ *measure, v float64) { r.Rebalances = whole(v) }},
	"latency":    observed(unit.Time, func(r *telemetry.Report) *telemetry.Histogram { return &r.LatencyMicros }),
	"delay":      observed(unit.Time, func(r *telemetry.Report) *telemetry.Histogram { return &r.DelayMicros }),
	"size":       observed(unit.Bytes, func(r *telemetry.Report) *telemetry.Histogram { return &r.SizeBytes }),
	"heartbeat":  observed(unit.Time, func(r *telemetry.Report) *telemetry.Histogram { return &r.HeartbeatMicros }),
}

// Those that stand as prefix.name=value.
const (
	errorsPrefix = "errors"
	gaugePrefix  = "gauge"
	labelPrefix  = "label"
)

var (
	errorsOfClass = measurement{of: unit.Plain, enter: func(r *telemetry.Report, m *measure, v float64) {
		r.Errors = append(r.Errors, telemetry.ErrorCount{Class: m.class, Count: whole(v)})
	}}
	gauge = measurement{of: unit.Plain, gauge: true, enter: func(r *telemetry.Report, m *measure, v float64) {
		r.Gauges = append(r.Gauges, telemetry.Gauge{Name: m.class, Value: v})
	}}
)

// events are words without a value: what happened to the client when the report began.
var events = map[string]telemetry.EventKind{
	"started": telemetry.EventStarted, "stopped": telemetry.EventStopped, "paused": telemetry.EventPaused,
	"resumed": telemetry.EventResumed, "rebalanced": telemetry.EventRebalanced,
}

// settingNames are all names that a report may be given, for those that are misspelt.
var settingNames = slices.Sorted(func(yield func(string) bool) {
	for _, name := range slices.Concat(telemetry.LabelNames, slices.Collect(maps.Keys(measurements)), slices.Collect(maps.Keys(events)),
		[]string{errorsPrefix, gaugePrefix, labelPrefix}) {
		if !yield(name) {
			return
		}
	}
})

const microsPerSecond = 1e6

// observed enters values into a histogram, in microseconds or bytes.
func observed(of unit.Dimension, histogram func(*telemetry.Report) *telemetry.Histogram) measurement {
	scale := 1.0
	if of == unit.Time {
		scale = microsPerSecond
	}
	return measurement{of: of, observed: true, enter: func(r *telemetry.Report, m *measure, v float64) {
		var all telemetry.Histogram
		all.Observe(whole(v * scale))
		all.Counts[0] *= m.counts
		all.Sum *= m.counts
		histogram(r).Merge(&all)
	}}
}

func whole(value float64) uint64 { return uint64(math.Round(value)) }

// add enters the value into a report; at is the place of it among so many.
func (m *measure) add(r *telemetry.Report, at, of int) {
	value := m.first
	if of > 1 {
		value += (m.last - m.first) * float64(at) / float64(of-1)
	}
	m.what.enter(r, m, value)
}

// isGauge says that a gauge has no name that was meant as that of another. Reports may have any that no field reads.
func (p *parser) isGauge(w word) bool {
	var names, read []string
	for _, field := range rules.GaugeFields {
		names = append(names, field.Gauge)
		if field.Field == w.text {
			read = append(read, field.Gauge)
		}
	}
	hint := rules.DidYouMean(w.text, names)
	switch {
	case slices.Contains(names, w.text):
		return true
	case len(read) > 0:
		p.fault(w.column, fmt.Sprintf("%s is a field, and a report has gauges", w.text), fmt.Sprintf("it is read from gauge.%s", read[0]))
		return false
	case hint != "":
		p.fault(w.column, fmt.Sprintf("unknown gauge %q", w.text), hint)
		return false
	}
	return true
}
