package weir

import (
	"testing"

	"github.com/weirmq/weir/telemetry"
)

// seriesOf names the reports that totals are of; "" is any.
type seriesOf struct{ op, topic, group string }

func (s seriesOf) has(l *telemetry.Labels) bool {
	return (s.op == "" || s.op == l.Op) && (s.topic == "" || s.topic == l.Topic) && (s.group == "" || s.group == l.Group)
}

// totals are what reports add up to.
type totals struct {
	telemetry.Report
	errors map[string]uint64
	events map[telemetry.EventKind]int
}

func sum(reports []received, of seriesOf) totals {
	return sumWhere(reports, func(r *received) bool { return of.has(&r.Labels) })
}

func sumWhere(reports []received, has func(*received) bool) totals {
	out := totals{errors: map[string]uint64{}, events: map[telemetry.EventKind]int{}}
	for i := range reports {
		if !has(&reports[i]) {
			continue
		}
		r := &reports[i].Report
		out.Messages += r.Messages
		out.Bytes += r.Bytes
		out.Rebalances += r.Rebalances
		out.DroppedReports += r.DroppedReports
		out.LatencyMicros.Merge(&r.LatencyMicros)
		out.DelayMicros.Merge(&r.DelayMicros)
		out.SizeBytes.Merge(&r.SizeBytes)
		out.Exemplars = append(out.Exemplars, r.Exemplars...)
		for _, e := range r.Errors {
			out.errors[e.Class] += e.Count
		}
		for _, e := range r.Events {
			out.events[e.Kind]++
		}
	}
	return out
}

// want holds numbers that must be equal, by what they count.
func want(t testing.TB, what string, got, expected uint64) {
	t.Helper()
	if got != expected {
		t.Errorf("%s: got %d, want %d", what, got, expected)
	}
}

// wantErrors holds that failures are of these classes and no others.
func wantErrors(t testing.TB, of totals, expected map[string]uint64) {
	t.Helper()
	for class, count := range expected {
		want(t, "errors of class "+class, of.errors[class], count)
	}
	for class, count := range of.errors {
		if _, ok := expected[class]; !ok {
			t.Errorf("%d errors of class %s: want none", count, class)
		}
	}
}
