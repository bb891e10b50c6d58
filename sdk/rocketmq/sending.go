package rocketmq

import (
	"slices"
	"strings"
	"sync/atomic"

	"github.com/apache/rocketmq-client-go/v2/primitive"

	"github.com/weirmq/weir/sdk/internal/meter"
)

// sending is one call that sends messages, from its beginning until it is known what came of it.
// Where it is not called back, it stays on the stack.
type sending struct {
	client *client
	count  int             // of messages
	one    meter.Message   // the first
	more   []meter.Message // the others
	began  int64           // by the meter
	ended  atomic.Bool
}

func (s *sending) message(i int) *meter.Message {
	if i == 0 {
		return &s.one
	}
	return &s.more[i-1]
}

// begin starts the latency of messages. It holds what they are now: the application may change
// them as soon as the library lets it.
func (s *sending) begin(c *client, messages []*primitive.Message) {
	defer c.measured.Recover()
	s.client = c
	c.started()
	if slices.Contains(messages, nil) {
		return // the library refuses them, or panics
	}
	c.inject(messages)
	if len(messages) > 1 {
		s.more = make([]meter.Message, len(messages)-1)
	}
	for i, m := range messages {
		c.describeSent(s.message(i), m)
	}
	s.began = c.measured.BeginKept(len(messages))
	s.count = len(messages)
}

// outcome is what came of a call.
type outcome struct {
	result   *primitive.SendResult // nil where the broker does not answer
	messages []*primitive.Message  // nil where they may be the application's again
	err      error
}

// end counts what came of the call. A second end counts nothing: the library may call back
// more than once.
func (s *sending) end(of outcome) {
	if s.ended.Swap(true) {
		return
	}
	measured := s.client.measured
	defer measured.Recover()
	defer measured.EndKept(s.count)
	class, failed := meter.ErrorClass(0), of.err != nil
	switch {
	case failed:
		class = classOf(of.err)
	case of.result != nil && of.result.Status != primitive.SendOK:
		class, failed = meter.ClassBroker, true // it is not as safe as was asked for
	}
	listed := of.listedIDs(s.count)
	measured.Answered()
	for i := range s.count {
		m := s.message(i)
		m.ID = of.id(i, listed)
		if failed {
			measured.FailedSince(s.began, m, class)
			continue
		}
		measured.SentSince(s.began, m)
	}
}

// listedIDs are those that a broker's answer has for the messages of a batch, to which the
// library gives none: then the broker's own count.
func (o *outcome) listedIDs(count int) []string {
	if o.result == nil || count < 2 {
		return nil
	}
	if ids := strings.Split(o.result.OffsetMsgID, ","); len(ids) == count {
		return ids
	}
	return nil
}

// id is the id of a message that consumers see, empty where it is not known. The library makes
// one when it sends a message by itself.
func (o *outcome) id(number int, listed []string) string {
	if number < len(o.messages) {
		if id := o.messages[number].GetProperty(primitive.PropertyUniqueClientMessageIdKeyIndex); id != "" {
			return id
		}
	}
	switch {
	case number < len(listed):
		return listed[number]
	case o.result != nil && number == 0 && !strings.Contains(o.result.MsgID, ","):
		return o.result.MsgID
	}
	return ""
}
