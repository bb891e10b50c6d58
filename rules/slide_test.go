package rules

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/weirmq/weir/telemetry"
)

// TestSlidesAreWhatIsAddedUpAnew moves every section along panes that come, stay away, change after they were read and are
// forgotten, in steps of several lengths, and adds up the same panes anew.
func TestSlidesAreWhatIsAddedUpAnew(t *testing.T) {
	const pane, window, panes = 10, 70, 400
	f := newFleet(t, []string{"tps > 0"}, 0, 0)
	random := rand.New(rand.NewPCG(7, 7))
	for section := sectionCounters; section <= sectionDeparted; section++ {
		if !section.slides() {
			continue
		}
		g := &groupState{}
		kept, to := slide{}, int64(window)
		for to < panes*pane {
			step := int64(1 + random.IntN(3)*random.IntN(6))
			for range step {
				if random.IntN(4) > 0 {
					totals := f.totals(1)
					*g.panes.made(to) = paneState{parts: []contribution{{totals: &totals}}}
				}
				to += pane
			}
			if random.IntN(5) == 0 {
				totals := f.totals(1)
				*g.panes.made(to - pane*int64(1+random.IntN(9))) = paneState{parts: []contribution{{totals: &totals}}}
				g.changes++
			}
			oldest := to - window - pane*int64(random.IntN(3))
			g.panes.forget(oldest)
			var slid, anew stretch
			of := slider{&kept, section, g, pane}
			of.move(to-window, to, oldest)
			of.show(&slid)
			fresh := slider{&slide{}, section, g, pane}
			fresh.move(to-window, to, oldest)
			fresh.show(&anew)
			for name, field := range fieldSections {
				if field.section != section {
					continue
				}
				if got, want := field.read(&slid), field.read(&anew); got != want {
					t.Fatalf("%s of %d s to %d: %g, added up anew %g", name, window, to, got, want)
				}
			}
		}
	}
}

// TestSlidesGoOnThroughSteps holds that a batch whose sums slide finds what rules asked one by one do, at every one of many
// steps: while groups come and go, while a part of an expression is asked for only at times, and after a pane that was evaluated changed.
func TestSlidesGoOnThroughSteps(t *testing.T) {
	conditions := append([]string{"tps > 40 and p99 > 99.9ms", "errors > 60 and size_max > 99KB | 30s", "tps > 48 and error_rate > 5% and volatility > 3 | 3m"}, fieldConditions...)
	f := newFleet(t, conditions, 60, 1)
	grouping := f.set.Groupings()[0]
	batch := f.batches[grouping.ID]
	for number := range 40 {
		f.hear(30 + f.random.IntN(30))
		if number%7 == 0 {
			again := telemetry.GroupPartial{Pane: f.at.Add(-4 * fleetPane), Totals: f.totals(number % 30)}
			again.Totals.Reports = 1000 + uint64(number)
			f.Apply(&telemetry.GroupBatch{Source: telemetry.Source{TopicID: [16]byte{2}}, Groups: []telemetry.GroupPartials{{Grouping: grouping.ID, Omitted: grouping.Omit,
				Values: []string{fmt.Sprintf("eu-%d", number%30%3), fmt.Sprintf("orders-%05d", number%30), fmt.Sprintf("S%d", 1+number%30%4)}, Partials: []telemetry.GroupPartial{again}}}})
		}
		f.Advance()
		groups := f.present(f.at)[batch.grouping]
		batch.evaluate(f.Evaluator, groups, f.at)
		for i := range batch.rules {
			if batch.rules[i].known {
				f.sameCandidates(t, &batch.rules[i], groups)
			}
		}
	}
}

func (f *fleet) sameCandidates(t *testing.T, found *batchRule, groups []*groupState) {
	t.Helper()
	candidates := map[int32]bool{}
	for _, row := range found.candidates {
		candidates[row] = true
	}
	for row, g := range groups {
		verdict, err := f.ask(found.rule, g, f.at)
		if err != nil {
			t.Fatal(err)
		}
		if verdict.active != candidates[int32(row)] {
			t.Fatalf("%s of %v at %s: asked alone it is %t", found.rule.ExprText, g.values, f.at.Format(time.TimeOnly), verdict.active)
		}
	}
}

// TestPanesAreFoundByTheirStart holds a list of panes against a map: while panes come in order, late, and far apart, and while
// old ones are forgotten.
func TestPanesAreFoundByTheirStart(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 3))
	for _, gap := range []int{1, 2, 50} {
		var list paneList
		want := map[int64]*paneState{}
		newest := int64(1000)
		for range 2000 {
			newest += 10 * int64(random.IntN(1+gap))
			start := newest
			if random.IntN(4) == 0 {
				start -= 10 * int64(random.IntN(40))
			}
			want[start] = list.made(start)
			oldest := newest - 10*int64(300+random.IntN(5))
			list.forget(oldest)
			maps.DeleteFunc(want, func(start int64, _ *paneState) bool { return start < oldest })
			asked := newest - 10*int64(random.IntN(320)-5)
			if got := list.at(asked); got != want[asked] || len(list) != len(want) {
				t.Fatalf("gap %d: the pane at %d is %p of %d, want %p of %d", gap, asked, got, len(list), want[asked], len(want))
			}
		}
	}
}
