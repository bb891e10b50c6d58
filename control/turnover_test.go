package control_test

import (
	"testing"
	"time"

	"github.com/weirmq/weir/control"
)

// TestTurnover tells the story of a topic, and holds at each step whether what was read of it counts.
func TestTurnover(t *testing.T) {
	t.Parallel()
	const almost = control.FormerFor - time.Second
	now := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	var of control.Turnover
	for _, step := range []struct {
		what    string
		after   time.Duration
		anew    bool
		records int
		end     bool
		counts  bool
	}{
		{what: "nothing was read"},
		{what: "a piece of it was read", records: 100},
		{what: "its end is seen", records: 1, end: true, counts: true},
		{what: "it is made anew", anew: true},
		{what: "the new one is empty", after: time.Second, end: true},
		{what: "it is empty still", after: almost - time.Second, end: true},
		{what: "it was empty for long", after: time.Second, counts: true},
		{what: "it is made anew once more", anew: true},
		{what: "of that a piece was read", after: time.Hour, records: 1},
		{what: "its end is seen, too", end: true, counts: true},
		{what: "it goes on", after: time.Hour, records: 1, counts: true},
		{what: "it is made anew", anew: true},
		{what: "it is made anew again while it does not count", after: almost, anew: true},
		{what: "which does not have the former one count for longer", after: time.Second, end: true, counts: true},
	} {
		now = now.Add(step.after)
		if step.anew {
			of.Anew(now)
		} else {
			of.Read(step.records, step.end)
		}
		if got := of.Counts(now); got != step.counts {
			t.Errorf("%s: it counts: %t, want %t", step.what, got, step.counts)
		}
	}
	var empty control.Turnover
	if empty.Read(0, true); !empty.Counts(now) {
		t.Error("an empty topic that was never made anew does not count")
	}
}
