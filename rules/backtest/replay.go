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
	plan     Plan
	sets     []*rules.Set
	dispatch dispatch
	workers  []*worker
	running  sync.WaitGroup
}

// NewReplay starts the plan's workers. Finish must be called to end them.
func NewReplay(plan Plan, sets ...*rules.Set) *Replay {
	groupings, workers := groupingsOf(sets), min(plan.Workers, int(plan.Partitions))
	r := &Replay{plan: plan, sets: sets,
		dispatch: dispatch{plan: plan, groupings: groupings, workers: workers, numbers: map[telemetry.Source]int32{}}}
	for i := range workers {
		w := newWorker(plan, sets, groupings)
		for partition := int32(i); partition < plan.Partitions; partition += int32(workers) {
			w.own(partition)
		}
		r.workers = append(r.workers, w)
		r.running.Go(w.run)
	}
	return r
}

// Take evaluates what was read: cells of panes from where the last call's ended. It waits
// while the workers have much to do. The cells are the replay's from then on.
func (r *Replay) Take(cells *telemetry.StoredCells) {
	for i, batch := range r.dispatch.split(cells) {
		r.workers[i].work <- batch
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
