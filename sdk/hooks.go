package weir

import (
	"sync"
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/telemetry"
)

const (
	opSend    = "send"
	opConsume = "consume"
	opGroup   = "group"
)

// Hooks measure one franz-go client: pass them to kgo.WithHooks. Its methods may be
// called from any goroutine.
type Hooks struct {
	owner    *Client
	clock    *clock
	inflight inflight
	answers  atomic.Int64 // to produce requests, and such requests written
	waiting  atomic.Int32 // reports that the telemetry cluster has not acknowledged
	// unanswered says that the client asks for no acknowledgement: it makes offsets up.
	unanswered atomic.Bool

	sends    meters
	consumes meters
	groups   meters // of the client's consumer group: one, without a topic

	mu         sync.Mutex
	client     *kgo.Client // nil before kgo.NewClient and after its Close
	connected  bool        // the client is made: its methods may be called
	labels     telemetry.Labels
	events     []telemetry.Event // of the whole client, for meters that come later
	generation int32             // of the consumer group, 0 before the first
	closedAt   int64             // Unix milliseconds, 0 while the client is open
}

var (
	_ kgo.HookNewClient               = (*Hooks)(nil)
	_ kgo.HookBrokerConnect           = (*Hooks)(nil)
	_ kgo.HookBrokerE2E               = (*Hooks)(nil)
	_ kgo.HookBrokerWrite             = (*Hooks)(nil)
	_ kgo.HookClientClosed            = (*Hooks)(nil)
	_ kgo.HookProduceRecordBuffered   = (*Hooks)(nil)
	_ kgo.HookProduceRecordUnbuffered = (*Hooks)(nil)
	_ kgo.HookFetchRecordUnbuffered   = (*Hooks)(nil)
)

func newHooks(owner *Client) *Hooks {
	h := &Hooks{owner: owner, clock: owner.clock, labels: owner.config.labels()}
	h.sends.op, h.consumes.op, h.groups.op = opSend, opConsume, opGroup
	for _, of := range []*meters{&h.sends, &h.consumes, &h.groups} {
		of.byTopic.Store(&map[string]*meter{})
	}
	return h
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
	answers := h.answers.Load() // before any clock is read
	m := h.meter(&h.sends, r.Topic)
	if err != nil {
		m.failed(r, &h.inflight, err, h.clock)
		return
	}
	m.sent(r, &h.inflight, answers, !h.unanswered.Load(), h.clock)
}

// settled says that every message that was sent is counted. A message leaves inflight
// under its meter's lock: once inflight is empty and each of the locks was free, all
// are counted.
func (h *Hooks) settled() bool {
	if !h.inflight.empty() {
		return false
	}
	for _, m := range *h.sends.byTopic.Load() {
		m.hasCounted()
	}
	return true
}

// OnFetchRecordUnbuffered counts a message that the application was given; kgo calls it.
func (h *Hooks) OnFetchRecordUnbuffered(r *kgo.Record, polled bool) {
	if !polled {
		return // thrown away by a rebalance or by Close
	}
	h.meter(&h.consumes, r.Topic).delivered(r, h.clock.wallNanos(h.clock.now()))
}
