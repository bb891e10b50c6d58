package rules

import (
	"math/bits"
	"slices"
	"time"

	"github.com/weirmq/weir/rules/kernel"
)

// foreseenGroups is how many groups are looked at on end, through all steps. Not fewer: each operation costs some nanoseconds by
// itself; not more: what a few minutes hold of them shall stay in the processor's cache, and a found one is a bit of a uint32.
const foreseenGroups = 32

// Bounds of what is foreseen at once.
const (
	// Not fewer: what is read from memory for one step serves the next ones; not more: each holds its findings.
	maxForeseenSteps = 64
	// For a batch, a bit each. Not fewer: 10,000 groups and 1,000 rules would foresee a step or two; not more: it is 8 MiB.
	maxForeseen = 1 << 26
)

// foresight is where conditions of a batch are true at steps to come, all panes of which have come.
type foresight struct {
	from   time.Time // the first step
	steps  int
	groups []*groupState // in the order of their keys
	found  []uint32      // a bit for each of foreseenGroups, by these, step and rule
}

// foresee finds what is true at the steps from a time to another, if there are several. What an Evaluator knows changes by its
// steps only in alerts, which no column reads; so that a few groups are taken through all steps before the next ones.
func (e *Evaluator) foresee(from, until time.Time) {
	if e.foreseen.After(from) || !until.After(from) {
		return
	}
	steps := min(int(until.Sub(from)/e.config.Pane)+1, maxForeseenSteps)
	byGrouping := map[string][]*groupState{}
	for _, g := range e.ordered() {
		byGrouping[g.grouping] = append(byGrouping[g.grouping], g)
	}
	for _, b := range e.batches {
		steps = min(steps, max(maxForeseen/(len(b.rules)*max(len(byGrouping[b.grouping]), 1)), 1))
	}
	for _, b := range e.batches {
		began := time.Now()
		b.foresight = foresight{from: from, steps: steps, groups: byGrouping[b.grouping], found: b.foresight.found}
		b.foresee(e)
		b.took = time.Since(began) / time.Duration(steps*len(b.rules))
	}
	e.foreseen = from.Add(time.Duration(steps) * e.config.Pane)
}

// foresee fills the foresight of a batch.
func (b *batch) foresee(e *Evaluator) {
	f := &b.foresight
	f.found = slices.Grow(f.found[:0], (len(f.groups)/foreseenGroups+1)*f.steps*len(b.rules))
	for some := range slices.Chunk(f.groups, foreseenGroups) {
		rows := kernel.FirstRows(len(some))
		for _, g := range some {
			g.foreseen = f.from.Add(time.Duration(f.steps) * e.config.Pane).Unix()
		}
		for step := range f.steps {
			b.columns.begin(e, some, f.from.Add(time.Duration(step)*e.config.Pane))
			b.run.Begin(0)
			for i := range b.rules {
				var found uint32
				if b.rules[i].lowered {
					where := b.run.Eval(b.rules[i].condition, &rows)
					found = uint32(where[0])
				}
				f.found = append(f.found, found)
			}
		}
	}
}

// look appends to the candidates of the rules that are known where their conditions were foreseen to be true, among the groups of
// a step. It returns false where that step was not foreseen.
func (b *batch) look(e *Evaluator, groups []*groupState, at time.Time) bool {
	f := &b.foresight
	step := int(at.Sub(f.from) / e.config.Pane)
	if at.Before(f.from) || step >= f.steps || !e.foreseen.After(at) {
		return false
	}
	for i := range b.rules {
		r := &b.rules[i]
		if !r.known {
			continue
		}
		for chunk := 0; chunk*foreseenGroups < len(f.groups); chunk++ {
			for word := f.found[(chunk*f.steps+step)*len(b.rules)+i]; word != 0; word &= word - 1 {
				if g := f.groups[chunk*foreseenGroups+bits.TrailingZeros32(word)]; g.row != absentRow {
					r.candidates = append(r.candidates, g.row)
				}
			}
		}
	}
	for _, g := range groups {
		if g.foreseen <= at.Unix() { // it came since, for its alert
			b.askOf(g.row)
		}
	}
	return true
}

// askOf makes a row a candidate of all rules that are known.
func (b *batch) askOf(row int32) {
	for i := range b.rules {
		if r := &b.rules[i]; r.known {
			at, _ := slices.BinarySearch(r.candidates, row)
			r.candidates = slices.Insert(r.candidates, at, row)
		}
	}
}
