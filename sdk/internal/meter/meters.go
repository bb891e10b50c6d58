package meter

import (
	"maps"
	"sync/atomic"

	"github.com/weirmq/weir/telemetry"
)

// OverflowTopic counts the topics beyond Settings.MaxTopics, so that totals stay right.
const OverflowTopic = "_overflow"

// meters are the meters of one op by topic. Reading takes no lock: a topic
// seen for the first time makes a new map.
type meters struct {
	op      string
	byTopic atomic.Pointer[map[string]*Meter]
	last    atomic.Pointer[Meter] // of the message before: most come in batches of one topic
}

// latest is the meter of the message before where that was of the topic, nil otherwise. It is
// short enough to be inlined, and asked before meter for each message.
func (of *meters) latest(topic string) *Meter {
	if m := of.last.Load(); m != nil && m.topic == topic {
		return m
	}
	return nil
}

// meter returns the topic's meter, a shared one beyond MaxTopics.
func (c *Client) meter(of *meters, topic string) *Meter {
	known := *of.byTopic.Load()
	m := known[topic]
	if m == nil && len(known) > c.registry.settings.MaxTopics {
		m = known[OverflowTopic]
	}
	if m == nil {
		m = c.newMeter(of, topic)
	}
	of.last.Store(m)
	return m
}

func (c *Client) newMeter(of *meters, topic string) *Meter {
	c.mu.Lock()
	defer c.mu.Unlock()
	known := *of.byTopic.Load()
	if m := known[topic]; m != nil {
		return m
	}
	if len(known) >= c.registry.settings.MaxTopics {
		topic = OverflowTopic
	}
	if m := known[topic]; m != nil {
		return m
	}
	now := c.clock.WallMillis()
	m := &Meter{op: of.op, topic: topic, events: append([]telemetry.Event(nil), c.events...), touched: len(c.events) > 0,
		beganMillis: now, toldMillis: now, keeping: c.registry.keepingOf(&c.labels, topic)}
	more := maps.Clone(known)
	more[topic] = m
	of.byTopic.Store(&more)
	return m
}

func (c *Client) meters() [4]*meters {
	return [...]*meters{&c.sends, &c.consumes, &c.groups, &c.controls}
}

// All yields every meter, once all that was noted is counted.
func (c *Client) All(yield func(*Meter) bool) {
	c.countNotes()
	c.each(yield)
}

// each yields every meter.
func (c *Client) each(yield func(*Meter) bool) {
	for _, of := range c.meters() {
		for _, m := range *of.byTopic.Load() {
			if !yield(m) {
				return
			}
		}
	}
}
