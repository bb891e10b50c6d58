package pipeline

import (
	"context"
	"time"
)

// drainTimeout bounds the last writes of a stage that stops. Not smaller: a slow
// broker answers within seconds; not larger: a supervisor kills after 30 s.
const drainTimeout = 10 * time.Second

// outlive returns a context that ends so long after stopped does, or when it is cancelled.
func outlive(stopped context.Context, by time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(stopped))
	context.AfterFunc(stopped, func() { time.AfterFunc(by, cancel) }) // a timer whose context was cancelled before does nothing
	return ctx, cancel
}

// drain writes all that changed when the source is given up in order, and how far it came,
// unless that is on its way already.
func (w *sourceWorker) drain(ctx context.Context) error {
	if err := w.write(ctx, w.fold.Drain()); err != nil {
		return err
	}
	return w.a.watermarks.write(ctx)
}

// withdraw says no more of a source that was given up.
func (w *sourceWorker) withdraw() {
	w.a.watermarks.drop(w.source.Partition)
	w.a.metrics.watermarks.drop(w.source.Partition)
	w.a.status.dropSource(w.source)
}
