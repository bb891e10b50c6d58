// Package backtest evaluates rules over history: it feeds cells that a store gives back to
// the same Evaluator that runs live, and makes timelines of its alerts, their difference
// and figures of their noise.
package backtest

import (
	"fmt"
	"time"

	"github.com/weirmq/weir/rules"
	"github.com/weirmq/weir/telemetry"
)

// Plan says of which time rules are evaluated, and what must be read for it.
type Plan struct {
	From, To time.Time // whole panes; alerts that were over at From are not told
	Pane     time.Duration
	// EvaluateFrom is before From by the longest time that an alert is pending or kept firing, so
	// that alerts which From finds pending or firing are.
	EvaluateFrom time.Time
	ReadFrom     time.Time       // before EvaluateFrom by the longest lookback
	Omit         telemetry.Parts // what no rule reads
	// Partitions is how many evaluators share the groups, by telemetry.GroupPartition: as live, limits
	// are for each of them.
	Partitions int32
	Workers    int // goroutines that evaluate, at least 1
	// Begun says that the store has cells from before ReadFrom: all since then is known. Else what is
	// before the first cell is unknown, as it is to a pipeline that starts.
	Begun bool
	// Since is the store's first pane. Where that is after From, figures of a day are of the time from then on.
	Since time.Time
	// Past answers of hours past; nil knows nothing.
	Past rules.Past
}

// extraPanes is how much more is read than the lookback. Not less: the evaluator asks for as
// much after a restart; not more: it is read for nothing.
const extraPanes = 2

// NewPlan plans for several sets of rules at once, with one worker and one partition. From
// and to are rounded down to panes.
func NewPlan(from, to time.Time, pane time.Duration, sets ...*rules.Set) (Plan, error) {
	p := Plan{From: from.Truncate(pane).UTC(), To: to.Truncate(pane).UTC(), Pane: pane, Partitions: 1, Workers: 1, Omit: telemetry.AllParts}
	if !p.To.After(p.From) {
		return p, fmt.Errorf("plan a backtest: from %s to %s is no whole pane of %s; give a longer time", from.Format(time.RFC3339), to.Format(time.RFC3339), pane)
	}
	var lookback, settle time.Duration
	for _, set := range sets {
		lookback = max(lookback, set.Lookback())
		for _, rule := range set.Rules {
			settle = max(settle, rule.For+rule.KeepFiringFor)
		}
		for _, grouping := range set.Groupings() {
			p.Omit &= grouping.Omit
		}
	}
	p.EvaluateFrom = p.From.Add(-settle).Truncate(pane)
	p.ReadFrom = p.EvaluateFrom.Add(-lookback).Truncate(pane).Add(-extraPanes * pane)
	return p, nil
}

// groupingsOf are those of all sets, each once, without what no rule of any set reads.
func groupingsOf(sets []*rules.Set) []telemetry.Grouping {
	var out []telemetry.Grouping
	place := map[string]int{}
	for _, set := range sets {
		for _, grouping := range set.Groupings() {
			at, ok := place[grouping.ID]
			if !ok {
				place[grouping.ID] = len(out)
				out = append(out, grouping)
				continue
			}
			out[at].Omit &= grouping.Omit
		}
	}
	return out
}
