package meter

import (
	"slices"
	"time"

	"github.com/weirmq/weir/telemetry"
)

// Sampling says which messages are told of one by one.
type Sampling struct {
	SlowAfter time.Duration // from it on a message is told of; 0 and below is never
	OneIn     int           // of so many messages one is told of; 0 and below is none
}

// SamplingOf says which messages are told of a client's topic, given what Settings say. It is called
// with locks held, and calls nothing of this package.
type SamplingOf func(of *telemetry.Labels, topic string, settings Sampling) Sampling

// SetSampling has other messages told of from now on; nil is as Settings say.
func (r *Registry) SetSampling(of SamplingOf) {
	if of == nil {
		r.sampling.Store(nil)
	} else {
		r.sampling.Store(&of)
	}
	for _, c := range r.Clients() {
		labels := c.Labels()
		for m := range c.All {
			keeping := r.keepingOf(&labels, m.topic)
			m.mu.Lock()
			m.keeping = keeping
			m.mu.Unlock()
		}
	}
}

func (r *Registry) keepingOf(labels *telemetry.Labels, topic string) keeping {
	sampling := Sampling{r.settings.SlowAfter, r.settings.SampleOneIn}
	if of := r.sampling.Load(); of != nil {
		sampling = (*of)(labels, topic, sampling)
	}
	return sampling.keeping()
}

// SetInterval has reports made so often from now on; 0 is as configured.
func (r *Registry) SetInterval(between time.Duration) {
	if r.interval.Swap(int64(between)) == int64(between) {
		return
	}
	select {
	case r.changed <- struct{}{}:
	default: // one is waiting
	}
}

// Interval is how often reports are made, where so often is configured.
func (r *Registry) Interval(configured time.Duration) time.Duration {
	if between := time.Duration(r.interval.Load()); between > 0 {
		return between
	}
	return configured
}

// IntervalChanged tells whoever reports that Interval has changed.
func (r *Registry) IntervalChanged() <-chan struct{} { return r.changed }

// Controlled notes gauges of the commands that apply to the client, as they stand, and what became of commands.
func (c *Client) Controlled(gauges []telemetry.Gauge, events ...telemetry.Event) {
	m := c.meter(&c.controls, "")
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, event := range events {
		event.Detail = bounded(event.Detail)
		m.add(event)
	}
	if !slices.Equal(m.gauges, gauges) {
		m.gauges, m.touched = slices.Clone(gauges), true
	}
}

// Topics are those that the client has sent to or consumed, as far as they are measured one by one.
func (c *Client) Topics() []string {
	var out []string
	for _, of := range []*meters{&c.sends, &c.consumes} {
		for topic := range *of.byTopic.Load() {
			if topic != OverflowTopic && !slices.Contains(out, topic) {
				out = append(out, topic)
			}
		}
	}
	return out
}

// Withheld counts a message that was not given to the client library, and so is not sent.
func (c *Client) Withheld(of *Message, class ErrorClass) { c.Failed(0, of, class) }
