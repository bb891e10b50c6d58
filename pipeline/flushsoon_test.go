package pipeline

import (
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// TestFlushesOfAProcessAreBounded over all its sources: some at once, then as many as a second has, and time that passes unused saves up no
// more than that.
func TestFlushesOfAProcessAreBounded(t *testing.T) {
	t.Parallel()
	var budget soonBudget
	began := time.Unix(1_800_000_000, 0)
	taken := func(from, to time.Duration) (n int) {
		for at := from; at < to; at += time.Millisecond {
			for budget.take(began.Add(at)) {
				n++
			}
		}
		return n
	}
	if n := taken(0, time.Millisecond); n != soonBurst {
		t.Errorf("%d are flushed at once, want %d", n, soonBurst)
	}
	if n := taken(time.Millisecond, 10*time.Second+time.Millisecond); n != 10*soonFlushes {
		t.Errorf("%d are flushed in ten seconds, want %d", n, 10*soonFlushes)
	}
	if n := taken(time.Hour, time.Hour+time.Millisecond); n != soonBurst {
		t.Errorf("after an hour %d are flushed at once, want %d", n, soonBurst)
	}
}

// TestASourceWithoutAFlushWaitsForItsTick, and loses nothing by it.
func TestASourceWithoutAFlushWaitsForItsTick(t *testing.T) {
	w, _ := workerOnBroker(t)
	began := time.Unix(1_800_000_000, 0).UTC()
	for w.a.soon.take(began) {
	}
	if err := w.add(t.Context(), []*kgo.Record{{Value: reportOf(t, "orders", began, 1), Timestamp: began}}); err != nil {
		t.Fatal(err)
	}
	if err := w.flushSoon(t.Context(), began); err != nil || !w.flushed.IsZero() || w.unflushed != 1 {
		t.Errorf("with none left it is flushed at %s, and %d records wait: %v", w.flushed, w.unflushed, err)
	}
	if err := w.tick(t.Context(), began); err != nil || w.flushed.IsZero() || w.unflushed != 0 {
		t.Errorf("after the tick %d records wait: %v", w.unflushed, err)
	}
}
