package rocketmq

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"sync"
	"sync/atomic"
	"time"

	rmq "github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/primitive"
	rmqproducer "github.com/apache/rocketmq-client-go/v2/producer"

	"github.com/weirmq/weir/control"
	"github.com/weirmq/weir/sdk"
	steer "github.com/weirmq/weir/sdk/agent/rocketmq"
	"github.com/weirmq/weir/sdk/internal/meter"
)

const (
	// sendTimeout bounds one request. Not shorter: a broker that flushes to a busy disk takes seconds; not
	// longer: one that hangs is tried again by then.
	sendTimeout = 5 * time.Second
	// sendRetries are after the first request. Not fewer: a connection that was closed fails once; not more: who sends waits.
	sendRetries = 2
	// maxBatchBytes bounds messages that are sent in one request. Not smaller: a request costs as much as 10 KiB of messages; not
	// larger: brokers take 4 MiB by default.
	maxBatchBytes = 1 << 20
	// perMessageBytes are added to a message's own in a batch: lengths and properties. Not fewer: there are some ten properties' names;
	// not more: batches would be half empty.
	perMessageBytes = 512
)

// sender sends to one topic.
type sender struct {
	topic    string
	ask      *asker
	producer rmq.Producer
	queues   *keyedQueues
	turn     atomic.Uint32 // of messages without a key
	steered  bool          // commands apply
	measured *client       // nil where nothing is measured
	// compresses says that a command has a message compressed, where it goes alone; nil where none apply.
	compresses func(*primitive.Message) bool
}

// keyedQueues selects the queue whose number a message has been given.
type keyedQueues struct{ count atomic.Int32 }

// Select is the library's question.
func (k *keyedQueues) Select(message *primitive.Message, queues []*primitive.MessageQueue, _ string) *primitive.MessageQueue {
	k.count.Store(int32(len(queues)))
	number := 0
	if message.Queue != nil {
		number = message.Queue.QueueId
	}
	return queues[number%len(queues)]
}

// OpenSender opens a producer. The library may wait some seconds for name servers that are away.
func (s *system) OpenSender(config weir.SenderConfig) (weir.Sender, error) {
	access, instance, queues := s.access(config.Route), ownInstance(&config.Route), &keyedQueues{}
	plain, err := rmq.NewProducer(rmqproducer.WithGroupName(producerGroup(&config.Route)), rmqproducer.WithInstanceName(instance),
		rmqproducer.WithNsResolver(primitive.NewPassthroughResolver(config.Route.Endpoints)), rmqproducer.WithNamespace(config.Route.Namespace),
		rmqproducer.WithCredentials(access.Credentials), rmqproducer.WithQueueSelector(queues),
		rmqproducer.WithSendMsgTimeout(sendTimeout), rmqproducer.WithRetry(sendRetries))
	if err != nil {
		return nil, fmt.Errorf("open a producer of RocketMQ: %w", err)
	}
	out := &sender{topic: config.Route.Topic, producer: plain, queues: queues}
	switch options := measuring(&config.Route, instance); {
	case config.Reporter != nil:
		out.measured = newClient(config.Reporter, "", options, nil)
		out.producer = wrapProducer(out.measured, plain, plain.RequestAsync)
	case config.Control != nil:
		out.producer = &toldProducer{plain, newClient(config.Control.Telemetry(), "", options, nil)}
	}
	if err := out.producer.Start(); err != nil {
		return nil, fmt.Errorf("start a producer of RocketMQ: %w", err)
	}
	out.ask = newAsker(&config.Route, access)
	if config.Control != nil {
		out.steered = true
		steered, err := steer.WrapProducer(config.Control, out.producer, steer.Namespace(config.Route.Namespace))
		if err != nil {
			out.Close()
			return nil, fmt.Errorf("have commands apply to a producer of RocketMQ: %w", err)
		}
		out.producer = steered
		if by, ok := steered.(interface {
			Compresses(*primitive.Message) bool
		}); ok {
			out.compresses = by.Compresses
		}
	}
	return out, nil
}

// Ready waits until the name server knows the topic.
func (s *sender) Ready(ctx context.Context) error {
	_, err := s.ask.masters(ctx, s.ask.topic)
	if errors.Is(err, errNotAsked) {
		return nil
	}
	return err
}

