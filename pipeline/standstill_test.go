package pipeline

import (
	"testing"
	"time"
)

func TestStandstill(t *testing.T) {
	epoch := time.Unix(1_800_000_000, 0)
	s := newStandstill(epoch)
	for _, look := range []struct {
		at   time.Duration
		over bool
	}{
		{0, true}, {time.Second, true}, {7 * time.Second, true}, // 6 s may pass on a busy machine
		{14 * time.Second, false}, {15 * time.Second, false}, {17 * time.Second, false}, {18 * time.Second, true},
		{90 * time.Second, false}, {93 * time.Second, false}, {94 * time.Second, true},
		{80 * time.Second, true}, {81 * time.Second, true}, // the clock was set back
	} {
		if got := s.over(epoch.Add(look.at)); got != look.over {
			t.Errorf("after %s over is %t, want %t", look.at, got, look.over)
		}
	}
}
