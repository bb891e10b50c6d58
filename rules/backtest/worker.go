package backtest

import (
	"math"
	"sort"
	"time"

	"github.com/weirmq/weir/rules"
	"github.com/weirmq/weir/telemetry"
)

// worker folds the groups of its partitions and evaluates them.
type worker struct {
	plan       Plan
	sets       []*rules.Set
	work       chan *telemetry.StoredCells
	evaluators map[int32]*partition
	fold       *fold
	started    bool
	clock      time.Time // as the aggregator's was: not before any segment that was seen
}

// partition is what evaluates one partition's groups.
type partition struct {
	bySet       []*rules.Evaluator
	transitions [][]telemetry.Alert // by set
}

// ahead is how many batches of cells may wait for a worker. Not fewer: reading would wait
// for evaluation; not more: each holds hundreds of megabytes.
const ahead = 1

// maxGroups is that of each evaluator: what does not fit into memory ends the process, and
// what is left out of a backtest would be missing from its alerts. rules.DefaultMaxGroups
// is for a process that must go on.
const maxGroups = math.MaxInt

func newWorker(plan Plan, sets []*rules.Set, groupings []telemetry.Grouping) *worker {
	w := &worker{plan: plan, sets: sets, work: make(chan *telemetry.StoredCells, ahead), evaluators: map[int32]*partition{}}
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
	for cells := range w.work {
		rest := cells.Cells
		for pane := cells.From; pane.Before(cells.To); pane = pane.Add(w.plan.Pane) {
			n := sort.Search(len(rest), func(i int) bool { return rest[i].PaneUnix > pane.Unix() })
			w.step(pane, rest[:n], cells.Labels)
			rest = rest[n:]
		}
	}
}

// step evaluates one pane. A store without cells from before the range is a pipeline that
// starts with its first ones.
func (w *worker) step(pane time.Time, cells []telemetry.StoredCell, labels []*telemetry.Labels) {
	if !w.started && !w.plan.Begun && len(cells) == 0 {
		return
	}
	w.clock = later(w.clock, pane)
	for i := range cells {
		w.clock = later(w.clock, cells[i].Segment.Begin())
	}
	known := w.fold.sources()
	w.fold.takeSources(cells)
	if !w.started {
		known = 0
	}
	w.started = true
	for source := known; source < w.fold.sources(); source++ {
		w.watermark(source, pane)
	}
	w.fold.take(pane, cells, labels, func(partition int32, partial *rules.Partial) {
		for _, e := range w.evaluators[partition].bySet {
			e.ApplyPartial(partial)
		}
	})
	end := pane.Add(w.plan.Pane)
	w.clock = later(w.clock, end)
	for source := range w.fold.sources() {
		w.watermark(source, end)
	}
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

// watermark tells all evaluators how far a source has come: the store has all of it.
func (w *worker) watermark(source int32, at time.Time) {
	mark := telemetry.Watermark{Source: telemetry.Source{Partition: source}, EventTime: at, At: w.clock, Sources: w.fold.sources()}
	for _, p := range w.evaluators {
		for _, e := range p.bySet {
			e.ApplyWatermark(mark)
		}
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
