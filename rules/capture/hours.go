package capture

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/weirmq/weir/rules"
	"github.com/weirmq/weir/telemetry"
)

// Hours are the clock hours that the rule asked of in the time of the test, in their order; none of a rule that looks no further
// back than what is kept.
func (c *Capture) Hours() []time.Time {
	asked := map[int64]bool{}
	for _, rule := range c.variants() {
		for at := c.From.Add(c.pane); rule.LooksPast() && !at.After(c.To); at = at.Add(c.pane) {
			for _, hour := range rule.PastHours(at, c.pane) {
				asked[hour.Unix()] = true
			}
		}
	}
	var out []time.Time
	for _, hour := range slices.Sorted(maps.Keys(asked)) {
		out = append(out, time.Unix(hour, 0).UTC())
	}
	return out
}

// Know says that the store has an hour, of which TakeHour is told all.
func (c *Capture) Know(hour time.Time) {
	if c.hours[hour.Unix()] == nil {
		c.hours[hour.Unix()] = map[string]rules.Counted{}
	}
}

// TakeHour adds what a series counted in an hour that is known: those of other groups are left out.
func (c *Capture) TakeHour(hour time.Time, labels *telemetry.Labels, counted rules.Counted) {
	values, ok := c.rule.Grouping.Values(labels)
	if ok && telemetry.GroupKey(c.rule.Grouping.ID, values) == c.alert.GroupKey {
		text := c.labelText(labels)
		c.hours[hour.Unix()][text] = c.hours[hour.Unix()][text].With(counted)
	}
}

// pastLines are the lines of hours past. The first says that the store begins no later.
func (c *Capture) pastLines() []string {
	var out []string
	for i, start := range slices.Sorted(maps.Keys(c.hours)) {
		hour := time.Unix(start, 0)
		if i == 0 {
			out = append(out, "at "+c.since(hour)+": messages=0")
		}
		for _, labels := range slices.Sorted(maps.Keys(c.hours[start])) {
			for _, line := range c.hourLines(hour, c.hours[start][labels]) {
				times, measures, _ := strings.Cut(line, ": ")
				out = append(out, fmt.Sprintf("at %s: %s", times, strings.TrimSpace(labels+" "+measures)))
			}
		}
	}
	return out
}

// hourLines are what was counted in an hour: at once, or where the rule asks in which minutes, as much in each of them and what
// is left in the first.
func (c *Capture) hourLines(hour time.Time, counted rules.Counted) []string {
	var runs []string
	each, first, rest := uint64(0), hour, counted.Messages
	if minutes := minutesOf(counted.Minutes); len(minutes) > 0 && c.read["busy"] {
		each, first = counted.Messages/uint64(len(minutes)), hour.Add(minutes[0])
		rest -= each * uint64(len(minutes))
		for i := 0; i < len(minutes); {
			from, to := minutes[i], minutes[i]+time.Minute
			for i++; i < len(minutes) && minutes[i] == to; i++ {
				to += time.Minute
			}
			times := c.since(hour.Add(from))
			if to > from+time.Minute {
				times += ".." + c.since(hour.Add(to)) + " every 1m"
			}
			runs = append(runs, fmt.Sprintf("%s: messages=%d", times, each))
		}
	}
	left := telemetry.Totals{Messages: rest, Bytes: counted.Bytes}
	for class, count := range map[string]uint64{"other": counted.Errors - counted.Handled, telemetry.ErrorClassHandler: counted.Handled} {
		if count > 0 {
			left.Errors = append(left.Errors, telemetry.ErrorCount{Class: class, Count: count})
		}
	}
	slices.SortFunc(left.Errors, func(a, b telemetry.ErrorCount) int { return strings.Compare(a.Class, b.Class) })
	measures := c.measures(&left)
	if measures == "messages=0" {
		return runs
	}
	return append([]string{c.since(first) + ": " + measures}, runs...)
}

// minutesOf are the minutes of an hour that have a bit, from its beginning.
func minutesOf(bits uint64) []time.Duration {
	var out []time.Duration
	for minute := range 60 {
		if bits&(1<<minute) != 0 {
			out = append(out, time.Duration(minute)*time.Minute)
		}
	}
	return out
}
