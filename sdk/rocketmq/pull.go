package rocketmq

import (
	"context"
	"sync"
	"time"

	rmq "github.com/apache/rocketmq-client-go/v2"
	rmqconsumer "github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"

	"github.com/weirmq/weir/sdk/internal/meter"
	"github.com/weirmq/weir/sdk/report"
)

// maxPolled bounds the batches that were polled and not acknowledged yet. Not smaller: an
// application may work on hundreds at once; not larger: one that never acknowledges would be
// remembered for ever. Handlers of those beyond it are not timed.
const maxPolled = 10_000

// pullConsumer is a measured pull consumer.
type pullConsumer struct {
	rmq.PullConsumer
	*consumer

	polledMu sync.Mutex
	polled   map[*rmqconsumer.ConsumeRequest][]meter.Handling
}

// WrapPullConsumer returns a consumer that measures what c consumes; use it in place of c, from
// Subscribe or Assign on. group is what c was given with WithGroupName.
//
// A message counts when Poll, Pull or PullFrom gives it. What Poll gives is handled until ACK,
// and has failed where that is told another result than success.
func WrapPullConsumer(to *report.Reporter, c rmq.PullConsumer, group string, options ...Option) rmq.PullConsumer {
	return &pullConsumer{PullConsumer: c, consumer: newConsumer(to, c, group, options), polled: map[*rmqconsumer.ConsumeRequest][]meter.Handling{}}
}

// GatePull has what the consumer gives go through a gate first: what waits there is neither counted nor timed. It is for the package
// sdk/agent/rocketmq, and called before the consumer is used.
func (c *pullConsumer) GatePull(gate func(rmq.PullConsumer) rmq.PullConsumer) {
	c.PullConsumer = gate(c.PullConsumer)
}

// Start starts the consumer.
func (c *pullConsumer) Start() error {
	err := c.PullConsumer.Start()
	if err == nil {
		c.started()
	}
	return err
}

// Shutdown ends the consumer.
func (c *pullConsumer) Shutdown() error {
	err := c.PullConsumer.Shutdown()
	c.measured.Stopped()
	return err
}

// Subscribe consumes a topic.
func (c *pullConsumer) Subscribe(topic string, selector rmqconsumer.MessageSelector) error {
	err := c.PullConsumer.Subscribe(topic, selector)
	if err == nil {
		c.subscribed(topic)
	}
	return err
}

// Unsubscribe consumes a topic no longer.
func (c *pullConsumer) Unsubscribe(topic string) error {
	err := c.PullConsumer.Unsubscribe(topic)
	if err == nil {
		c.unsubscribed(topic)
	}
	return err
}

// Assign consumes queues of a topic.
func (c *pullConsumer) Assign(topic string, queues []*primitive.MessageQueue) error {
	err := c.PullConsumer.Assign(topic, queues)
	if err == nil {
		c.subscribed(topic)
	}
	return err
}

// Poll returns messages of one queue, to be acknowledged by ACK.
func (c *pullConsumer) Poll(ctx context.Context, timeout time.Duration) (*rmqconsumer.ConsumeRequest, error) {
	request, err := c.PullConsumer.Poll(ctx, timeout)
	if err == nil && request != nil {
		handlings := c.received(nil, request.GetMsgList())
		c.polledMu.Lock()
		if len(c.polled) < maxPolled {
			c.polled[request] = handlings
		}
		c.polledMu.Unlock()
	}
	return request, err
}

// ACK says what came of messages that were polled.
func (c *pullConsumer) ACK(ctx context.Context, request *rmqconsumer.ConsumeRequest, result rmqconsumer.ConsumeResult) {
	c.polledMu.Lock()
	handlings := c.polled[request]
	delete(c.polled, request)
	c.polledMu.Unlock()
	c.handled(handlings, c.judge(ctx, result, nil, true))
	c.PullConsumer.ACK(ctx, request, result)
}

// Pull returns messages of the next queue.
func (c *pullConsumer) Pull(ctx context.Context, numbers int) (*primitive.PullResult, error) {
	result, err := c.PullConsumer.Pull(ctx, numbers)
	c.pulled(result, err)
	return result, err
}

// PullFrom returns messages of a queue.
func (c *pullConsumer) PullFrom(ctx context.Context, queue *primitive.MessageQueue, offset int64, numbers int) (*primitive.PullResult, error) {
	result, err := c.PullConsumer.PullFrom(ctx, queue, offset, numbers)
	c.pulled(result, err)
	return result, err
}

func (c *pullConsumer) pulled(result *primitive.PullResult, err error) {
	if err == nil && result != nil {
		c.received(nil, result.GetMessageExts()) // nobody says when they are handled
	}
}
