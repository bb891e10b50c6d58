package reported

import (
	"testing"

	"github.com/weirmq/weir/telemetry"
)

// Series names the reports that totals are of; "" is any.
type Series struct{ Op, Topic, Group string }

func (s Series) has(l *telemetry.Labels) bool {
	return (s.Op == "" || s.Op == l.Op) && (s.Topic == "" || s.Topic == l.Topic) && (s.Group == "" || s.Group == l.Group)
}

// Totals are what reports add up to.
type Totals struct {
	telemetry.Report
	ErrorsByClass map[string]uint64
	EventsByKind  map[telemetry.EventKind]int
}

// Sum adds up the reports of some series.
func Sum(reports []Report, of Series) Totals {
	return SumWhere(reports, func(r *Report) bool { return of.has(&r.Labels) })
}

// SumWhere adds up some reports.
func SumWhere(reports []Report, has func(*Report) bool) Totals {
	out := Totals{ErrorsByClass: map[string]uint64{}, EventsByKind: map[telemetry.EventKind]int{}}
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
			out.ErrorsByClass[e.Class] += e.Count
		}
		for _, e := range r.Events {
			out.EventsByKind[e.Kind]++
		}
	}
	return out
}

// Want holds numbers that must be equal, by what they count.
func Want(t testing.TB, what string, got, expected uint64) {
	t.Helper()
	if got != expected {
		t.Errorf("%s: got %d, want %d", what, got, expected)
	}
}

// WantErrors holds that failures are of these classes and no others.
func WantErrors(t testing.TB, of Totals, expected map[string]uint64) {
	t.Helper()
	for class, count := range expected {
		Want(t, "errors of class "+class, of.ErrorsByClass[class], count)
	}
	for class, count := range of.ErrorsByClass {
		if _, ok := expected[class]; !ok {
			t.Errorf("%d errors of class %s: want none", count, class)
		}
	}
}
