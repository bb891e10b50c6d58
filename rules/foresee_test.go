package rules

import (
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weirmq/weir/telemetry"
)

// TestStepsAtOnceAreStepsOneByOne holds that how many panes come before they are evaluated changes no alert, while groups come, go
// and are forgotten.
func TestStepsAtOnceAreStepsOneByOne(t *testing.T) {
	conditions := append([]string{"tps > 40 and p99 > 99.9ms", "tps < 3 | 30s", "prev.tps > 20 and tps < 10", "ago(\"1m\").tps > 30 and tps == 0", `topic endsWith "7" and tps > 10`}, fieldConditions...)
	for _, most := range []int{3, 2 * maxForeseenSteps} {
		alone, together := newFleet(t, conditions, 0, 0), newFleet(t, conditions, 0, 0)
		random := rand.New(rand.NewPCG(uint64(most), 5))
		changes := 0
		for pane := 0; pane < 60; {
			var want []telemetry.Alert
			for range 1 + random.IntN(most) {
				groups := max(14-pane/4, 2) // fewer and fewer
				alone.hear(groups)
				want = append(want, alone.Advance()...)
				together.hear(groups)
				pane++
			}
			if got := together.Advance(); !reflect.DeepEqual(got, want) {
				diff := cmp.Diff(want, got)
				t.Fatalf("until pane %d steps at once find something else (-one by one +at once):\n%s", pane, diff[:min(len(diff), 6000)])
			}
			changes += len(want)
		}
		if changes < 1000 {
			t.Fatalf("%d changes", changes)
		}
		if alone.Stats() != together.Stats() {
			t.Fatalf("stats %+v, one by one %+v", together.Stats(), alone.Stats())
		}
	}
}
