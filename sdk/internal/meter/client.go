package meter

import (
	"sync"
	"sync/atomic"

	"github.com/weirmq/weir/telemetry"
)

// What a report is about.
const (
	OpSend    = "send"
	OpConsume = "consume"
	OpGroup   = "group"
	OpControl = "control"
)

// Client measures one client of a message queue. Its methods may be called from any goroutine.
type Client struct {
	registry *Registry
	clock    *Clock
	identity Identity
	look     func(nowMillis int64)
	inflight inflight
	begun    atomic.Int64 // messages in flight whose beginnings their senders keep
	answers  atomic.Int64 // that may end messages which are in flight
	waiting  atomic.Int32 // reports that the telemetry cluster has not acknowledged

	sends    meters
	consumes meters
	groups   meters // of the client's consumer group: one, without a topic
	controls meters // of the commands that apply to the client: one, without a topic

	held atomic.Pointer[func(topic string) bool] // by somebody else than the client

	notes notes // of messages that are handled

	mu       sync.Mutex
	open     bool // the client is made, and not closed
	labels   telemetry.Labels
	events   []telemetry.Event // of the whole client, for meters that come later
	closedAt int64             // Unix milliseconds, 0 while the client is open
}

func newClient(r *Registry, of Identity, look func(nowMillis int64)) *Client {
	c := &Client{registry: r, clock: r.Clock, identity: of, look: look, labels: r.settings.labelsOf(of)}
	c.sends.op, c.consumes.op, c.groups.op, c.controls.op = OpSend, OpConsume, OpGroup, OpControl
	for _, of := range c.meters() {
		of.byTopic.Store(&map[string]*Meter{})
	}
	return c
}

// Begin starts a message's send latency. The key names the message until it is sent or has
// failed: it is its address, KeyBytes or more from those of others, and not 0. A client begins its messages in
// this way or by BeginKept.
func (c *Client) Begin(key uintptr) { c.inflight.begin(key, c.clock.now()) }

// BeginKept is Begin of several messages whose sender keeps when they began until EndKept, for SentSince and FailedSince.
func (c *Client) BeginKept(messages int) (began int64) {
	c.begun.Add(int64(messages))
	return c.clock.now()
}

// EndKept notes that messages of BeginKept are counted.
func (c *Client) EndKept(messages int) { c.begun.Add(-int64(messages)) }

// Answered notes that messages may end now: an answer has come that acknowledges some.
func (c *Client) Answered() { c.answers.Add(1) }

// Sent counts a message that was acknowledged, or taken where no acknowledgement is asked for.
func (c *Client) Sent(key uintptr, of *Message) { c.sent(beginning{key: key}, of) }

// SentSince is Sent of a message that began when BeginKept said.
func (c *Client) SentSince(began int64, of *Message) { c.sent(beginning{nanos: began, kept: true}, of) }

func (c *Client) sent(b beginning, of *Message) {
	answers := c.answers.Load() // before any clock is read
	m := c.sends.latest(of.Topic)
	if m == nil {
		m = c.meter(&c.sends, of.Topic)
	}
	m.sent(c, b, answers, of)
}

// Failed counts a message that was not acknowledged.
func (c *Client) Failed(key uintptr, of *Message, class ErrorClass) {
	c.meter(&c.sends, of.Topic).failed(c, beginning{key: key}, of, class)
}

// FailedSince is Failed of a message that began when BeginKept said.
func (c *Client) FailedSince(began int64, of *Message, class ErrorClass) {
	c.meter(&c.sends, of.Topic).failed(c, beginning{nanos: began, kept: true}, of, class)
}

// beginning is when a message began to be sent.
type beginning struct {
	key   uintptr // in inflight
	nanos int64   // where the sender kept it
	kept  bool
}

// of returns when that was, and lets inflight forget it; known is false where nobody knows.
func (b *beginning) of(c *Client) (nanos int64, known bool) {
	if b.kept {
		return b.nanos, true
	}
	return c.inflight.end(b.key)
}

// Received counts a message that the application was given.
func (c *Client) Received(of *Message) { c.ReceivedAt(of, c.clock.now()) }

// ReceivedAt is Received at a time that Now has said: a client is given many messages at once, and reading the clock costs a third of
// what counting one does.
func (c *Client) ReceivedAt(of *Message, now int64) {
	m := c.consumes.latest(of.Topic)
	if m == nil {
		m = c.meter(&c.consumes, of.Topic)
	}
	m.received(of, c.clock.wallNanos(now))
}

// Unsettled is how many messages that were sent are not counted yet. A message leaves inflight
// under its meter's lock: once inflight is empty and each of the locks was free, all
// are counted.
func (c *Client) Unsettled() int64 {
	if left := c.begun.Load() + c.inflight.count(); left != 0 {
		return left
	}
	for _, m := range *c.sends.byTopic.Load() {
		m.hasCounted()
	}
	return 0
}

// Labels are those of the client's reports, without op and topic.
func (c *Client) Labels() telemetry.Labels {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.labels
}

// WallMillis is the time of the wall clock, Unix milliseconds.
func (c *Client) WallMillis() int64 { return c.clock.WallMillis() }

// Recover keeps a panic of the SDK's own code from the host: defer it. It is counted.
func (c *Client) Recover() {
	if recover() != nil {
		c.registry.recovered.Add(1)
	}
}

// WallMillisAt is the time of the wall clock when Now said so, Unix milliseconds.
func (c *Client) WallMillisAt(now int64) int64 { return c.clock.wallMillis(now) }

// AddWaiting notes reports that the telemetry cluster has to acknowledge yet.
func (c *Client) AddWaiting(reports int32) { c.waiting.Add(reports) }
