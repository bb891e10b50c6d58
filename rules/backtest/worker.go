package backtest

import (
	"math"
	"time"

	"github.com/weirmq/weir/rules"
	"github.com/weirmq/weir/telemetry"
)

// worker folds the groups of its partitions and evaluates them.
type worker struct {
	plan       Plan
	sets       []*rules.Set
	work       chan batch
	evaluators map[int32]*partition
	fold       *fold
}

// partition is what evaluates one partition's groups.
type partition struct {
	bySet       []*rules.Evaluator
	transitions [][]telemetry.Alert // by set
}

// ahead is how many batches of cells may wait for a worker. Not fewer: reading would wait
// for evaluation; not more: each holds ten megabytes and more.
const ahead = 1

// maxGroups is that of each evaluator: what does not fit into memory ends the process, and
// what is left out of a backtest would be missing from its alerts. rules.DefaultMaxGroups
// is for a process that must go on.
const maxGroups = math.MaxInt

func newWorker(plan Plan, sets []*rules.Set, groupings []telemetry.Grouping) *worker {
	w := &worker{plan: plan, sets: sets, work: make(chan batch, ahead), evaluators: map[int32]*partition{}}
	w.fold = newFold(groupings, func(key string) (int32, bool) {
		partition := telemetry.GroupPartition(key, plan.Partitions)
		return partition, w.evaluators[partition] != nil
	})
	return w
}

// own takes a partition on.
func (w *worker) own(number int32) {
	p := &partition{transitions: make([][]telemetry.Alert, len(w.sets))}
	for _, set := range w.sets {
		e := rules.NewEvaluator(set, rules.Config{Pane: w.plan.Pane, MaxGroups: maxGroups, Past: w.plan.Past, Settled: true})
		if w.plan.Begun {
			begins := map[string]time.Time{}
			for _, grouping := range set.Groupings() {
				begins[grouping.ID] = w.plan.ReadFrom
			}
			e.Restore(nil, rules.Progress{EvaluatedUntil: w.plan.EvaluateFrom, HeardUntil: w.plan.EvaluateFrom, Begins: begins})
		}
		p.bySet = append(p.bySet, e)
	}
	w.evaluators[number] = p
}

func (w *worker) run() {
	steps, cells := 0, 0
	for batch := range w.work {
		for i := range batch.panes {
			p := &batch.panes[i]
			w.take(p, batch.labels)
			if steps, cells = steps+1, cells+len(p.cells); steps == stepsAtOnce || cells >= cellsAtOnce {
				w.advance()
				steps, cells = 0, 0
			}
		}
	}
	w.advance()
}

// Bounds of what may come before it is evaluated.
const (
	// Not fewer panes: an evaluator takes a few groups through all steps while their panes are in the processor's cache, which pays
	// when there are more than windows have; not more: what comes last waits for it.
	stepsAtOnce = 64
	// Not fewer cells: a thousand groups have as many in stepsAtOnce; not more: a cell takes a kilobyte.
	cellsAtOnce = 1 << 16
)

// take takes what one pane holds: the store has all of it.
func (w *worker) take(p *paneCells, labels []*telemetry.Labels) {
	for source := p.known; source < p.sources; source++ {
		w.watermark(telemetry.Watermark{Source: telemetry.Source{Partition: source}, EventTime: p.start, At: p.clock, Sources: p.sources})
	}
	w.fold.take(p, labels, func(partition int32, partial *rules.Partial) {
		for _, e := range w.evaluators[partition].bySet {
			e.ApplyPartial(partial)
		}
	})
	end := p.start.Add(w.plan.Pane)
	for source := range p.sources {
		w.watermark(telemetry.Watermark{Source: telemetry.Source{Partition: source}, EventTime: end, At: later(p.clock, end), Sources: p.sources})
	}
}

// watermark tells all evaluators how far a source has come.
func (w *worker) watermark(mark telemetry.Watermark) {
	for _, p := range w.evaluators {
		for _, e := range p.bySet {
			e.ApplyWatermark(mark)
		}
	}
}

// advance evaluates all that has come.
func (w *worker) advance() {
	for _, p := range w.evaluators {
		for i, e := range p.bySet {
			for _, alert := range e.Advance() {
				if alert.Transition {
					p.transitions[i] = append(p.transitions[i], alert)
				}
			}
		}
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
