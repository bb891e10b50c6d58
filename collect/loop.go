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
	// Publish takes the reports of a poll and does not wait for their acknowledgement. The time that it takes is none of the poll's.
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

// Run polls until ctx ends. A poll may take as long as the interval, at least a second. Polls take half of the time at most: the pause
// after one that was slow is as long as it took. After one that ran out of time, or found nothing out, the pause doubles, up to a
// minute: a cluster that is slow is not asked more than it can answer. While heartbeats of a broker have just
// begun to fail polls come twice as often, until it is known whether it is away.
func (l *Loop) Run(ctx context.Context) {
	if l.Canaries != nil {
		var running sync.WaitGroup
		running.Go(func() { l.Canaries.Run(ctx) })
		defer running.Wait() // ctx has ended by then
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	pause, doubts := l.Interval, 0
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
		took := time.Since(began)
		l.Publish(reports)
		if !inDoubt(reports) {
			doubts = 0
		}
		switch {
		case took >= l.limit() || len(reports) == 0:
			pause = max(l.Interval, min(2*pause, maxPause))
		case inDoubt(reports) && doubts < FailuresKnown-1:
			doubts++
			pause = min(max(took, l.Interval/2, minPollTime), l.Interval)
		default:
			pause = max(l.Interval, 2*took)
		}
		l.Done(Outcome{took, err})
		timer.Reset(max(pause-time.Since(began), 0))
	}
}

func (l *Loop) poll(ctx context.Context, at time.Time) ([]telemetry.Report, error) {
	within, cancel := context.WithTimeout(ctx, l.limit())
	defer cancel()
	reports, err := l.Poller.Poll(within, at)
	if len(reports) == 0 && err == nil {
		err = errors.New("the cluster says nothing")
	}
	return reports, err
}

// limit is how long a poll may take.
func (l *Loop) limit() time.Duration { return max(l.Interval, minPollTime) }

// FailuresKnown is how many heartbeats must fail in a row for a broker to be away, as the shipped rule HeartbeatFailed has it. So many
// polls follow each other at most: canaries that fail are sent more seldom than that.
const FailuresKnown = 3

// inDoubt says that heartbeats of some broker fail, and not yet often enough.
func inDoubt(reports []telemetry.Report) bool {
	for i := range reports {
		for _, g := range reports[i].Gauges {
			if g.Name == telemetry.GaugeHeartbeatFailed && g.Value > 0 && g.Value < FailuresKnown {
				return true
			}
		}
	}
	return false
}
