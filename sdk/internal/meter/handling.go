package meter

import "github.com/weirmq/weir/telemetry"

// Handling is one message in its handler. It holds what the message was when the handler
// began: a handler may change the message, or send it on.
type Handling struct {
	client  *Client
	message Message
	attempt uint32
	began   int64
}

// Begin begins to time a message's handler. Fill in what is returned: it is the message.
func (h *Handling) Begin(c *Client) *Message { return h.BeginAt(c, c.clock.now()) }

// BeginAt is Begin at a time that Client.Now has said: messages that a handler is given together share it.
func (h *Handling) BeginAt(c *Client, now int64) *Message {
	h.client, h.began = c, now
	return &h.message
}

// Attempt says how often the handler has been tried with the message, this time included.
func (h *Handling) Attempt(number int) { h.attempt = uint32(max(number, 0)) }

// Number is what Attempt was told, 0 where it was not.
func (h *Handling) Number() int { return int(h.attempt) }

// Done ends the handling, which failed or did not. Of a Handling that did not begin it
// counts nothing.
func (h *Handling) Done(failed bool) { h.end(telemetry.StepHandled, failed) }

// DoneAt is Done at a time that Client.Now has said.
func (h *Handling) DoneAt(failed bool, now int64) { h.endAt(telemetry.StepHandled, failed, now) }

// DoneTogether is DoneAt of messages that a handler was given together, none of which failed.
func DoneTogether(handlings []Handling, now int64) {
	byMeter(handlings, func(m *Meter, c *Client, of *Handling) { m.handle(of, of.outcome(telemetry.StepHandled, now, false)) })
}

// ReceivedByHandler is Client.ReceivedAt of messages that a handler is given together.
func ReceivedByHandler(handlings []Handling, now int64) {
	byMeter(handlings, func(m *Meter, c *Client, of *Handling) { m.receive(&of.message, c.clock.wallNanos(now)) })
}

// byMeter has messages counted under the lock of their meter, which is taken once for those of one topic that come one after the other: of a
// batch, which has some hundred at most. Those that did not begin are left out.
func byMeter(handlings []Handling, count func(*Meter, *Client, *Handling)) {
	for first := 0; first < len(handlings); {
		c, topic := handlings[first].client, handlings[first].message.Topic
		last := first + 1
		for last < len(handlings) && handlings[last].client == c && handlings[last].message.Topic == topic {
			last++
		}
		if c != nil {
			m := c.meter(&c.consumes, topic)
			m.mu.Lock()
			for i := first; i < last; i++ {
				count(m, c, &handlings[i])
			}
			m.mu.Unlock()
		}
		first = last
	}
}

// GiveUp is Done of a message that will not be tried again: it goes to a dead-letter topic,
// or nowhere.
func (h *Handling) GiveUp(failed bool) { h.end(telemetry.StepDeadLettered, failed) }

func (h *Handling) end(step telemetry.Step, failed bool) {
	if h.client != nil {
		h.endAt(step, failed, h.client.clock.now())
	}
}

func (h *Handling) endAt(step telemetry.Step, failed bool, now int64) {
	if h.client == nil {
		return
	}
	of := &h.client.consumes
	m := of.latest(h.message.Topic)
	if m == nil {
		m = h.client.meter(of, h.message.Topic)
	}
	m.handled(h, h.outcome(step, now, failed))
}

// outcome is what came of a message in its handler, and when.
type outcome struct {
	step                      telemetry.Step
	failed                    bool
	nanos                     int64
	wallNanos, beganWallNanos int64 // Unix time
}

func (h *Handling) outcome(step telemetry.Step, nowNanos int64, failed bool) outcome {
	clock := h.client.clock
	return outcome{step, failed, nowNanos, clock.wallNanos(nowNanos), clock.wallNanos(h.began)}
}

// handled counts the time that a message's handler took, and what came of it.
func (m *Meter) handled(h *Handling, of outcome) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.handle(h, of)
}

// handle is handled; m.mu is held.
func (m *Meter) handle(h *Handling, of outcome) {
	latency := micros(of.nanos - h.began)
	m.touched = true
	m.latency.observe(latency)
	if of.failed {
		m.errors[ClassHandler]++
	}
	slow := m.slow(latency)
	troubled := of.failed || of.step == telemetry.StepDeadLettered
	if !troubled && !slow && !m.chosen(&h.message) {
		return
	}
	e := exemplarOf(&h.message)
	e.failed, e.class, e.step, e.attempt = of.failed, ClassHandler, of.step, h.attempt
	e.timeMillis, e.latencyMicros = of.wallNanos/nanosPerMilli, latency
	e.delayMicros, _ = h.message.delayMicros(of.beganWallNanos)
	switch {
	case troubled:
		m.troubled(e, telemetry.KeptError)
	case slow:
		m.troubled(e, telemetry.KeptSlow)
	default:
		m.sampled(e)
	}
}
