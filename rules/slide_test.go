package rules

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/weirmq/weir/telemetry"
)

// TestSlidesAreWhatIsAddedUpAnew moves a slide along panes that come, stay away, change after they were read and are forgotten,
// in steps of several lengths, asks for some sections at each, and adds up the same panes as rules that are asked alone do.
func TestSlidesAreWhatIsAddedUpAnew(t *testing.T) {
	const pane, window, steps = 10, 70, 3000
	f := newFleet(t, []string{"tps > 0"}, 0, 0)
	random := rand.New(rand.NewPCG(7, 7))
	add := func(g *groupState, start int64) {
		totals := f.totals(1)
		at := g.panes.made(start)
		*at = startedPane{start: start, paneState: &paneState{}}
		at.put(contribution{totals: &totals, own: true}, false)
	}
	g, kept, to, compared := &groupState{}, slide{}, int64(window), 0
	of := slider{&kept, g, pane}
	for range steps {
		for range 1 + random.IntN(3)*random.IntN(6) {
			if random.IntN(4) > 0 {
				add(g, to)
			}
			to += pane
		}
		if random.IntN(5) == 0 {
			add(g, to-pane*int64(1+random.IntN(9)))
			g.changes++
		}
		at := stand{to - window, to, to - window - pane*int64(random.IntN(3))}
		g.panes.forget(at.oldest)
		anew := f.stretchOf(g, time.Unix(at.from, 0), time.Unix(at.to, 0), telemetry.AllParts)
		for section := sectionCounters; section <= sectionDeparted; section++ {
			if !section.slides() || random.IntN(3) == 0 {
				continue
			}
			var slid stretch
			of.stand(at, section.needs())
			of.show(section, &slid)
			for name, field := range fieldSections {
				if field.section != section {
					continue
				}
				compared++
				if got, want := field.read(&slid), field.read(anew); got != want {
					t.Fatalf("%s of %d s to %d: %g, added up anew %g", name, window, to, got, want)
				}
			}
		}
	}
	if compared < 10*steps {
		t.Fatalf("%d values were compared in %d steps", compared, steps)
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
			want[start] = list.made(start).paneState
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
