package rocketmq

import (
	"context"
	"sync"

	rmqconsumer "github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"

	"github.com/weirmq/weir/sdk/internal/meter"
)

// call is one call of a handler that is measured. The library makes it on a goroutine of its own, and has used all but 320 bytes of its first stack by
// then: if that is copied to a larger one, it costs more than what is measured. So all that is kept stands here, nothing is called that has a large frame, and
// where a handler is given one message, as most are, what is to be counted of it is noted only.
type call struct {
	consumer *consumer
	handle   handler
	ctx      context.Context
	messages []*primitive.MessageExt
	result   rmqconsumer.ConsumeResult
	err      error
	returned bool
	alone    bool // it was given one message: asked before it is, as the slice is the handler's then

	note      meter.Note       // of the message
	handlings []meter.Handling // of several messages
}

// calls are used again once what was noted is counted.
var calls = sync.Pool{New: func() any {
	of := &call{}
	of.note.Counted = of
	return of
}}

// measure is a handler that is measured. A panic passes through as it came.
func (c *consumer) measure(handle handler) handler {
	return func(ctx context.Context, messages ...*primitive.MessageExt) (rmqconsumer.ConsumeResult, error) {
		of := calls.Get().(*call)
		of.consumer, of.handle, of.ctx, of.messages = c, handle, ctx, messages
		of.alone = len(messages) == 1 && messages[0] != nil
		if of.alone {
			of.read()
		}
		of.begin()
		return of.run()
	}
}

// read takes what is asked of a message's properties, which calls deepest: so it has no variables.
func (of *call) read() {
	n := &of.note
	n.MoreBytes(len(of.messages[0].GetProperty(primitive.PropertyKeys)))
	n.MoreBytes(len(of.messages[0].GetProperty(primitive.PropertyTags)))
	n.Traceparent = of.messages[0].GetProperty(meter.TraceparentHeader)
}

// begin counts messages that the application is given. Of one it only reads what it has, and cannot panic.
func (of *call) begin() {
	c := of.consumer
	m := of.note.Of(c.measured)
	if !of.alone {
		of.handlings = c.received(nil, of.messages)
		return
	}
	c.started()
	from := of.messages[0]
	m.Topic, m.Offset, m.StampMillis, m.ID = from.Topic, noOffset, from.StoreTimestamp, from.MsgId // as describeReceived has it
	m.Bytes += uint64(len(from.Body))
	of.note.Attempt(int(from.ReconsumeTimes) + 1)
	of.note.Begin()
}

// run calls the handler.
func (of *call) run() (rmqconsumer.ConsumeResult, error) {
	defer of.end()
	of.result, of.err = of.handle(of.ctx, of.messages...)
	of.note.Now()
	of.returned = true
	return of.result, of.err
}

// end ends the handling of what begin counted.
func (of *call) end() {
	if of.returned && of.err == nil && of.result == rmqconsumer.ConsumeSuccess && of.alone {
		of.letGo()
		of.note.End(false, false)
		return
	}
	of.judge()
}

// judge is end where a message failed, or several were given.
func (of *call) judge() {
	c := of.consumer
	defer c.measured.Recover()
	v, alone := c.judge(of.ctx, of.result, of.err, of.returned), of.alone
	of.letGo()
	if alone {
		if !of.returned {
			of.note.Now()
		}
		of.note.End(v.failed, v.givesUp(of.note.Number()))
		return
	}
	c.handled(of.handlings, v)
	of.Counted()
}

// letGo keeps nothing of the application's while a note waits. Once its end is noted, the call may be another one's.
func (of *call) letGo() { of.handle, of.ctx, of.messages, of.err = nil, nil, nil, nil }

// Counted has the call be used again.
func (of *call) Counted() {
	*of = call{note: meter.Note{Counted: of}}
	calls.Put(of)
}
