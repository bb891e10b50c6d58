package collect

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/weirmq/weir/telemetry"
)

// Loop polls one cluster again and again.
type Loop struct {
	Poller   Poller
	Interval time.Duration // from the begin of a poll to that of the next
	// Publish takes the reports of a poll and does not wait for their acknowledgement.
	Publish func([]telemetry.Report)
	// Done is told how each poll went.
	Done func(Outcome)
	// Canaries are sent meanwhile; nil: none are.
	Canaries *Canaries
}

// Outcome is how a poll went.
type Outcome struct {
	Took time.Duration
	Err  error // what was not found out; nil where all was
}

// Bounds of a poll. Not smaller than a second: a far broker with a new connection takes most of one; of the pause, not
// larger than a minute: what came back must be seen within one.
const (
	minPollTime = time.Second
	maxPause    = time.Minute
)

// Run polls until ctx ends. A poll may take as long as the interval, at least a second. After one that took more than half of
// the interval, or found nothing out, the pause doubles, up to a minute: a cluster that is slow is not asked more than it can
// answer.
func (l *Loop) Run(ctx context.Context) {
	if l.Canaries != nil {
		var running sync.WaitGroup
		running.Go(func() { l.Canaries.Run(ctx) })
		defer running.Wait() // ctx has ended by then
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	pause := l.Interval
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		began := time.Now()
		reports, err := l.poll(ctx, began)
		if ctx.Err() != nil {
			return
		}
		l.Publish(reports)
		took := time.Since(began)
		pause = l.pause(pause, took, len(reports) == 0)
		l.Done(Outcome{took, err})
		timer.Reset(max(pause-took, 0))
	}
}

func (l *Loop) poll(ctx context.Context, at time.Time) ([]telemetry.Report, error) {
	within, cancel := context.WithTimeout(ctx, max(l.Interval, minPollTime))
	defer cancel()
	reports, err := l.Poller.Poll(within, at)
	if len(reports) == 0 && err == nil {
		err = errors.New("the cluster says nothing")
	}
	return reports, err
}

// pause is how long after a poll's begin the next one begins.
func (l *Loop) pause(before, took time.Duration, empty bool) time.Duration {
	if took <= l.Interval/2 && !empty {
		return l.Interval
	}
	return max(l.Interval, min(2*before, maxPause))
}