// group are messages of one call that go to one queue, in order.
type group struct {
	indexes  []int
	messages []*primitive.Message
}

// Send sends messages by queue: the queues at once, those of one queue one request after the other.
func (s *sender) Send(ctx context.Context, messages []*weir.Message) *weir.BatchError {
	var failed *weir.BatchError
	groups := map[int]*group{}
	keyless := int(s.turn.Add(1))
	for i, m := range messages {
		out, err := messageOf(s.topic, m)
		if err != nil {
			failed = failed.Fail(i, len(messages), err)
			s.notSent(err)
			continue
		}
		number := keyless
		if len(m.Key) > 0 {
			number = hashOf(m.Key)
		}
		if count := int(s.queues.count.Load()); count > 0 {
			number %= count // keys that share a queue share requests
		}
		out.Queue = &primitive.MessageQueue{QueueId: number}
		g := groups[number]
		if g == nil {
			g = &group{}
			groups[number] = g
		}
		g.indexes, g.messages = append(g.indexes, i), append(g.messages, out)
	}
	var mu sync.Mutex
	var sending sync.WaitGroup
	send := func(g *group) {
		for i, err := range s.sendGroup(ctx, g) {
			mu.Lock()
			failed = failed.Fail(g.indexes[i], len(messages), err)
			mu.Unlock()
		}
	}
	for _, g := range groups {
		if len(groups) == 1 {
			send(g)
		} else {
			sending.Go(func() { send(g) })
		}
	}
	sending.Wait()
	return failed
}

// errNotSent is of messages behind one that failed.
var errNotSent = errors.New("it was not sent, since one before it in its queue failed")

// sendGroup sends a group's messages, and returns which failed. Behind one that failed none is sent.
func (s *sender) sendGroup(ctx context.Context, g *group) map[int]error {
	for from := 0; from < len(g.messages); {
		to := g.batchFrom(from, s.alone)
		result, err := s.producer.SendSync(ctx, g.messages[from:to]...)
		if err == nil && result != nil && result.Status != primitive.SendOK {
			err = fmt.Errorf("the broker has it, and says that it is not as safe as was asked for: status %d", result.Status)
		}
		if err == nil {
			from = to
			continue
		}
		failed := map[int]error{}
		for i := from; i < len(g.messages); i++ {
			if failed[i] = err; i >= to {
				failed[i] = fmt.Errorf("%w: %w", errNotSent, err)
				s.notSent(err)
			}
		}
		return failed
	}
	return nil
}

// notSent counts a message that the library was not given as a failed send: whoever sends it is told so.
func (s *sender) notSent(err error) {
	if s.measured == nil {
		return
	}
	m := meter.Message{Topic: s.measured.qualified(s.topic), Offset: noOffset}
	s.measured.measured.Withheld(&m, classOf(err))
}

// alone says that a message goes alone: the broker takes one that is delayed so, a command that refuses a large one would
// refuse all of its batch, and what is compressed can be told of a whole request only.
func (s *sender) alone(m *primitive.Message) bool {
	return m.GetProperty(primitive.PropertyDelayTimeLevel) != "" || s.steered && len(m.Body) > control.MinRefuseBytes || s.compresses != nil && s.compresses(m)
}

// batchFrom is the end of the messages that go with the first into one request.
func (g *group) batchFrom(from int, alone func(*primitive.Message) bool) (to int) {
	size := 0
	for to = from; to < len(g.messages); to++ {
		m := g.messages[to]
		size += len(m.Body) + perMessageBytes
		if to > from && (alone(m) || size > maxBatchBytes) {
			return to
		}
		if alone(m) {
			return to + 1
		}
	}
	return to
}

// hashOf is a key's number, as the library's own selector has it.
func hashOf(key []byte) int {
	h := fnv.New32a()
	_, _ = h.Write(key)
	return int(h.Sum32() & 0x7fffffff)
}

// Close ends the producer.
func (s *sender) Close() {
	_ = s.producer.Shutdown() // returns nil always
	s.ask.close()
}

// Native is the library's producer, which is measured where the client is, and steered where commands apply.
func (s *sender) Native() any { return s.producer }
