package rocketmq

import (
	rmq "github.com/apache/rocketmq-client-go/v2"

	steer "github.com/weirmq/weir/sdk/agent/rocketmq"
)

// toldProducer is a producer that is not measured, of which is told what commands do to it.
type toldProducer struct {
	rmq.Producer
	*client
}

// Start starts the producer.
func (p *toldProducer) Start() error {
	err := p.Producer.Start()
	if err == nil {
		p.started()
	}
	return err
}

// Shutdown ends the producer.
func (p *toldProducer) Shutdown() error {
	err := p.Producer.Shutdown()
	p.measured.Stopped()
	return err
}

// toldConsumer is a push consumer of which is told what commands do to it.
type toldConsumer struct {
	rmq.PushConsumer
	*client
}

// Shutdown ends the consumer.
func (c *toldConsumer) Shutdown() error {
	err := c.PushConsumer.Shutdown()
	c.measured.Stopped()
	return err
}

// steeredConsumer is a push consumer that commands hold back where there is an agent, and what to do where it is never started.
type steeredConsumer struct {
	rmq.PushConsumer
	hold *steer.Hold // nil without an agent
}

// abandon has commands no longer apply.
func (c *steeredConsumer) abandon() {
	if c.hold != nil {
		c.hold.Close()
	}
}
