package rocketmq

import (
	"context"
	"runtime"

	"github.com/apache/rocketmq-client-go/v2/primitive"

	"github.com/weirmq/weir/sdk"
	"github.com/weirmq/weir/sdk/internal/inplace"
	"github.com/weirmq/weir/sdk/internal/meter"
)

// gather has messages that wait handled in batches, until ctx ends.
func (r *receiver) gather(ctx context.Context, handle weir.Handler) {
	var batch []*waiting
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.line.more:
		}
		// Whoever had the line wake this goroutine waits by now, and the scheduler would have it run next: for a batch of one. Calls that the library has begun go first.
		runtime.Gosched()
		if batch = r.line.take(batch[:0], r.config.MaxBatch); len(batch) > 0 {
			r.handle(ctx, batch, handle)
		}
	}
}

// handle gives a batch to the handler, and each call of the library what came of its message. Messages that were left since one
// of their key before them failed are given once more: the broker would count that as an attempt.
func (r *receiver) handle(ctx context.Context, batch []*waiting, handle weir.Handler) {
	for received := true; len(batch) > 0; received = false {
		if received {
			made := make([]weir.Delivery, len(batch))
			for i, w := range batch {
				made[i] = deliveryOf(r.config.Resource, w.message)
				w.delivery = &made[i]
			}
		}
		deliveries := make([]*weir.Delivery, len(batch))
		for i, w := range batch {
			deliveries[i] = w.delivery
		}
		err := r.attempt(ctx, deliveries, handle, received)
		unhandled, failures := weir.IsNotHandled(ctx, err), weir.FailuresOf(err, len(batch))
		var behind []*waiting
		for i, w := range batch {
			switch failed := failures.Of(i); {
			case unhandled:
				w.failed <- weir.ErrNotHandled
			case weir.IsBehind(failed):
				behind = append(behind, w)
			default:
				w.failed <- failed
			}
		}
		batch = behind
	}
}

// attempt gives messages to the handler, and measures it; received says that they have not been given before.
func (r *receiver) attempt(ctx context.Context, messages []*weir.Delivery, handle weir.Handler, received bool) error {
	if r.measured == nil {
		return handle(ctx, messages)
	}
	var handlings []meter.Handling // none where the handler is not given them
	measured := r.measured.measured
	given := func() { handlings = r.measured.given(messages, received) }
	err := handle(weir.WhenGiven(ctx, given), messages)
	ended := measured.Now() // of all of them
	if err == nil {
		meter.DoneTogether(handlings, ended)
		return nil
	}
	failures := weir.FailuresOf(err, len(messages))
	for i := range handlings {
		d := messages[i]
		switch cause := failures.Of(i); {
		case weir.IsBehind(cause), weir.IsNotHandled(ctx, cause): // it was not handled
		case cause != nil && r.config.IsLast(d.Attempt):
			handlings[i].GiveUp(true)
		default:
			handlings[i].DoneAt(cause != nil, ended)
		}
	}
	return err
}

// given begins to time the handler of messages, and counts them where they were just received.
func (c *consumer) given(messages []*weir.Delivery, received bool) []meter.Handling {
	handlings, now := make([]meter.Handling, len(messages)), c.measured.Now()
	for i, d := range messages {
		describeReceived(handlings[i].BeginAt(c.measured, now), d.Native().(*primitive.MessageExt))
		handlings[i].Attempt(d.Attempt)
	}
	if received {
		meter.ReceivedByHandler(handlings, now)
	}
	return handlings
}

// one is a message that is handled in place.
type one struct {
	receiver *receiver
	to       weir.Handler
	done     bool
	dead     bool // it is to be put away
}

var _ inplace.Batch = (*one)(nil)

// Begin does nothing: the library does not say that a queue is lost.
func (o *one) Begin(of []*weir.Delivery) []*weir.Delivery { return of }

// End does nothing.
func (o *one) End() {}

// Attempt gives the message to the handler.
func (o *one) Attempt(ctx context.Context, messages []*weir.Delivery) error {
	return o.receiver.attempt(ctx, messages, o.to, messages[0].Attempt == 1)
}

// Left notes whether it is done with.
func (o *one) Left(messages []*weir.Delivery) { o.done = len(messages) == 0 && !o.dead }

// Aside has the broker put it away where it failed as often as it may.
func (o *one) Aside(_ context.Context, left []*weir.Delivery, exhausted map[*weir.Delivery]error) []*weir.Delivery {
	if o.dead = len(exhausted) > 0; o.dead {
		return nil
	}
	return left
}
