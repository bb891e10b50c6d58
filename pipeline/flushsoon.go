package pipeline

import (
	"context"
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

// soon is how long after now what comes now is flushed.
func (w *sourceWorker) soon(now time.Time) time.Duration {
	return max(0, w.flushed.Add(soonInterval).Sub(now))
}

// flushSoon writes what few records changed, and says so where a pane is over, or has begun by the clock: rules that fire
// early wait for the pane before theirs, and tell nothing ahead of one that has not begun. What many changed waits for the next tick, which writes it once.
func (w *sourceWorker) flushSoon(ctx context.Context, now time.Time) error {
	if w.unflushed == 0 || w.unflushed > soonRecords {
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
