package kafka

import (
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/sdk/internal/meter"
)

// Handling is one message in its handler. It holds what the message was when the handler
// began: a handler may change the record, or send it on.
type Handling struct{ of meter.Handling }

// TimeHandler begins to time a message's handler; Done ends it:
//
//	handling := hooks.TimeHandler(record)
//	err := handle(record)
//	handling.Done(err)
func (h *Hooks) TimeHandler(r *kgo.Record) Handling {
	var t Handling
	h.begin(&t.of, r, h.measured.Now())
	return t
}

// begin is TimeHandler at a time of the meter.
func (h *Hooks) begin(t *meter.Handling, r *kgo.Record, now int64) {
	m := t.BeginAt(h.measured, now)
	describe(m, r)
	m.StampMillis = r.Timestamp.UnixMilli()
}

// Attempt says how often the handler has been tried with the message, this time included:
//
//	handling := hooks.TimeHandler(record).Attempt(2)
func (t Handling) Attempt(number int) Handling {
	t.of.Attempt(number)
	return t
}

// Done ends the handling; an error counts as a failure of class handler. Of a Handling
// that did not begin it counts nothing.
func (t Handling) Done(err error) { t.of.Done(err != nil) }

// GiveUp is Done of a message that will not be tried again: it goes to a dead-letter topic,
// or nowhere.
func (t Handling) GiveUp(err error) { t.of.GiveUp(err != nil) }
