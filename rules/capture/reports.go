package capture

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/weirmq/weir/rules"
	"github.com/weirmq/weir/telemetry"
)

// series is what reports with the same labels carried, by the beginning of the pane in Unix seconds.
type series struct{ panes map[int64]*telemetry.Totals }

// labelText writes the labels that matter as a test has them.
func (c *Capture) labelText(labels *telemetry.Labels) string {
	var out []string
	for i, name := range telemetry.LabelNames {
		if value := *labels.FieldAt(i); value != "" && c.keeps(name) {
			out = append(out, name+"="+word(value))
		}
	}
	for _, label := range labels.Extra {
		if c.keeps(label.Name) {
			out = append(out, "label."+label.Name+"="+word(label.Value))
		}
	}
	return strings.Join(out, " ")
}

func (c *Capture) keeps(name string) bool { return c.keep == nil || slices.Contains(c.keep, name) }

// word quotes a text that would end a word of the language, or mean more than itself.
func word(text string) string {
	if text == "" || strings.ContainsAny(text, " \t\"'{},=#\\") {
		return strconv.Quote(text)
	}
	return text
}

// reports are the lines of what came: a range where one pane is as the one before it.
func (c *Capture) reports() []string {
	type line struct {
		from, to int64
		text     string
	}
	var lines []line
	step := int64(c.pane / time.Second)
	for _, labels := range slices.Sorted(maps.Keys(c.series)) {
		of := c.series[labels]
		first := len(lines)
		for _, pane := range slices.Sorted(maps.Keys(of.panes)) {
			text := strings.TrimSpace(labels + " " + c.measures(of.panes[pane]))
			if last := len(lines) - 1; last >= first && lines[last].to == pane && lines[last].text == text {
				lines[last].to += step
				continue
			}
			lines = append(lines, line{pane, pane + step, text})
		}
	}
	var out []string
	for _, l := range lines {
		times := c.since(time.Unix(l.from, 0))
		if l.to > l.from+step {
			times += ".." + c.since(time.Unix(l.to, 0))
		}
		out = append(out, fmt.Sprintf("at %s: %s", times, l.text))
	}
	return out
}

// measures writes what the rule reads of a pane.
func (c *Capture) measures(t *telemetry.Totals) string {
	out := []string{fmt.Sprintf("messages=%d", t.Messages)}
	number := func(name string, value uint64, readAs ...string) {
		if value > 0 && slices.ContainsFunc(readAs, func(field string) bool { return c.read[field] }) {
			out = append(out, fmt.Sprintf("%s=%d", name, value))
		}
	}
	number("bytes", t.Bytes, "bytes", "bps")
	for _, failed := range t.Errors {
		number("errors."+failed.Class, failed.Count, "errors", "error_rate")
	}
	number("rebalances", t.Rebalances, "rebalances")
	for _, kind := range []struct {
		part      telemetry.Parts
		histogram *telemetry.Histogram
		name      string
		unit      string
		always    []string // fields that need no bucket
	}{{telemetry.PartLatency, &t.LatencyMicros, "latency", "us", []string{"latency_max"}}, {telemetry.PartDelay, &t.DelayMicros, "delay", "us", nil},
		{telemetry.PartSize, &t.SizeBytes, "size", "", []string{"size_max"}}, {telemetry.PartHeartbeat, &t.HeartbeatMicros, "heartbeat", "us", nil}} {
		read := slices.ContainsFunc(kind.always, func(field string) bool { return c.read[field] })
		switch {
		case !c.Omit.Has(kind.part):
			for _, seen := range observations(kind.histogram, kind.part == telemetry.PartSize && c.read["size_avg"]) {
				out = append(out, kind.name+"="+seen.text(kind.unit))
			}
		case read && kind.histogram.Max > 0:
			out = append(out, kind.name+"="+observation{kind.histogram.Max, 1}.text(kind.unit))
		}
	}
	for _, gauge := range t.Gauges {
		if slices.ContainsFunc(rules.GaugeFields, func(field rules.GaugeField) bool { return field.Gauge == gauge.Name && c.read[field.Field] }) {
			out = append(out, fmt.Sprintf("gauge.%s=%s", gauge.Name, strconv.FormatFloat(gauge.Last, 'f', -1, 64)))
		}
	}
	if !c.Omit.Has(telemetry.PartDistincts) && slices.ContainsFunc(t.Events, func(e telemetry.Event) bool {
		return e.Kind == telemetry.EventStopped || e.Kind == telemetry.EventPaused
	}) {
		out = append(out, "stopped")
	}
	return strings.Join(out, " ")
}
