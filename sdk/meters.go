package weir

import (
	"maps"
	"sync/atomic"

	"github.com/weirmq/weir/telemetry"
)

// overflowTopic counts the topics beyond Config.MaxTopics, so that totals stay right.
const overflowTopic = "_overflow"

// meters are the meters of one op by topic. Reading takes no lock: a topic
// seen for the first time makes a new map.
type meters struct {
	op      string
	byTopic atomic.Pointer[map[string]*meter]
	last    atomic.Pointer[meter] // of the record before: most records come in batches of one topic
}

// meter returns the topic's meter, a shared one beyond MaxTopics.
func (h *Hooks) meter(of *meters, topic string) *meter {
	if m := of.last.Load(); m != nil && m.topic == topic {
		return m
	}
	known := *of.byTopic.Load()
	m := known[topic]
	if m == nil && len(known) > h.owner.config.MaxTopics {
		m = known[overflowTopic]
	}
	if m == nil {
		m = h.newMeter(of, topic)
	}
	of.last.Store(m)
	return m
}

func (h *Hooks) newMeter(of *meters, topic string) *meter {
	h.mu.Lock()
	defer h.mu.Unlock()
	known := *of.byTopic.Load()
	if m := known[topic]; m != nil {
		return m
	}
	if len(known) >= h.owner.config.MaxTopics {
		topic = overflowTopic
	}
	if m := known[topic]; m != nil {
		return m
	}
	now := h.clock.wallMillis(h.clock.now())
	m := &meter{op: of.op, topic: topic, events: append([]telemetry.Event(nil), h.events...), touched: len(h.events) > 0,
		beganMillis: now, toldMillis: now, keeping: h.owner.config.keeping()}
	more := maps.Clone(known)
	more[topic] = m
	of.byTopic.Store(&more)
	return m
}

// all yields every meter.
func (h *Hooks) all(yield func(*meter) bool) {
	for _, of := range []*meters{&h.sends, &h.consumes, &h.groups} {
		for _, m := range *of.byTopic.Load() {
			if !yield(m) {
				return
			}
		}
	}
}
