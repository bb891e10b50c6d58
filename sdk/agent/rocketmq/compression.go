package rocketmq

import (
	"github.com/apache/rocketmq-client-go/v2/primitive"

	"github.com/weirmq/weir/remoting"
)

// compress has the library send a message as one that is compressed, where a command says so and it is worth it. The function that it returns
// takes that back: the message is the program's, which may give it another body and send it again.
func (p *producer[C]) compress(messages []*primitive.Message) (undo func()) {
	if len(messages) != 1 || !p.Compresses(messages[0]) {
		return func() {}
	}
	m := messages[0]
	body, worth := p.client.CompressZlib(m.Body)
	if !worth {
		return func() {}
	}
	m.CompressedBody, m.Compress = body, true
	return func() { m.CompressedBody, m.Compress = nil, false }
}

// replyType is what the property of a message's type says of the reply to a request. The library sends those as they are, whatever is said of them.
const replyType = "reply"

// Compresses says whether a command has a message compressed where that is sent alone.
func (p *producer[C]) Compresses(m *primitive.Message) bool {
	return m != nil && !m.Compress && !m.Batch && m.GetProperty(primitive.PropertyMsgType) != replyType &&
		p.client.Compresses(remoting.InNamespace(p.namespace, m.Topic), len(m.Body))
}
