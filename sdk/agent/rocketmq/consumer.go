package rocketmq

import (
	rmq "github.com/apache/rocketmq-client-go/v2"
	rmqconsumer "github.com/apache/rocketmq-client-go/v2/consumer"
)

// pushConsumer is a push consumer that commands hold back.
type pushConsumer struct {
	rmq.PushConsumer
	hold *Hold
	// gated says that c gates its handlers by itself: what is held is neither counted nor timed.
	gated bool
}

// gated is a consumer that is measured, and measures what comes through a gate.
type gated interface {
	Gate(func(topic string, handle handler) handler)
}

// PushConsumer returns a consumer that commands hold back, to be used in place of c from Subscribe on. The error is ErrUnmeasured.
func (h *Hold) PushConsumer(c rmq.PushConsumer, options ...Option) (rmq.PushConsumer, error) {
	of, ok := c.(measured)
	if !ok {
		return nil, ErrUnmeasured
	}
	o := givenBy(options)
	client := h.newClient(of.Measured(), o.namespace)
	if o.inOrder != "" {
		client.HoldsWhole(o.inOrder)
	}
	h.commands.Add(client)
	held := &pushConsumer{PushConsumer: c, hold: h}
	if g, ok := c.(gated); ok {
		g.Gate(func(topic string, handle handler) handler { return h.holdBack(h.qualified(topic), handle) })
		held.gated = true
	}
	return held, nil
}

// Subscribe has a topic's messages handled, as far as no command holds them.
func (c *pushConsumer) Subscribe(topic string, selector rmqconsumer.MessageSelector, handle handler) error {
	if !c.gated {
		handle = c.hold.holdBack(c.hold.qualified(topic), handle)
	}
	return c.hold.consume(topic, func() error { return c.PushConsumer.Subscribe(topic, selector, handle) })
}

// Unsubscribe has a topic's messages no longer handled.
func (c *pushConsumer) Unsubscribe(topic string) error {
	return c.hold.leave(topic, c.PushConsumer.Unsubscribe)
}

// Shutdown ends the consumer. What is held is not handled any more.
func (c *pushConsumer) Shutdown() error {
	err := c.PushConsumer.Shutdown()
	c.hold.Close()
	return err
}

// Close has commands no longer apply to the consumer; what is held is not handled any more. Shutdown of the consumer calls it; who
// never starts that must.
func (h *Hold) Close() {
	h.end()
	if client := h.steered(); client != nil {
		h.commands.Remove(client)
	}
}
