package rules

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// randomCondition writes a condition over two gauges, of which lag is always known.
func randomCondition(r *rand.Rand, depth int) string {
	if depth == 0 {
		field := []string{"lag", "members", "lag + members", "lag * 2"}[r.IntN(4)]
		return fmt.Sprintf("%s %s %d", field, []string{"<", "<=", ">", ">=", "==", "!="}[r.IntN(6)], r.IntN(5))
	}
	a, b := randomCondition(r, depth-1), randomCondition(r, depth-1)
	switch r.IntN(7) {
	case 0:
		return "not (" + a + ")"
	case 1:
		return "(" + a + ") == (" + b + ")"
	case 2:
		return "(" + a + ") != (" + b + ")"
	case 3:
		return "(" + a + ") ? (" + b + ") : (" + randomCondition(r, depth-1) + ")"
	case 4:
		return "(" + a + ") or (" + b + ")"
	}
	return "(" + a + ") and (" + b + ")"
}

// TestTruthOfTheUnknown compares what is said of conditions with an unknown gauge with what they are for every value that it may
// have: what is certain is true of all, and what is not possible false of all.
func TestTruthOfTheUnknown(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	certain, impossible, neither := 0, 0, 0
	for range 2000 {
		text := randomCondition(r, 1+r.IntN(3))
		compiled, err := compileExpr(text, nil, LaneRealtime)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		rule := &Rule{condition: compiled}
		view := &View{}
		view.Lag, view.Members = float64(r.IntN(5)), math.NaN()
		active, indefinite, err := rule.holds(view, func() bool { return false })
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		switch {
		case active:
			certain++
		case indefinite:
			neither++
		default:
			impossible++
		}
		for members := range 12 {
			view.Members = float64(members) / 2
			now, unknown, err := rule.holds(view, func() bool { return false })
			if err != nil || unknown {
				t.Fatalf("%s with members %g is unknown: %v", text, view.Members, err)
			}
			if !indefinite && now != active {
				t.Fatalf("%s with lag %g: it is %t where members is unknown, %t where it is %g", text, view.Lag, active, now, view.Members)
			}
		}
	}
	if certain < 100 || impossible < 100 || neither < 100 {
		t.Errorf("%d were certain, %d impossible, %d neither", certain, impossible, neither)
	}
}

// TestManyConditionsAreCompared holds that a condition of hundreds that are compared, denied and chosen between is loaded: what is made of
// it grows as it does.
func TestManyConditionsAreCompared(t *testing.T) {
	for _, form := range []string{"(%s) == (members > %d)", "((%s) != (members > %d)) and lag > 0", "((%s) ? members > %d : lag < 0) and lag > 0"} {
		text := "lag > 1"
		for i := range 200 {
			text = fmt.Sprintf(form, text, i)
		}
		compiled, err := compileExpr(text, nil, LaneRealtime)
		if err != nil {
			t.Fatalf("%s: %v", form, err)
		}
		view := &View{}
		view.Lag, view.Members = 2, math.NaN()
		if active, indefinite, err := (&Rule{condition: compiled}).holds(view, func() bool { return false }); active || !indefinite || err != nil {
			t.Errorf("%s with members unknown is active %t, indefinite %t: %v", form, active, indefinite, err)
		}
	}
}

// TestEveryGaugeFieldIsUnknownWithoutReports holds that no gauge that nobody reported is 0, but those that clients
// report only while there is something to say.
func TestEveryGaugeFieldIsUnknownWithoutReports(t *testing.T) {
	s := stretch{seconds: 10}
	s.totals.Reports = 1
	span := s.span(0)
	for _, field := range GaugeFields {
		got, ok := span.number(field.Field)
		if !ok {
			t.Errorf("a span has no field %s", field.Field)
		}
		if field.ZeroWhereAbsent && got != 0 || !field.ZeroWhereAbsent && !math.IsNaN(got) {
			t.Errorf("%s without its gauge %s is %g", field.Field, field.Gauge, got)
		}
	}
	s.totals.Reports = 0
	if span := s.span(0); !math.IsNaN(span.PausedClients) {
		t.Errorf("nobody reported: paused_clients is %g, want NaN", span.PausedClients)
	}
}
