package weir

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"
)

const (
	// DefaultSettle is how long all of a former place must have been handled until what is in the next is. Not shorter: a program that has not yet
	// heard of the move goes on sending to the former place; not longer: nothing is consumed meanwhile.
	DefaultSettle = 5 * time.Second
	// DefaultLinger is how long a former place is read beside the next, for what still comes to it. Not shorter: a program that is cut off from the
	// directory is so for minutes; not longer: it is a connection of each consumer to a cluster that was left.
	DefaultLinger = 10 * time.Minute
	// awayFor is how long a former place may not answer until the next is read all the same. Not shorter: a broker that is restarted is away for so
	// long; not longer: a cluster that is left because it is dead holds up what follows.
	awayFor = time.Minute
	// outstandingEach is between two questions whether something may still come to a former place that nobody sends to any more. Not shorter: it costs its
	// brokers several requests of each consumer, for hours where messages are delayed by hours; not longer: a consumer that has nothing left to do there stays.
	outstandingEach = 10 * time.Second
	// askWait bounds a question how far a former place is handled. Not shorter: a busy broker takes a second; not longer: the directory is not looked at meanwhile.
	askWait = 5 * time.Second
)

// Moves is how a consumer goes along with a resource that moves: how long everything in the former place must have been handled
// before it goes on, and how long it looks there for stragglers afterwards.
func Moves(settle, linger time.Duration) ConsumerOption {
	return func(c *Consumption) { c.Settle, c.Linger = settle, linger }
}

// lookEach is how often former places are looked at.
func (c *Consumption) lookEach() time.Duration {
	return min(max(c.Settle/5, 20*time.Millisecond), time.Second)
}

// place is one topic that is read. It is waiting until those before it are finished; then read; finished when the whole group has handled
// what is in it for a while; and, where it is a former one, ended after a further while, when nothing may
// come there any more. All but lateAfter is of the goroutine of conduct.
type place struct {
	route    Route
	moved    bool // the resource moved here
	receiver Receiver

	started bool
	stop    context.CancelFunc
	done    chan struct{} // closed when the receiver has ended

	handledSince time.Time // when all was handled first, zero while it is not
	awaySince    time.Time // when it did not answer first, zero while it does
	finished     bool
	finishedAt   time.Time
	askAgainAt   time.Time    // whether something may still come
	lateAfter    atomic.Int64 // nanoseconds that what comes now waits; 0 before the place is finished
}

// open opens a receiver. One of a place that the resource moved to is for all that is there: what was sent before this one reads it, too.
func (r *run) open(at Route, moved bool) (*place, error) {
	c := r.consumer
	system, err := c.client.system(&at)
	if err != nil {
		return nil, err
	}
	config := c.receiverConfig(at)
	config.FromNewest = config.FromNewest && !moved
	if err := system.CheckReceiver(config); err != nil {
		return nil, err
	}
	receiver, err := system.OpenReceiver(config)
	if err != nil {
		return nil, err
	}
	return &place{route: at, moved: moved, receiver: receiver}, nil
}

// late is the handler of a place. What comes after the place is finished waits a while: if the resource is about to return to it, it
// is behind what is in the places after it, and is not handled here.
func (p *place) late(handle Handler) Handler {
	return func(ctx context.Context, batch []*Delivery) error {
		if wait := p.lateAfter.Load(); wait > 0 {
			timer := time.NewTimer(time.Duration(wait))
			defer timer.Stop()
			select {
			case <-timer.C:
			case <-ctx.Done():
				return ErrNotHandled
			}
		}
		return handle(ctx, batch)
	}
}

// finish looks how far the places are, begins to read those whose turn has come, and ends those that nobody needs.
func (r *run) finish(ctx context.Context, now time.Time) {
	for i := 0; i+1 < len(r.places) && ctx.Err() == nil; i++ {
		p := r.places[i]
		if !p.finished && !r.isFinished(ctx, p, now) {
			return
		}
		if !p.finished {
			p.finished, p.finishedAt = true, now
			p.lateAfter.Store(int64(r.consumer.consumption.Settle))
			r.consumer.log.Info("a former place is finished", "cluster", p.route.Cluster, "topic", p.route.Topic)
		}
		if next := r.places[i+1]; !next.started {
			i -= r.endOlder(next) // p may be one of those
			r.start(ctx, next)
			continue
		}
		if now.Sub(p.finishedAt) >= r.consumer.consumption.Linger && r.isOver(ctx, p, now) {
			r.consumer.log.Info("a former place is not read any more", "cluster", p.route.Cluster, "topic", p.route.Topic)
			r.end(p)
			r.set(append(r.places[:i:i], r.places[i+1:]...))
			i--
		}
	}
	r.settle()
}

// settle tells whether the newest place is read.
func (r *run) settle() {
	c := r.consumer
	c.mu.Lock()
	defer c.mu.Unlock()
	c.state.Settled = r.newest().started
}

// endOlder ends the older readers of a place that is read now, and returns how many there were.
func (r *run) endOlder(next *place) (ended int) {
	var left []*place
	for _, p := range r.places {
		if p != next && p.started && sameTopic(&p.route, &next.route) {
			r.end(p)
			ended++
			continue
		}
		left = append(left, p)
	}
	r.set(left)
	return ended
}

// isFinished says that everything in a place has been handled for so long that nothing more is to come, or that it
// has been away for too long to be waited for.
func (r *run) isFinished(ctx context.Context, p *place, now time.Time) bool {
	if r.isHandled(ctx, p, now) {
		return now.Sub(p.handledSince) >= r.consumer.consumption.Settle
	}
	if p.awaySince.IsZero() || now.Sub(p.awaySince) < awayFor {
		return false
	}
	r.consumer.log.Error("a former place is away: the next is read before it is finished, and what is in it when it is back",
		"cluster", p.route.Cluster, "topic", p.route.Topic, "error", r.consumer.State().Err)
	return true
}

// isOver asks, now and then, whether a place is handled and nothing may come to it any more.
func (r *run) isOver(ctx context.Context, p *place, now time.Time) bool {
	if now.Before(p.askAgainAt) {
		return false
	}
	p.askAgainAt = now.Add(outstandingEach)
	return r.isHandled(ctx, p, now) && !r.isOutstanding(ctx, p)
}

// isOutstanding asks whether something may still come to a place. Where that is not known it may.
func (r *run) isOutstanding(ctx context.Context, p *place) bool {
	ctx, cancel := context.WithTimeout(ctx, askWait)
	defer cancel()
	outstanding, err := p.receiver.Outstanding(ctx)
	if err != nil {
		r.consumer.log.Warn("a former place is kept, since it is not known whether something may still come to it", "cluster", p.route.Cluster,
			"topic", p.route.Topic, "error", err)
	}
	return err != nil || outstanding
}

// isHandled asks whether the group has handled everything in a place.
func (r *run) isHandled(ctx context.Context, p *place, now time.Time) bool {
	ctx, cancel := context.WithTimeout(ctx, askWait)
	defer cancel()
	handled, err := p.receiver.CaughtUp(ctx)
	switch {
	case err != nil:
		if p.awaySince.IsZero() {
			p.awaySince = now
		}
		p.handledSince = time.Time{}
		r.consumer.notePlace(fmt.Errorf("finish topic %s of cluster %s: %w", p.route.Topic, p.route.Cluster, err))
	case !handled:
		p.awaySince, p.handledSince = time.Time{}, time.Time{}
	default:
		p.awaySince = time.Time{}
		if p.handledSince.IsZero() {
			p.handledSince = now
		}
	}
	if err == nil {
		r.consumer.notePlace(nil)
	}
	return err == nil && handled
}
