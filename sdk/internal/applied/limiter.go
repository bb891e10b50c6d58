package applied

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// ErrSendLimited is what a send fails with whose context ended while a send limit made it wait.
// The message was not sent, and may be sent again.
var ErrSendLimited = errors.New("a send limit is in force")

// errOtherLimit is of who waits for a limiter that is not the topic's any more.
var errOtherLimit = errors.New("another limit is in force")

// limiter lets messages of one client through at the rate of one command, which warms up. The topics that the command is
// for share it: their queues take turns.
type limiter struct {
	epoch time.Time
	turn  chan struct{} // held by the queue that waits for the next permit

	mu      sync.Mutex
	curve   *warmUp
	limit   sendLimit
	changed chan struct{} // closed when the limit changes
}

// sendLimit is what a command says of one client.
type sendLimit struct {
	command    string // NAME@REVISION
	perSecond  float64
	coldFactor float64
	ramp       time.Duration
}

// newLimiter returns a cold limiter.
func newLimiter(limit sendLimit) *limiter {
	return &limiter{epoch: time.Now(), turn: make(chan struct{}, 1), limit: limit, curve: newWarmUp(0, limit.perSecond, limit.coldFactor, limit.ramp),
		changed: make(chan struct{})}
}

// change changes the limit. Whoever waits is let through by the new one; it stays as warm as it was.
func (l *limiter) change(to sendLimit) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.limit == to {
		return
	}
	l.curve.change(time.Since(l.epoch), to.perSecond, to.coldFactor, to.ramp)
	l.limit = to
	close(l.changed)
	l.changed = make(chan struct{})
}

// wait waits until so many messages of who came at a time may be sent, ctx ends, or the limit is another one: then the error is
// ctx's or errOtherLimit. The messages of a batch wait together.
func (l *limiter) wait(ctx context.Context, came time.Time, messages int, other <-chan struct{}) error {
	select {
	case l.turn <- struct{}{}:
	case <-other:
		return errOtherLimit
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	defer func() { <-l.turn }()
	for {
		left, changed := l.take(came, messages)
		if left == 0 {
			return nil
		}
		timer := time.NewTimer(left)
		select {
		case <-timer.C:
		case <-changed:
			timer.Stop()
		case <-other:
			timer.Stop()
			return errOtherLimit
		case <-ctx.Done():
			timer.Stop()
			return context.Cause(ctx)
		}
	}
}

// allow lets messages through where nobody waits and a permit is free.
func (l *limiter) allow(messages int) bool {
	select {
	case l.turn <- struct{}{}:
	default:
		return false
	}
	left, _ := l.take(time.Now(), messages)
	<-l.turn
	return left == 0
}

// take takes permits for who came at a time, where one is free. Otherwise it says how long that takes, unless the limit changes.
func (l *limiter) take(came time.Time, messages int) (left time.Duration, changed <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Since(l.epoch)
	if left = l.curve.wait(now); left > 0 {
		return left, l.changed
	}
	l.curve.take(came.Sub(l.epoch), now, messages)
	return 0, nil
}

// refusal says why a message was not sent.
func (l *limiter) refusal(waiting int64, cause error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return fmt.Errorf("%w: command %s allows %g messages per second, %d wait; the message was not sent: %w",
		ErrSendLimited, l.limit.command, l.limit.perSecond, waiting, cause)
}
