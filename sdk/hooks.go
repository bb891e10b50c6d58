package weir

import (
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/telemetry"
)

// overflowTopic counts the topics beyond Config.MaxTopics, so that totals stay right.
const overflowTopic = "_overflow"

const (
	opSend    = "send"
	opConsume = "consume"
)

// Hooks measure one franz-go client: pass them to kgo.WithHooks. Its methods may be
// called from any goroutine.
type Hooks struct {
	owner    *Client
	clock    *clock
	inflight inflight

	sends    meters
	consumes meters

	mu         sync.Mutex
	client     *kgo.Client // nil before kgo.NewClient and after its Close
	labels     telemetry.Labels
	events     []telemetry.Event // of the whole client, for meters that come later
	generation int32             // of the consumer group, -1 before the first
	closedAt   int64             // Unix milliseconds, 0 while the client is open
}

var (
	_ kgo.HookNewClient               = (*Hooks)(nil)
	_ kgo.HookClientClosed            = (*Hooks)(nil)
	_ kgo.HookProduceRecordBuffered   = (*Hooks)(nil)
	_ kgo.HookProduceRecordUnbuffered = (*Hooks)(nil)
	_ kgo.HookFetchRecordUnbuffered   = (*Hooks)(nil)
)

// meters are the meters of one direction by topic. Reading takes no lock: a topic
// seen for the first time makes a new map.
type meters struct {
	op      string
	byTopic atomic.Pointer[map[string]*meter]
	last    atomic.Pointer[meter] // of the record before: most records come in batches of one topic
}

// OnNewClient notes the client's start; kgo calls it.
func (h *Hooks) OnNewClient(client *kgo.Client) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.client = client
	h.labels = h.owner.config.identify(client)
	h.events = []telemetry.Event{{Kind: telemetry.EventStarted, TimeUnixMillis: h.clock.wallMillis(h.clock.now())}}
}

// OnClientClosed notes the client's end; kgo calls it.
func (h *Hooks) OnClientClosed(*kgo.Client) { h.stopped() }

func (h *Hooks) stopped() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.client == nil {
		return
	}
	h.client, h.closedAt = nil, h.clock.wallMillis(h.clock.now())
	stopped := telemetry.Event{Kind: telemetry.EventStopped, TimeUnixMillis: h.closedAt}
	h.events = append(h.events, stopped)
	for m := range h.all {
		m.note(stopped)
	}
}

// closedFor is how long the client has been closed, 0 while it is open.
func (h *Hooks) closedFor(nowMillis int64) time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closedAt == 0 {
		return 0
	}
	return max(time.Duration(nowMillis-h.closedAt)*time.Millisecond, 1)
}

// OnProduceRecordBuffered starts a message's send latency; kgo calls it.
func (h *Hooks) OnProduceRecordBuffered(r *kgo.Record) {
	if h.owner.config.InjectTraceparent {
		injectTraceparent(r)
	}
	h.inflight.begin(r, h.clock.now())
}

// OnProduceRecordUnbuffered counts a message that was acknowledged or failed; kgo
// calls it.
func (h *Hooks) OnProduceRecordUnbuffered(r *kgo.Record, err error) {
	now := h.clock.now()
	began, ok := h.inflight.end(r)
	if !ok {
		began = now
	}
	m := h.meter(&h.sends, r.Topic)
	if err != nil {
		m.failed(err)
		return
	}
	m.sent(r, now-began, h.clock.wallMillis(now))
}

// OnFetchRecordUnbuffered counts a message that the application was given; kgo calls it.
func (h *Hooks) OnFetchRecordUnbuffered(r *kgo.Record, polled bool) {
	if !polled {
		return // thrown away by a rebalance or by Close
	}
	nanos := h.clock.wallNanos(h.clock.now())
	h.meter(&h.consumes, r.Topic).delivered(r, nanos-r.Timestamp.UnixNano(), nanos/nanosPerMilli)
}

// Handling is one message in its handler.
type Handling struct {
	hooks *Hooks
	topic string
	began int64
}

// TimeHandler begins to time a message's handler; Done ends it:
//
//	handling := hooks.TimeHandler(record)
//	err := handle(record)
//	handling.Done(err)
func (h *Hooks) TimeHandler(r *kgo.Record) Handling {
	return Handling{hooks: h, topic: r.Topic, began: h.clock.now()}
}

// Done ends the handling; an error counts as a failure of class handler.
func (t Handling) Done(err error) {
	t.hooks.meter(&t.hooks.consumes, t.topic).handled(t.hooks.clock.now()-t.began, err)
}

// meter returns the topic's meter, a shared one beyond MaxTopics.
func (h *Hooks) meter(of *meters, topic string) *meter {
	if m := of.last.Load(); m != nil && m.topic == topic {
		return m
	}
	m := (*of.byTopic.Load())[topic]
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
	if len(known) >= h.owner.config.MaxTopics {
		topic = overflowTopic
	}
	if m := known[topic]; m != nil {
		return m
	}
	m := &meter{op: of.op, topic: topic, events: append([]telemetry.Event(nil), h.events...), touched: len(h.events) > 0,
		beganMillis: h.clock.wallMillis(h.clock.now())}
	more := maps.Clone(known)
	more[topic] = m
	of.byTopic.Store(&more)
	return m
}

// all yields every meter.
func (h *Hooks) all(yield func(*meter) bool) {
	for _, of := range []*meters{&h.sends, &h.consumes} {
		for _, m := range *of.byTopic.Load() {
			if !yield(m) {
				return
			}
		}
	}
}

// look asks the client what it does not tell by hooks: which topics it consumes,
// which are paused, and whether its group has rebalanced.
func (h *Hooks) look(nowMillis int64) {
	h.mu.Lock()
	client := h.client
	h.mu.Unlock()
	if client == nil {
		return
	}
	paused := map[string]bool{}
	for _, topic := range client.PauseFetchTopics() {
		paused[topic] = true
	}
	for _, topic := range client.GetConsumeTopics() {
		h.meter(&h.consumes, topic).setPaused(paused[topic], nowMillis)
	}
	_, generation := client.GroupMetadata()
	h.rebalanced(generation, nowMillis)
}

// rebalanced notes a new generation of the consumer group. Joining a group for the
// first time is no rebalance.
func (h *Hooks) rebalanced(generation int32, nowMillis int64) {
	h.mu.Lock()
	before := h.generation
	if generation >= 0 {
		h.generation = generation
	}
	h.mu.Unlock()
	if generation < 0 || before < 0 || generation == before {
		return
	}
	for _, m := range *h.consumes.byTopic.Load() {
		m.note(telemetry.Event{Kind: telemetry.EventRebalanced, TimeUnixMillis: nowMillis})
	}
}
