package collect

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/weirmq/weir/telemetry"
)

// Canary says whether canaries are sent: messages to a topic that lives on one broker alone, which are then read back.
type Canary struct {
	Enabled bool // they are written, so nobody sends any who does not say so
	// Prefix of the names of their topics; empty: DefaultCanaryPrefix. No report is of a topic with it, whoever sends there.
	Prefix string
}

// DefaultCanaryPrefix begins the names of canaries' topics. RocketMQ takes no dot there.
const DefaultCanaryPrefix = "weir-canary-"

// Topic is the topic of a broker's canaries.
func (c Canary) Topic(broker string) string { return c.prefix() + broker }

// Owns says that a topic is there for canaries.
func (c Canary) Owns(topic string) bool { return strings.HasPrefix(topic, c.prefix()) }

func (c Canary) prefix() string {
	if c.Prefix == "" {
		return DefaultCanaryPrefix
	}
	return c.Prefix
}

const (
	// CanaryFails is how long a canary may take. Longer, clients see jitter. Not smaller: a disk that is busy for a second or two takes
	// messages all the same; not larger: three that fail must fit in the half minute in which a broker's fault is to be found.
	CanaryFails = 5 * time.Second
	// CanaryWaits is how long one is waited for, and at least what counts as its time where it does not come back. Not smaller: a
	// histogram is 1% off, and what took CanaryFails must be above it; not larger: the next one waits for this one.
	CanaryWaits = CanaryFails + CanaryFails/10
)

// CanaryOutcome is how one canary went.
type CanaryOutcome struct {
	Took   time.Duration // until it was back; or how long it was waited for
	Sent   time.Duration // until the broker had taken it; 0: it did not
	Failed error         // nil where it was back in time
	// Impossible says why none could be sent. That says nothing of the broker.
	Impossible error
	// Refused says of one that was impossible that somebody must permit it first.
	Refused bool
}

// SendCanary sends one, reads it back, and measures both. Where send or receive say so by ErrNoCanary, none was possible.
func SendCanary(ctx context.Context, send, receive func(context.Context) error) CanaryOutcome {
	ctx, cancel := context.WithTimeout(ctx, CanaryWaits)
	defer cancel()
	var o CanaryOutcome
	began := time.Now()
	err := send(ctx)
	if err == nil {
		o.Sent = time.Since(began)
		err = receive(ctx)
	}
	o.Took = time.Since(began)
	switch {
	case errors.Is(err, ErrNoCanary):
		return CanaryOutcome{Impossible: err}
	case err != nil && ctx.Err() != nil:
		err = fmt.Errorf("it was not back within %s", CanaryWaits)
	case err == nil && o.Took > CanaryFails:
		err = fmt.Errorf("it took more than %s", CanaryFails)
	}
	o.Failed = err
	return o
}

// ErrNoCanary says that no canary could be sent, by no fault of the broker's: it is not permitted, or the topic is elsewhere.
var ErrNoCanary = errors.New("no canary can be sent")

// CanaryRecord is what is remembered of the canaries of one broker. The zero value is of one that gets none.
type CanaryRecord struct {
	state  canaryState
	failed int // in a row
	newest CanaryOutcome
	trips  telemetry.Histogram // not reported yet
}

type canaryState int

const (
	canariesOff canaryState = iota
	canariesAwaited
	canariesSent
	canariesImpossible
)

// AwaitCanaries is the record of a broker that will get the first.
func AwaitCanaries() CanaryRecord { return CanaryRecord{state: canariesAwaited} }

// Take takes in how one went. One that did not come back counts with the time that it was waited for, one that was refused with none.
func (r *CanaryRecord) Take(o CanaryOutcome) {
	r.newest = o
	if o.Impossible != nil {
		r.state, r.failed = canariesImpossible, 0
		return
	}
	r.state = canariesSent
	if o.Failed == nil || o.Took > CanaryFails {
		r.trips.Observe(uint64(max(o.Took.Microseconds(), 1)))
	}
	if r.failed++; o.Failed == nil {
		r.failed = 0
	}
}

// Counts says that canaries are the broker's heartbeats, or are about to be: other round trips are then none.
func (r *CanaryRecord) Counts() bool { return r.state == canariesSent || r.state == canariesAwaited }

// FailedInARow is how many failed since the last that did not.
func (r *CanaryRecord) FailedInARow() int { return r.failed }

// Newest is how the newest one went.
func (r *CanaryRecord) Newest() CanaryOutcome { return r.newest }

// Report puts into a report what is known, and the round trips that no report had before.
func (r *CanaryRecord) Report(out *telemetry.Report) {
	switch r.state {
	case canariesSent:
		out.Gauges = append(out.Gauges, Gauge(telemetry.GaugeHeartbeatCanary, 1))
		if r.newest.Failed == nil {
			out.Gauges = append(out.Gauges, Gauge(telemetry.GaugeHeartbeatSend, r.newest.Sent.Seconds()))
		}
	case canariesImpossible:
		out.Gauges = append(out.Gauges, Gauge(telemetry.GaugeHeartbeatCanary, 0))
	}
	out.HeartbeatMicros.Merge(&r.trips)
	r.trips = telemetry.Histogram{}
}

// CanaryFaults are the brokers of a cluster whose canaries are not as they should be.
type CanaryFaults struct{ impossible, failed []error }

// Add takes in how the newest canary of a broker went.
func (f *CanaryFaults) Add(broker string, newest CanaryOutcome) {
	switch {
	case newest.Impossible != nil:
		f.impossible = append(f.impossible, fmt.Errorf("%s can be sent no canaries, so that its heartbeats are round trips: %w", broker, newest.Impossible))
	case newest.Failed != nil:
		f.failed = append(f.failed, fmt.Errorf("%s failed its canary: %w", broker, newest.Failed))
	}
}

// Err names one broker of each kind, and how many more there are; nil: all is well.
func (f *CanaryFaults) Err() error { return errors.Join(oneOf(f.impossible), oneOf(f.failed)) }

func oneOf(all []error) error {
	switch len(all) {
	case 0:
		return nil
	case 1:
		return all[0]
	}
	return fmt.Errorf("%w; so it is with %d more brokers", all[0], len(all)-1)
}
