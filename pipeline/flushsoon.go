package pipeline

import (
	"context"
	"sync"
	"time"
)

// What came of few records is flushed sooner, for rules that fire early: at once, but no sooner than soonInterval after the
// flush before was written. That is not smaller: sources with little to do would be flushed for each record; not larger: alerts wait for it.
// soonRecords is not smaller: a source of 1,000 records a second is still flushed soon; not
// larger: a flush costs as much as folding some hundred records.
const (
	soonInterval = 75 * time.Millisecond
	soonRecords  = 100
)

// What all sources of a process together flush soon is bounded: each by itself does it up to 13 times a second, and a process may
// have hundreds. A source that finds nothing left waits for its next tick.
const (
	// soonFlushes in a second. Not smaller: the 8 sources of a topic as Weir creates it have 107; not larger: each is a round
	// trip, and took 0.56 ms of CPU time with the broker in the process, as much as folding 400 records: so many take a tenth of a core.
	soonFlushes = 200
	// soonBurst is how many of them may come at once. Not smaller: reports of all sources come together where clients
	// report on the full second; not larger: they are written side by side, and would hold up each other.
	soonBurst = 50
)

// soonBudget is what is left of soonFlushes. Any worker may take from it.
type soonBudget struct {
	mu    sync.Mutex
	spent time.Time // up to when what was taken is paid for
}

// take takes a flush at a time, false where none is left. It is the virtual scheduling of the generic cell rate algorithm (ITU-T
// I.371), which needs no ticker.
func (b *soonBudget) take(now time.Time) bool {
	const each = time.Second / soonFlushes
	b.mu.Lock()
	defer b.mu.Unlock()
	spent := b.spent
	if spent.Before(now) {
		spent = now
	}
	if spent = spent.Add(each); spent.Sub(now) > soonBurst*each {
		return false
	}
	b.spent = spent
	return true
}

// soon is how long after now what comes now is flushed.
func (w *sourceWorker) soon(now time.Time) time.Duration {
	return max(0, w.flushed.Add(soonInterval).Sub(now))
}

// flushSoon writes what few records changed, and says so where a pane is over, or has begun by the clock: rules that fire
// early wait for the pane before theirs, and tell nothing ahead of one that has not begun. What many changed, and what the process has no flush left for, waits for the next tick, which writes it once.
func (w *sourceWorker) flushSoon(ctx context.Context, now time.Time) error {
	if w.unflushed == 0 || w.unflushed > soonRecords || !w.a.soon.take(now) {
		return nil
	}
	w.unflushed = 0
	if err := w.write(ctx, w.fold.Flush()); err != nil {
		return err
	}
	newPane := w.saidAt.Before(now.Truncate(w.a.config.Telemetry.Pane))
	if (newPane || w.endOfPane().After(w.said)) && !w.end.Load().holds(now) {
		w.sayWatermark(false, now)
	}
	return nil
}

// endOfPane is the end of the newest pane that the source's watermark has passed.
func (w *sourceWorker) endOfPane() time.Time {
	return w.fold.Watermark().Truncate(w.a.config.Telemetry.Pane)
}
