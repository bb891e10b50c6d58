package applied

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// ErrSendLimited is what a send fails with whose context ended while a send limit made it wait.
// The message was not sent, and may be sent again.
var ErrSendLimited = errors.New("a send limit is in force")

// limiter lets messages through at a rate that warms up. Those that wait are let through in the order in
// which they came. It never drops one: who waits no longer is told so.
type limiter struct {
	epoch time.Time
	turn  chan struct{} // held by who waits for the next permit

	mu      sync.Mutex
	curve   *warmUp // nil where there is no limit
	limit   sendLimit
	changed chan struct{} // closed when the limit changes

	waiting atomic.Int64
}

// sendLimit is what a command says of one topic of one client.
type sendLimit struct {
	command    string // NAME@REVISION
	perSecond  float64
	coldFactor float64
	ramp       time.Duration
}

func newLimiter() *limiter {
	return &limiter{epoch: time.Now(), turn: make(chan struct{}, 1), changed: make(chan struct{})}
}

// set changes the limit; nil lifts it. Whoever waits is let through by the new one. A limit that is
// only changed stays as warm as it was.
func (l *limiter) set(to *sendLimit) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case to == nil && l.curve == nil, to != nil && l.curve != nil && l.limit == *to:
		return
	case to == nil:
		l.curve, l.limit = nil, sendLimit{}
	case l.curve == nil:
		l.curve, l.limit = newWarmUp(time.Since(l.epoch), to.perSecond, to.coldFactor, to.ramp), *to
	default:
		l.curve.change(time.Since(l.epoch), to.perSecond, to.coldFactor, to.ramp)
		l.limit = *to
	}
	close(l.changed)
	l.changed = make(chan struct{})
}

// wait waits until so many messages may be sent, or ctx ends. The messages of a batch wait together.
func (l *limiter) wait(ctx context.Context, messages int) error {
	came := time.Since(l.epoch)
	l.waiting.Add(1)
	defer l.waiting.Add(-1)
	select {
	case l.turn <- struct{}{}:
	case <-ctx.Done():
		return l.refusal(context.Cause(ctx))
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
		case <-ctx.Done():
			timer.Stop()
			return l.refusal(context.Cause(ctx))
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
	left, _ := l.take(time.Since(l.epoch), messages)
	<-l.turn
	return left == 0
}

// take takes permits for who came at a time, where one is free. Otherwise it says how long that takes, unless the limit changes.
func (l *limiter) take(came time.Duration, messages int) (left time.Duration, changed <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.curve == nil {
		return 0, nil
	}
	if left = l.curve.wait(time.Since(l.epoch)); left > 0 {
		return left, l.changed
	}
	l.curve.take(came, messages)
	return 0, nil
}

// refusal says why a message was not sent.
func (l *limiter) refusal(cause error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return fmt.Errorf("%w: command %s allows %g messages per second, %d wait; the message was not sent: %w",
		ErrSendLimited, l.limit.command, l.limit.perSecond, l.waiting.Load(), cause)
}
