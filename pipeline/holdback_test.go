package pipeline

import (
	"testing"
	"time"
)

func TestHoldback(t *testing.T) {
	epoch := time.Unix(1_800_000_000, 0)
	at := func(seconds float64) time.Time { return epoch.Add(time.Duration(seconds * float64(time.Second))) }
	var end *sourceEnd
	if end.holds(at(0)) {
		t.Error("a source of which nothing was said yet is held back")
	}
	for _, look := range []struct {
		said  float64 // in seconds; 0 where nothing new was said
		now   float64
		holds bool
	}{
		{1, 1.5, false}, {0, 3, false}, {3, 3, false}, // a slow answer
		{0, 5.5, true}, {6, 6, true}, {7, 8.5, true}, {9, 9, false}, // away for 3 s, held back for 3 s more
		{0, 20, true}, {39, 39, true}, {41, 41, true}, {43, 43, true}, {45, 45, true}, {47, 48.9, true}, {49, 49, false}, // for 30 s, and 10 s more
		{60, 60, true}, // away for 11 s, while nobody looked
	} {
		if look.said > 0 {
			end = end.next(7, at(look.said))
		}
		if got := end.holds(at(look.now)); got != look.holds {
			t.Errorf("at %g s held back is %t, want %t", look.now, got, look.holds)
		}
	}
}
