package capture

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/weirmq/weir/rules"
	"github.com/weirmq/weir/rules/ruletest"
	"github.com/weirmq/weir/telemetry"
)

// series is what reports with the same labels carried, by the beginning of the pane in Unix seconds.
type series struct{ panes map[int64]*telemetry.Totals }

// labelText writes the labels that matter as a test has them.
func (c *Capture) labelText(labels *telemetry.Labels) string {
	var out []string
	for i, name := range telemetry.LabelNames {
		if value := *labels.FieldAt(i); value != "" && c.keeps(name) {
			out = append(out, name+"="+ruletest.Quoted(value))
		}
	}
	for _, label := range labels.Extra {
		if c.keeps(label.Name) {
			out = append(out, "label."+label.Name+"="+ruletest.Quoted(label.Value))
		}
	}
	return strings.Join(out, " ")
}

func (c *Capture) keeps(name string) bool { return c.keep == nil || slices.Contains(c.keep, name) }

// reports are the lines of what came: a range where one pane is as the one before it, and clients that differ by a number alone
// and reported the same in one line.
func (c *Capture) reports() []string {
	alike := map[string]*numbered{} // by all but the number
	var order []*numbered
	for _, labels := range slices.Sorted(maps.Keys(c.series)) {
		lines := c.linesOf(c.series[labels])
		before, number, behind := cutNumber(labels)
		key := strings.Join(append([]string{before, behind}, lines...), "\x00")
		if number < 0 || alike[key] == nil {
			alike[key] = &numbered{before: before, behind: behind, lines: lines}
			order = append(order, alike[key])
		}
		alike[key].numbers = append(alike[key].numbers, number)
	}
	var out []string
	for _, n := range order {
		for _, labels := range n.labels() {
			for _, line := range n.lines {
				times, measures, _ := strings.Cut(line, "\x00")
				out = append(out, fmt.Sprintf("at %s: %s", times, strings.TrimSpace(labels+" "+measures)))
			}
		}
	}
	return out
}

// linesOf are the lines of a series: times, and what was measured in them.
func (c *Capture) linesOf(of *series) []string {
	var out []string
	step := int64(c.pane / time.Second)
	var from, to int64
	text := ""
	end := func() {
		times := c.since(time.Unix(from, 0))
		if to > from+step {
			times += ".." + c.since(time.Unix(to, 0))
		}
		out = append(out, times+"\x00"+text)
	}
	for i, pane := range slices.Sorted(maps.Keys(of.panes)) {
		measures := c.measures(of.panes[pane])
		if i > 0 && pane == to && measures == text {
			to += step
			continue
		}
		if i > 0 {
			end()
		}
		from, to, text = pane, pane+step, measures
	}
	end()
	return out
}

// numbered are series whose clients differ by a number alone; -1 stands for none.
type numbered struct {
	before, behind string // of the number
	numbers        []int
	lines          []string
}

// clientNumber is a client whose name ends in a number that Atoi writes again.
var clientNumber = regexp.MustCompile(`(?:^| )client=[^" ]*?(0|[1-9][0-9]{0,8})(?: |$)`)

// cutNumber divides labels where the number of the client stands; it is -1 where there is none.
func cutNumber(labels string) (before string, number int, behind string) {
	at := clientNumber.FindStringSubmatchIndex(labels)
	if at == nil {
		return labels, -1, ""
	}
	number, _ = strconv.Atoi(labels[at[2]:at[3]]) // digits, few enough
	return labels[:at[2]], number, labels[at[3]:]
}

// labels are those of all, as few as can be.
func (n *numbered) labels() []string {
	slices.Sort(n.numbers)
	var out []string
	for i := 0; i < len(n.numbers); {
		first, last := n.numbers[i], n.numbers[i]
		for i++; i < len(n.numbers) && n.numbers[i] == last+1; i++ {
			last++
		}
		switch {
		case first < 0:
			out = append(out, n.before)
		case first == last:
			out = append(out, fmt.Sprintf("%s%d%s", n.before, first, n.behind))
		default:
			out = append(out, fmt.Sprintf("%s{%d..%d}%s", n.before, first, last, n.behind))
		}
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
