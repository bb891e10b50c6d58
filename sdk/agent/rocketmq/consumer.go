package rocketmq

import (
	"time"

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
	var o given
	for _, option := range options {
		option(&o)
	}
	client := h.commands.NewClient(of.Measured(), h.consumed)
	switch {
	case o.inOrder != "":
		client.HoldsWhole(o.inOrder)
	case h.handlers == 0:
		client.HoldsWhole(withoutOptions)
	}
	h.mu.Lock()
	h.client, h.namespace = client, o.namespace
	h.mu.Unlock()
	of.Measured().HeldBack(func(topic string) bool { return client.Share(topic, time.Now()) == 0 })
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
	name := c.hold.qualified(topic)
	if !c.gated {
		handle = c.hold.holdBack(name, handle)
	}
	c.hold.consumes(name, true)
	c.hold.commands.Apply(c.hold.client) // before it is given anything
	err := c.PushConsumer.Subscribe(topic, selector, handle)
	if err != nil {
		c.hold.consumes(name, false)
	}
	return err
}

// Unsubscribe has a topic's messages no longer handled.
func (c *pushConsumer) Unsubscribe(topic string) error {
	err := c.PushConsumer.Unsubscribe(topic)
	if err == nil {
		c.hold.consumes(c.hold.qualified(topic), false)
	}
	return err
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
	h.mu.Lock()
	client := h.client
	h.mu.Unlock()
	if client != nil {
		h.commands.Remove(client)
	}
}
