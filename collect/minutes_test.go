package collect_test

import (
	"testing"
	"time"

	"github.com/weirmq/weir/collect"
)

// TestTenMinutes counts polls that are a minute apart.
func TestTenMinutes(t *testing.T) {
	var m collect.Minutes
	now := time.Unix(1_795_626_000, 0)
	add := func(after time.Duration, under bool) (float64, bool) {
		now = now.Add(after)
		return m.Add(now, under)
	}
	for i := range 9 {
		if share, ok := add(time.Minute, i >= 2); ok {
			t.Fatalf("after %d polls the share is %g, want it unknown before ten", i+1, share)
		}
		add(5*time.Second, true) // not a minute later: does not count
	}
	if share, ok := add(time.Minute, true); !ok || share != 0.8 {
		t.Errorf("got %g, %v of eight in ten, want 0.8", share, ok)
	}
	if share, ok := add(time.Minute, false); !ok || share != 0.8 {
		t.Errorf("got %g, %v: the oldest is forgotten, and was fine; want 0.8", share, ok)
	}
	if _, ok := add(10*time.Minute, true); ok {
		t.Error("what was seen before nobody looked for ten minutes still counts")
	}
}
