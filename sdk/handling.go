package weir

import (
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/telemetry"
)

// Handling is one message in its handler. It holds what the message was when the handler
// began: a handler may change the record, or send it on.
type Handling struct {
	hooks     *Hooks
	topic     string
	partition int32
	attempt   uint32
	offset    int64
	headers   []kgo.RecordHeader
	stamped   time.Time
	size      uint64
	began     int64
}

// TimeHandler begins to time a message's handler; Done ends it:
//
//	handling := hooks.TimeHandler(record)
//	err := handle(record)
//	handling.Done(err)
func (h *Hooks) TimeHandler(r *kgo.Record) Handling {
	return Handling{hooks: h, topic: r.Topic, partition: r.Partition, offset: r.Offset, headers: r.Headers, stamped: r.Timestamp,
		size: recordBytes(r), began: h.clock.now()}
}

// Attempt says how often the handler has been tried with the message, this time included:
//
//	handling := hooks.TimeHandler(record).Attempt(2)
func (t Handling) Attempt(number int) Handling {
	t.attempt = uint32(max(number, 0))
	return t
}

// Done ends the handling; an error counts as a failure of class handler. Of a Handling
// that did not begin it counts nothing.
func (t Handling) Done(err error) { t.end(telemetry.StepHandled, err) }

// GiveUp is Done of a message that will not be tried again: it goes to a dead-letter topic,
// or nowhere.
func (t Handling) GiveUp(err error) { t.end(telemetry.StepDeadLettered, err) }

func (t *Handling) end(step telemetry.Step, err error) {
	if t.hooks == nil {
		return
	}
	t.hooks.meter(&t.hooks.consumes, t.topic).handled(t, step, t.hooks.clock.now(), err)
}

// handled counts the time that a message's handler took, and what came of it.
func (m *meter) handled(t *Handling, step telemetry.Step, nowNanos int64, err error) {
	latency := micros(nowNanos - t.began)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.touched = true
	m.latency.observe(latency)
	if err != nil {
		m.errors[classHandler]++
	}
	slow := m.slow(latency)
	failed := err != nil || step == telemetry.StepDeadLettered
	if !failed && !slow && !m.chosen(t.topic, t.partition, t.offset, t.headers) {
		return
	}
	clock := t.hooks.clock
	e := exemplar{failed: err != nil, class: classHandler, timeMillis: clock.wallMillis(nowNanos), latencyMicros: latency, sizeBytes: t.size,
		topic: t.topic, partition: t.partition, offset: t.offset, attempt: t.attempt, trace: traceOf(t.headers), step: step}
	e.delayMicros, _ = delayMicros(t.stamped, clock.wallNanos(t.began))
	switch {
	case failed:
		m.troubled(e, telemetry.KeptError)
	case slow:
		m.troubled(e, telemetry.KeptSlow)
	default:
		m.sampled(e)
	}
}
