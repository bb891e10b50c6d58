// Package inplace has messages handled until all of them are done with: what fails is given to the handler
// again after a while, and with it what is behind it of the same key, so that each key keeps its order.
//
// In: a batch, and what handles it. Out: every message is handled, or has been put away as one that
// failed too often, or the context has ended. It has no goroutine.
package inplace

import (
	"context"
	"time"

	"github.com/weirmq/weir/sdk"
)

// Batch is what messages are handled by.
type Batch interface {
	// Begin holds that messages which are one's own stay so until End, and returns those of them that are.
	Begin(of []*weir.Delivery) []*weir.Delivery
	// Attempt gives messages to the handler; the error is the handler's.
	Attempt(ctx context.Context, messages []*weir.Delivery) error
	// Left tells, before End, which messages are not done with; all others that are one's own are.
	Left(messages []*weir.Delivery)
	End()
	// Aside takes those of left that failed as often as they may, with why, and may see to others of left elsewhere. It returns which are still
	// to be handled here: of those that failed so often only ones that are not safe as ctx ended before.
	Aside(ctx context.Context, left []*weir.Delivery, exhausted map[*weir.Delivery]error) []*weir.Delivery
}

// Handle handles messages. Those that are left when ctx ends are not done with.
func Handle(ctx context.Context, how *weir.Consumption, batch Batch, messages []*weir.Delivery) {
	for _, d := range messages {
		d.Attempt = 1
	}
	GoOn(ctx, how, batch, messages)
}

// GoOn is Handle of messages that may have attempts behind them.
func GoOn(ctx context.Context, how *weir.Consumption, batch Batch, messages []*weir.Delivery) {
	for left := messages; ctx.Err() == nil; {
		var outcome outcome
		Hold(batch, left, func(own []*weir.Delivery) {
			if left = own; len(left) > 0 {
				outcome = attempt(ctx, how, batch, left)
			}
		})
		if outcome.ended || len(outcome.left) == 0 {
			return
		}
		if left = aside(ctx, batch, &outcome); len(left) == 0 {
			return
		}
		Wait(ctx, how.BackoffAfter(outcome.most))
	}
}

// Hold does something between Begin and End of those of messages that are one's own. End comes after a panic, too: whoever it lets go on would wait for ever, and so
// would what unwinds.
func Hold(batch Batch, of []*weir.Delivery, do func(own []*weir.Delivery)) {
	own := batch.Begin(of)
	defer batch.End()
	do(own)
}

// Wait waits, or until ctx ends.
func Wait(ctx context.Context, long time.Duration) {
	timer := time.NewTimer(long)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// outcome is what came of an attempt.
type outcome struct {
	left      []*weir.Delivery         // in order, with those that are exhausted
	exhausted map[*weir.Delivery]error // why
	most      int                      // attempts that one of them has behind it, at most
	ended     bool                     // before the handler was given anything
}

// attempt gives messages to the handler once, and says which are not done with.
func attempt(ctx context.Context, how *weir.Consumption, batch Batch, messages []*weir.Delivery) (out outcome) {
	err := batch.Attempt(ctx, messages)
	if err == nil {
		batch.Left(nil)
		return out
	}
	if out.ended = weir.IsNotHandled(ctx, err); out.ended {
		return out
	}
	out.most = 1
	held := map[string]bool{}
	failures := weir.FailuresOf(err, len(messages))
	for i, d := range messages {
		cause := failures.Of(i)
		switch {
		case len(d.Key) > 0 && held[string(d.Key)]: // behind one that failed
		case cause == nil:
			continue
		case weir.IsBehind(cause): // of one that is put away now
		case how.IsLast(d.Attempt):
			if how.Exhausted == weir.Discard {
				continue
			}
			if out.exhausted == nil {
				out.exhausted = map[*weir.Delivery]error{}
			}
			out.exhausted[d] = cause
			out.left = append(out.left, d)
			continue // those behind it go on
		default:
			out.most = max(out.most, d.Attempt)
			d.Attempt++
		}
		out.left = append(out.left, d)
		held[string(d.Key)] = true
	}
	batch.Left(out.left)
	return out
}

// aside has the batch see to what is exhausted, and returns what is left then.
func aside(ctx context.Context, batch Batch, of *outcome) []*weir.Delivery {
	left := batch.Aside(ctx, of.left, of.exhausted)
	if len(of.exhausted) == 0 && len(left) == len(of.left) {
		return left
	}
	Hold(batch, left, func(own []*weir.Delivery) {
		left = own
		batch.Left(left)
	})
	return left
}
