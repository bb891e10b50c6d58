package rocketmq

import (
	"context"

	rmq "github.com/apache/rocketmq-client-go/v2"
	rmqconsumer "github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"

	"github.com/weirmq/weir/sdk/report"
)

// handler is what an application consumes messages with.
type handler = func(context.Context, ...*primitive.MessageExt) (rmqconsumer.ConsumeResult, error)

// pushConsumer is a measured push consumer.
type pushConsumer struct {
	rmq.PushConsumer
	*consumer
	gate func(topic string, handle handler) handler // nil is none
}

// Gate has what handlers are given go through a gate first, of topics that are subscribed from now on: what waits there is neither counted
// nor timed. It is for the package sdk/agent/rocketmq.
func (c *pushConsumer) Gate(gate func(topic string, handle handler) handler) { c.gate = gate }

// WrapPushConsumer returns a consumer that measures what c consumes; use it in place of c, from
// Subscribe on. group is what c was given with WithGroupName.
//
// A message counts each time that the handler is given it. Messages that it is given together
// share the handler's time and what came of it. The handler fails where it returns an error or
// another result than success, and where it panics.
func WrapPushConsumer(to *report.Reporter, c rmq.PushConsumer, group string, options ...Option) rmq.PushConsumer {
	return &pushConsumer{PushConsumer: c, consumer: newConsumer(to, c, group, options)}
}

// Start starts the consumer.
func (c *pushConsumer) Start() error {
	err := c.PushConsumer.Start()
	if err == nil {
		c.started()
	}
	return err
}

// Shutdown ends the consumer.
func (c *pushConsumer) Shutdown() error {
	err := c.PushConsumer.Shutdown()
	c.measured.Stopped()
	return err
}

// Subscribe has a topic's messages handled.
func (c *pushConsumer) Subscribe(topic string, selector rmqconsumer.MessageSelector, handle handler) error {
	handle = c.measure(handle)
	if c.gate != nil {
		handle = c.gate(topic, handle)
	}
	err := c.PushConsumer.Subscribe(topic, selector, handle)
	if err == nil {
		c.subscribed(topic)
	}
	return err
}

// Unsubscribe has a topic's messages no longer handled.
func (c *pushConsumer) Unsubscribe(topic string) error {
	err := c.PushConsumer.Unsubscribe(topic)
	if err == nil {
		c.unsubscribed(topic)
	}
	return err
}

// Suspend pauses consumption of all topics.
func (c *pushConsumer) Suspend() {
	c.PushConsumer.Suspend()
	c.paused.Store(true)
}

// Resume ends a pause.
func (c *pushConsumer) Resume() {
	c.PushConsumer.Resume()
	c.paused.Store(false)
}
