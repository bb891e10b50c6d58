package alertmanager

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
)

const (
	// maxBatch bounds the alerts of one post. Not smaller: a storm takes one round trip for each batch; not larger: one
	// post must pass within postTimeout. Prometheus has the same (notifier, DefaultMaxBatchSize).
	maxBatch = 256
	// minRetryPause and maxRetryPause bound the pause after a failed post, which doubles; each is spread by half, so
	// that many processes do not ask at once. Not smaller: an instance that starts would be asked without end; not
	// larger: alerts come late by it once the instance is back.
	minRetryPause = 500 * time.Millisecond
	maxRetryPause = 10 * time.Second
	retryFactor   = 2
)

// silentPause is how long an instance waits before it asks again whether it may post. Not smaller: it is woken for it; not
// larger: alerts come late by it.
const silentPause = 100 * time.Millisecond

// InstanceStatus says how one instance is. Counts are since the process began.
type InstanceStatus struct {
	URL         string    `json:"url"`                    // credentials masked
	LastError   string    `json:"last_error,omitempty"`   // of the newest attempt, empty where it succeeded
	LastRefusal string    `json:"last_refusal,omitempty"` // why the newest refused alert was refused
	LastSuccess time.Time `json:"last_success,omitzero"`  // when it last acknowledged alerts
	Tracked     int       `json:"tracked"`                // alerts in the queue: those firing, and resolved ones not yet forgotten
	Waiting     int       `json:"waiting"`                // tracked alerts whose state it has neither acknowledged nor refused
	Sent        uint64    `json:"sent"`                   // alerts it acknowledged, each resend counted
	Failed      uint64    `json:"failed"`                 // attempts that failed and were tried again
	Refused     uint64    `json:"refused"`                // alerts it refused, not tried again in that state
	Overflowed  uint64    `json:"overflowed"`             // states it was not told because of MaxAlerts
}

// instance tells one Alertmanager. Its goroutine is run; everything else is called by others.
type instance struct {
	poster  poster
	writer  writer
	queue   *queue
	onError func(url string, err error)
	onPost  func(began time.Time)
	mayPost func() bool

	mu      sync.Mutex // guards the rest; never held with the queue's
	status  InstanceStatus
	failing bool
	away    bool // it could not be reached, and may come back without its memory

	begun  string    // when it began to run, as it says itself; run's alone
	looked time.Time // when it was asked last; run's alone
}

// run sends what is due until ctx ends.
func (i *instance) run(ctx context.Context) {
	pauses := backoff.NewExponentialBackOff()
	pauses.InitialInterval, pauses.MaxInterval, pauses.Multiplier = minRetryPause, maxRetryPause, retryFactor
	for ctx.Err() == nil {
		if i.mayPost != nil && !i.mayPost() {
			pause(ctx, time.Now().Add(silentPause), nil)
			continue
		}
		batch, next := i.queue.take(time.Now(), maxBatch)
		if len(batch) == 0 {
			if look := i.lookAt(); look.IsZero() || look.After(time.Now()) {
				pause(ctx, earlier(next, look), i.queue.wake)
			} else {
				i.look(ctx)
			}
			continue
		}
		err := i.deliver(ctx, batch)
		if err == nil {
			pauses.Reset()
			continue
		}
		if ctx.Err() == nil {
			i.note(err)
			pause(ctx, time.Now().Add(pauses.NextBackOff()), nil)
		}
	}
}

// lookInterval is how often an instance that was told of a firing alert is asked whether it is still the same. Not
// smaller: each is a request; not larger: where it was killed and is back, what resolves meanwhile resolves for nobody.
const lookInterval = 5 * time.Second

// lookAt is when to look at the instance, zero for not now.
func (i *instance) lookAt() time.Time {
	if !i.queue.firing() {
		return time.Time{}
	}
	return i.looked.Add(lookInterval)
}

