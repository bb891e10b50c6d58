package collect

import (
	"context"
	"sync"
	"time"

	"github.com/weirmq/weir/telemetry"
)

// Prober sends canaries to the brokers of one cluster. Its methods may be called from any goroutine, while a poll runs too.
type Prober interface {
	// Brokers are those that can be sent one now, each by a name. There are none before the first poll.
	Brokers() []string
	// Probe sends one to a broker and returns what is then to be reported; ok is false where it failed. It takes little longer than
	// CanaryWaits, and returns soon after ctx ends.
	Probe(ctx context.Context, broker string) (reports []telemetry.Report, ok bool)
}

// Canaries has canaries sent to all brokers of a cluster, to each on its own: one that hangs holds up none.
type Canaries struct {
	Prober   Prober
	Interval time.Duration                    // from one canary to the next of the same broker
	Publish  func(reports []telemetry.Report) // from any goroutine
}

const (
	// rosterEvery is how often it is looked which brokers there are. Not smaller: they change in days; not larger: the first poll is over
	// after some hundred milliseconds, and one that begins waits for it.
	rosterEvery = time.Second
	// retryCanary is how soon after the begin of one that failed the next begins. Not smaller: a broker in trouble needs no more load;
	// not larger: three must have failed within half a minute, each of which may take CanaryWaits.
	retryCanary = CanaryFails
	// stalled is after how long it was this process that did not answer: it was stopped, and what it measured is of itself. Not smaller: a
	// busy collector gives up late; not larger: HeartbeatSlow takes all above 5 s for the broker's.
	stalled = 2 * CanaryWaits
)

// Run sends them until ctx ends, and returns when no goroutine of it is left: there is one for each broker.
func (c *Canaries) Run(ctx context.Context) {
	ctx, stop := context.WithCancel(ctx)
	var running sync.WaitGroup
	defer running.Wait()
	defer stop()
	ticker := time.NewTicker(rosterEvery)
	defer ticker.Stop()
	following := map[string]context.CancelFunc{}
	for {
		listed := map[string]bool{}
		for _, broker := range c.Prober.Brokers() {
			listed[broker] = true
			if following[broker] != nil {
				continue
			}
			of, cancel := context.WithCancel(ctx)
			following[broker] = cancel
			running.Go(func() { c.follow(of, broker) })
		}
		for broker, cancel := range following {
			if !listed[broker] {
				cancel()
				delete(following, broker)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// follow sends canaries to one broker.
func (c *Canaries) follow(ctx context.Context, broker string) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		began := time.Now()
		reports, ok := c.Prober.Probe(ctx, broker)
		if ctx.Err() != nil {
			return
		}
		if time.Since(began) < stalled {
			c.Publish(reports)
		}
		next := c.Interval
		if !ok {
			next = min(next, retryCanary)
		}
		timer.Reset(max(next-time.Since(began), 0))
	}
}
