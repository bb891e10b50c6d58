package rocketmq

import (
	"github.com/apache/rocketmq-client-go/v2/primitive"

	"github.com/weirmq/weir/sdk/internal/meter"
)

// noOffset leaves out where a message is: brokers number their queues alike, so that its topic,
// queue and offset name several messages. Its id names one.
const noOffset = -1

// describeSent fills in what is measured of a message before it is sent.
func (c *client) describeSent(m *meter.Message, of *primitive.Message) {
	m.Topic, m.Offset = c.qualified(of.Topic), noOffset
	describe(m, of)
}

// describeReceived fills in what is measured of a message that was received. Its time is that
// at which the broker stored it, which is no earlier than it could be consumed: a message that
// is delayed or tried again by wish is stored anew when its time has come, and is not late by that.
func describeReceived(m *meter.Message, of *primitive.MessageExt) {
	m.Topic, m.Offset, m.StampMillis, m.ID = of.Topic, noOffset, of.StoreTimestamp, of.MsgId
	describe(m, &of.Message)
}

// describe fills in what is the same where a message is sent and where it is received. Its size is
// that of body, keys and tags: the library gives all properties as a copy only, and has its own among them.
func describe(m *meter.Message, of *primitive.Message) {
	m.Bytes = uint64(len(of.Body) + len(of.GetProperty(primitive.PropertyKeys)) + len(of.GetProperty(primitive.PropertyTags)))
	if value := of.GetProperty(meter.TraceparentHeader); value != "" {
		if trace := meter.TraceOf(value); trace != "" {
			m.Trace = []byte(trace)
		}
	}
}

// inject adds a trace to messages that have none.
func (c *client) inject(messages []*primitive.Message) {
	if !c.injects {
		return
	}
	for _, m := range messages {
		if m != nil && m.GetProperty(meter.TraceparentHeader) == "" {
			m.WithProperty(meter.TraceparentHeader, string(meter.NewTraceparent()))
		}
	}
}
