package rocketmq

import rmqconsumer "github.com/apache/rocketmq-client-go/v2/consumer"

// Of the library: what it holds of a queue that nobody handles yet is a channel of 32 pulls, one that waits to be put there and one that was taken out of it,
// each of 32 messages and, by what brokers are configured with, of 256 KiB or one message.
const heldOfQueue = (32 + 1 + 1) * 32

const (
	// mostCalls is the most that the library makes at once.
	mostCalls = 100_000
	// mostThreshold is the largest threshold that the library takes for a queue, and a hundred times it that of a topic, which it divides by the topic's queues.
	mostThreshold = 65_535
	// passed is how many messages of a queue may be handled behind one that is not, and wait behind one that a command holds. Not fewer: these are the library's
	// own; not more: all of them are given again where the program dies before that one is handled, and those that are held take a goroutine each.
	passed = 1000
)

// flowControl has the library's own flow control not begin while messages are handled in about the order in which they came, however many are left: it counts how
// often it began without a lock, and reads a queue's tree of messages while others write it. What is held is bounded all the same, by heldOfQueue and the calls;
// where one message stays or a queue is held, by the distance that flow control has.
func flowControl(calls int) []rmqconsumer.Option {
	return []rmqconsumer.Option{rmqconsumer.WithPullThresholdForQueue(mostThreshold), rmqconsumer.WithPullThresholdForTopic(100 * mostThreshold),
		rmqconsumer.WithConsumeConcurrentlyMaxSpan(min(heldOfQueue+calls+passed, mostThreshold))}
}
