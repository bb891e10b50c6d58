package weir

import "time"

// Header is a name and a value that travel with a message. RocketMQ carries text only: there, a
// value must be UTF-8 without control characters.
type Header struct {
	Key   string
	Value []byte
}

// Message is what is sent.
type Message struct {
	// Key is what messages are kept in order by: those of one key are in one partition or queue.
	// Without a key a message may be in any.
	Key []byte
	// Tag is a kind of message within a topic: RocketMQ's tag, on Kafka the header TagHeader.
	Tag     string
	Headers []Header
	Body    []byte
	// Delay is how long consumers are not given the message, at least. A producer that sends such
	// is opened with [MaxDelay].
	Delay time.Duration
}

// TagHeader carries a message's tag on systems that have none of their own.
const TagHeader = "weir-tag"

// Delivery is a message that a handler is given.
type Delivery struct {
	Message
	Resource  string    // as routes name it
	Topic     string    // where it was read
	Partition int32     // or the number of a queue
	Offset    int64     // in the partition or queue
	Time      time.Time // when it was sent, as its system has it
	// Attempt is how often a handler was given it, this time included, as far as its system knows: a
	// consumer of Kafka that is started again counts anew.
	Attempt int
	native  any
}

// NewDelivery is for packages that bring a [System]: native is the message as the system's library has it.
func NewDelivery(native any) Delivery { return Delivery{native: native} }

// SetNative is NewDelivery of one that is there, such as in a slice: it need not be copied.
func (d *Delivery) SetNative(native any) { d.native = native }

// Native is the message as the system's library has it: *kgo.Record or *primitive.MessageExt.
func (d *Delivery) Native() any { return d.native }

// Header returns a header's value, the first of its name; false where there is none.
func (m *Message) Header(key string) ([]byte, bool) {
	for i := range m.Headers {
		if m.Headers[i].Key == key {
			return m.Headers[i].Value, true
		}
	}
	return nil, false
}
