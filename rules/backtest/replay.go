package backtest

import (
	"cmp"
	"slices"
	"sync"

	"github.com/weirmq/weir/rules"
	"github.com/weirmq/weir/telemetry"
)

// Replay evaluates sets of rules over the same cells in one pass.
type Replay struct {
	plan    Plan
	sets    []*rules.Set
	workers []*worker
	running sync.WaitGroup
}

// NewReplay starts the plan's workers. Finish must be called to end them.
func NewReplay(plan Plan, sets ...*rules.Set) *Replay {
	r := &Replay{plan: plan, sets: sets}
	groupings := groupingsOf(sets)
	for i := range min(plan.Workers, int(plan.Partitions)) {
		w := newWorker(plan, sets, groupings)
		for partition := int32(i); partition < plan.Partitions; partition += int32(plan.Workers) {
			w.own(partition)
		}
		r.workers = append(r.workers, w)
		r.running.Go(w.run)
	}
	return r
}

// Take evaluates what was read: cells of panes from where the last call's ended. It waits
// while the workers have much to do. Cells are not changed.
func (r *Replay) Take(cells *telemetry.StoredCells) {
	for _, w := range r.workers {
		w.work <- cells
	}
}

// Finish ends the workers and returns the timeline of each set of rules.
func (r *Replay) Finish() []*Timeline {
	for _, w := range r.workers {
		close(w.work)
	}
	r.running.Wait()
	out := make([]*Timeline, len(r.sets))
	for i, set := range r.sets {
		var transitions []telemetry.Alert
		out[i] = &Timeline{From: r.plan.From, To: r.plan.To, Since: later(r.plan.From, r.plan.Since)}
		for _, w := range r.workers {
			for _, at := range w.evaluators {
				transitions = append(transitions, at.transitions[i]...)
				out[i].Failures += at.bySet[i].Stats().EvaluationFailures
			}
		}
		slices.SortStableFunc(transitions, func(a, b telemetry.Alert) int {
			return cmp.Or(a.EvaluatedAt.Compare(b.EvaluatedAt), cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.GroupKey, b.GroupKey), cmp.Compare(a.Seq, b.Seq))
		})
		out[i].Transitions = transitions
		out[i].tell(set)
	}
	return out
}
