package rules

import (
	"fmt"
	"time"

	"github.com/expr-lang/expr/ast"
	"go.yaml.in/yaml/v3"
)

// Lane says when a group's rules are asked.
type Lane string

// The lanes.
const (
	LaneRealtime   Lane = "realtime"   // at the end of each pane, over at most MaxLookback
	LaneInspection Lane = "inspection" // once a day, of whole days in UTC that the store holds
)

// Day is what an inspection is asked of: its windows are whole days, in UTC.
const Day = 24 * time.Hour

// MaxInspected is how far back an inspection may look, and how long ago a group may have been there last that has nothing in its
// window. Not smaller: a topic of a monthly report is not cold; not larger: the store keeps 30 days.
const MaxInspected = 30 * Day

// lane reads a group's lane.
func (d *decoder) lane(node *yaml.Node) Lane {
	text, ok := d.text(node, "lane")
	switch lane := Lane(text); {
	case !ok || lane == LaneRealtime:
	case lane == LaneInspection:
		return lane
	default:
		known := []string{string(LaneInspection), string(LaneRealtime)}
		d.fault(node, didYouMean(text, known), "got lane %q, want %s or %s", text, known[0], known[1])
	}
	return LaneRealtime
}

// maxLookback bounds how far back a rule of the lane looks.
func (l Lane) maxLookback() time.Duration {
	if l == LaneInspection {
		return MaxInspected
	}
	return MaxLookback
}

// spanExample is how a rule of the lane looks elsewhere in time.
func (l Lane) spanExample(function string) string {
	if l == LaneInspection {
		return function + "(7d)"
	}
	return spanExample(function)
}

// window decodes a rule's window. One that is wrong becomes the default, so that it is not named again as the lookback.
func (d *decoder) window(node *yaml.Node, rule *Rule) {
	if rule.Lane == LaneInspection {
		rule.Window = d.duration(node, "window", Day)
		if err := wholeDays(rule.Window); err != nil {
			d.fault(node, "leave it out for the day before", "window: %s", err)
			rule.Window = Day
		}
		return
	}
	rule.Window = d.duration(node, "window", DefaultWindow)
	if rule.Window <= 0 || rule.Window > MaxSpan {
		d.fault(node, "", "got window %s, want above 0 and at most %s", FormatDuration(rule.Window), FormatDuration(MaxSpan))
		rule.Window = DefaultWindow
	}
}

// waits decodes for how long an alert is pending and kept firing. A finding is there on a day or it is not.
func (d *decoder) waits(from layers, rule *Rule) {
	for _, wait := range []struct {
		key  string
		into *time.Duration
	}{{"for", &rule.For}, {"keep_firing_for", &rule.KeepFiringFor}} {
		node := from.value(wait.key)
		if node != nil && rule.Lane == LaneInspection {
			d.fault(node, "leave it out, or move the rule to a group without lane: inspection",
				"an inspection has no %s: it is asked once of a day, and finds something or not", wait.key)
			continue
		}
		*wait.into = d.duration(node, wait.key, 0)
	}
}

// wholeDays says what is wrong with a span of an inspection.
func wholeDays(span time.Duration) error {
	if span < Day || span%Day != 0 || span > MaxInspected {
		return fmt.Errorf("got duration %q, want whole days from 1d to %s in an inspection", FormatDuration(span), FormatDuration(MaxInspected))
	}
	return nil
}

// momentary refuses in an inspection what days do not have.
func (r *reader) momentary(name string, node ast.Node) {
	at, gauge := gaugeFields[name]
	if r.lane == LaneInspection && gauge && GaugeFields[at].Merge == MergeSkew {
		r.fail(node, fmt.Sprintf("an inspection has no %s: it is the median of all panes, and days are not kept by pane", name),
			"ask it in a group without lane: inspection")
	}
}
