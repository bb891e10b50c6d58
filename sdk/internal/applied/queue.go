package applied

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// queue is where messages of one topic wait in the order in which they came, whichever limiter they wait for. None is
// ever dropped: who waits no longer is told so.
type queue struct {
	turn    chan struct{} // held by who is the next
	waiting atomic.Int64

	mu      sync.Mutex
	limiter *limiter      // nil where there is no limit
	changed chan struct{} // closed when it is another one
}

func newQueue() *queue { return &queue{turn: make(chan struct{}, 1), changed: make(chan struct{})} }

// use has messages wait for a limiter from now on; nil lets all through.
func (q *queue) use(l *limiter) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.limiter == l {
		return
	}
	q.limiter = l
	close(q.changed)
	q.changed = make(chan struct{})
}

func (q *queue) limit() (now *limiter, changed <-chan struct{}) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.limiter, q.changed
}

// wait waits until so many messages may be sent, or ctx ends.
func (q *queue) wait(ctx context.Context, messages int) error {
	came := time.Now()
	q.waiting.Add(1)
	defer q.waiting.Add(-1)
	select {
	case q.turn <- struct{}{}:
	case <-ctx.Done():
		return q.refusal(context.Cause(ctx))
	}
	defer func() { <-q.turn }()
	for {
		limit, changed := q.limit()
		if limit == nil {
			return nil
		}
		switch err := limit.wait(ctx, came, messages, changed); {
		case err == nil:
			return nil
		case !errors.Is(err, errOtherLimit):
			return q.refusal(err)
		}
	}
}

// allow lets messages through where nobody waits and a permit is free.
func (q *queue) allow(messages int) bool {
	select {
	case q.turn <- struct{}{}:
	default:
		return false
	}
	defer func() { <-q.turn }()
	limit, _ := q.limit()
	return limit == nil || limit.allow(messages)
}

// refusal says why a message was not sent.
func (q *queue) refusal(cause error) error {
	limit, _ := q.limit()
	if limit == nil {
		return fmt.Errorf("%w until just now; the message was not sent: %w", ErrSendLimited, cause)
	}
	return limit.refusal(q.waiting.Load(), cause)
}
