package rules

import (
	"fmt"
	"math/bits"
	"slices"
	"strings"
	"time"

	"github.com/expr-lang/expr/ast"

	"github.com/weirmq/weir/telemetry"
)

// MaxPast is how far back ago and baseline may look where the store answers. Not smaller: four weeks of the same weekday are
// compared; not larger: the store keeps 30 days, of which the oldest go while they are asked for.
const MaxPast = 28 * Day

// pastAhead is how long before the turn of an hour the next one is asked for, so that it is read by then. Not less: a baseline is
// many hours, and each of a large store takes seconds to read; not more: it is read for nothing where the rule asks no more.
const pastAhead = 10 * time.Minute

// Past answers what groups counted in hours that are longer ago than MaxSpan. Its methods are called from any goroutine.
// Where rules are evaluated live it never waits: what it has not read yet is unknown.
type Past interface {
	// Hour returns what a group of a grouping, by telemetry.GroupKey, counted in the hour that begins at start, zeros where it
	// had nothing, and what is known of that hour: the counts of one that is not Known say nothing.
	Hour(grouping *telemetry.Grouping, group string, start time.Time) (Counted, Knowledge)
}

// Knowledge says what is known of an hour past.
type Knowledge uint8

// What may be known of an hour.
const (
	Unread Knowledge = iota // nothing yet: it may be known when it is asked again
	Absent                  // nothing ever: the store begins after it
	Known
)

// Counted is what a group counted in an hour.
type Counted struct {
	Messages, Bytes uint64
	Errors          uint64 // messages that failed, of all classes
	Handled         uint64 // those of them whose handler failed, which are among Messages too
	Minutes         uint64 // of the hour in which there were messages, a bit each
}

// CountedIn is what some totals count, of messages in minutes of the hour, a bit each.
func CountedIn(totals *telemetry.Totals, minutes uint64) Counted {
	out := Counted{Messages: totals.Messages, Bytes: totals.Bytes, Errors: totals.ErrorTotal()}
	for _, e := range totals.Errors {
		if e.Class == telemetry.ErrorClassHandler {
			out.Handled += e.Count
		}
	}
	if totals.Messages > 0 {
		out.Minutes = minutes
	}
	return out
}

// With is both counts together.
func (c Counted) With(other Counted) Counted {
	return Counted{c.Messages + other.Messages, c.Bytes + other.Bytes, c.Errors + other.Errors, c.Handled + other.Handled, c.Minutes | other.Minutes}
}

// Hour is what groups counted in one hour, by their keys.
type Hour map[string]Counted

// Add adds what a series counted in the hour, or in a part of it, to its group of a grouping, if it belongs to one.
func (h Hour) Add(grouping *telemetry.Grouping, labels *telemetry.Labels, counted Counted) {
	values, ok := grouping.Values(labels)
	if !ok {
		return
	}
	key := telemetry.GroupKey(grouping.ID, values)
	h[key] = h[key].With(counted)
}

// pastFields are those of Span that are made of what Past counts.
var pastFields = []string{"tps", "bps", "messages", "bytes", "errors", "error_rate"}

// values are the fields of a count, in the order of pastFields, and the share of minutes with messages.
func (c Counted) values() [7]float64 {
	seconds := time.Hour.Seconds()
	failed := float64(c.Errors)
	return [7]float64{float64(c.Messages) / seconds, float64(c.Bytes) / seconds, float64(c.Messages), float64(c.Bytes), failed,
		ratio(failed, float64(c.Messages)+failed-float64(min(c.Handled, c.Messages))), float64(bits.OnesCount64(c.Minutes)) / time.Hour.Minutes()}
}

// span has the fields of a count; the others are NaN.
func (c Counted) span() Span {
	out, read := unknownSpan(), c.values()
	out.TPS, out.BPS, out.Messages, out.Bytes, out.Errors, out.ErrorRate = read[0], read[1], read[2], read[3], read[4], read[5]
	return out
}

// pastSpan is how far back ago looks where that is further than what is kept: whole hours. It is 0 of all other nodes.
func pastSpan(node ast.Node) time.Duration {
	if function, spans := SpanCall(node); function == agoName && len(spans) == 1 {
		if back, err := parseDuration(spans[0]); err == nil && isPast(back) {
			return back
		}
	}
	return 0
}

func isPast(back time.Duration) bool {
	return back > MaxSpan && back <= MaxPast && back%time.Hour == 0
}

// fieldElsewhere holds a field of another span against those that there are.
func (r *reader) fieldElsewhere(n *ast.MemberNode, name string) {
	r.momentary(name, n)
	function, _ := SpanCall(n.Node)
	switch {
	case function == baselineFunction && !slices.Contains(baselineFields, name):
		hint := didYouMean(name, baselineFields)
		if hint == "" {
			hint = "it has " + strings.Join(baselineFields, ", ")
		}
		r.fail(n.Property, fmt.Sprintf("baseline has no %s", name), hint)
	case r.lane == LaneRealtime && pastSpan(n.Node) > 0 && !slices.Contains(pastFields, name):
		r.fail(n.Node, fmt.Sprintf("ago of more than %s has no %s", FormatDuration(MaxSpan), name), "it has "+strings.Join(pastFields, ", "))
	}
}

// past is the hour in which a window that ended so long before an evaluation did, false where it is not known.
func (e *Evaluator) past(rule *Rule, g *groupState, ended time.Time) (Span, bool) {
	if e.config.Past == nil {
		return unknownSpan(), false
	}
	hour := hourOf(ended, e.config.Pane)
	if next := hourOf(ended.Add(pastAhead), e.config.Pane); next.After(hour) {
		e.config.Past.Hour(&rule.Grouping, g.key, next)
	}
	counted, knowledge := e.config.Past.Hour(&rule.Grouping, g.key, hour)
	if knowledge != Known {
		return unknownSpan(), false
	}
	return counted.span(), true
}

// hourOf is the clock hour in which a window ended, of whole panes.
func hourOf(ended time.Time, pane time.Duration) time.Time {
	return ended.Add(-pane).Truncate(time.Hour)
}

// LooksPast says that the rule looks further back than what is kept, which Config.Past answers.
func (r *Rule) LooksPast() bool { return len(r.reads.past)+len(r.reads.baseline) > 0 }

// PastHours are the beginnings of the hours that it asks of at the end of a pane.
func (r *Rule) PastHours(at time.Time, pane time.Duration) []time.Time {
	var out []time.Time
	for _, back := range r.reads.past {
		out = append(out, hourOf(at.Add(-back), pane))
	}
	for _, span := range r.reads.baseline {
		for back := Day; back <= span; back += Day {
			out = append(out, hourOf(at, pane).Add(-back))
		}
	}
	return out
}