// look asks whether the instance began to run anew, without its memory: then it is told again of all that fires.
func (i *instance) look(ctx context.Context) {
	i.looked = time.Now()
	begun, err := i.poster.started(ctx)
	answer := (*answerError)(nil)
	i.mu.Lock()
	if err != nil {
		i.away = i.away || !errors.As(err, &answer)
		i.mu.Unlock()
		return
	}
	back := i.away || i.begun != "" && begun != i.begun
	i.away, i.begun = false, begun
	i.mu.Unlock()
	if back {
		i.queue.tellAgain(i.looked)
	}
}

// earlier is the earlier of two times, of which zero is none.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// pause returns at a time, where it is not zero, when woken or when ctx ends.
func pause(ctx context.Context, until time.Time, woken <-chan struct{}) {
	var due <-chan time.Time
	if !until.IsZero() {
		timer := time.NewTimer(time.Until(until))
		defer timer.Stop()
		due = timer.C
	}
	select {
	case <-ctx.Done():
	case <-woken:
	case <-due:
	}
}

// deliver posts a batch and settles every parcel of it. A batch that is refused is halved until the alerts to blame
// are alone: Alertmanager answers 400 for a batch with one invalid alert. The error asks for another attempt.
func (i *instance) deliver(ctx context.Context, batch []parcel) error {
	now := time.Now()
	body, err := i.writer.body(batch, now)
	refused := err != nil // a time beyond the year 9999 cannot be written; alone, it must not hold up others
	if err == nil {
		err = i.poster.post(ctx, body)
		answer := (*answerError)(nil)
		refused = errors.As(err, &answer) && answer.refuses()
	}
	switch {
	case err == nil:
		if i.onPost != nil {
			i.onPost(now)
		}
		back := i.succeeded(len(batch), now) // before Flush may return
		i.queue.settle(batch, acknowledged, now)
		if back {
			i.queue.tellAgain(now)
		}
	case refused && len(batch) == 1:
		i.refused(batch[0], err)
		i.queue.settle(batch, refusedAlone, now)
	case refused:
		half := len(batch) / 2
		if err := i.deliver(ctx, batch[:half]); err != nil {
			i.queue.settle(batch[half:], failed, now)
			return err
		}
		return i.deliver(ctx, batch[half:])
	default:
		i.queue.settle(batch, failed, now)
		return fmt.Errorf("post %d alerts to %s: %w", len(batch), i.poster.address.shown, err)
	}
	return nil
}

// succeeded notes a post that was acknowledged. It returns true where the instance could
// not be reached before.
func (i *instance) succeeded(alerts int, at time.Time) (back bool) {
	i.mu.Lock()
	recovered, back := i.failing, i.away
	i.failing, i.away, i.status.LastError, i.status.LastSuccess = false, false, "", at
	i.status.Sent += uint64(alerts)
	i.mu.Unlock()
	if recovered {
		i.report(nil)
	}
	return back
}

// refused notes an alert that is given up in its present state.
func (i *instance) refused(p parcel, err error) {
	err = fmt.Errorf("post alert %s %v to %s: %w; it is not sent again before its state changes: mend the labels of rule %q",
		p.alert.ID, p.alert.Labels, i.poster.address.shown, err, p.alert.Rule)
	i.mu.Lock()
	i.status.Refused++
	i.status.LastRefusal = err.Error()
	i.mu.Unlock()
	i.report(err)
}

// note notes an attempt that is made again.
func (i *instance) note(err error) {
	answer := (*answerError)(nil)
	i.mu.Lock()
	i.failing = true
	i.away = i.away || !errors.As(err, &answer)
	i.status.Failed++
	i.status.LastError = err.Error()
	i.mu.Unlock()
	i.report(err)
}

func (i *instance) report(err error) {
	if i.onError != nil {
		i.onError(i.poster.address.shown, err)
	}
}

func (i *instance) snapshot() InstanceStatus {
	i.mu.Lock()
	out := i.status
	i.mu.Unlock()
	out.Tracked, out.Waiting, out.Overflowed = i.queue.counts()
	return out
}
