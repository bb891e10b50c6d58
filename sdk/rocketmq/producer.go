package rocketmq

import (
	"context"
	"time"

	rmq "github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/primitive"

	"github.com/weirmq/weir/sdk/report"
)

// callback is what RequestAsync calls: the library's own name of its type is internal to it.
type callback interface {
	~func(context.Context, *primitive.Message, error)
}

// producer is a measured producer; C is the library's type of callback.
type producer[C callback] struct {
	rmq.Producer
	*client
	requestAsync func(context.Context, time.Duration, C, *primitive.Message) error
}

// WrapProducer returns a producer that measures what p sends; use it in place of p.
//
// Messages are counted when the broker has answered, and those of SendOneWay, which nobody
// answers, when they are written. A batch counts as its messages. A request is counted when its
// reply has come: the time until then is its latency.
func WrapProducer(to *report.Reporter, p rmq.Producer, options ...Option) rmq.Producer {
	return wrapProducer(newClient(to, "", options, nil), p, p.RequestAsync)
}

func wrapProducer[C callback](c *client, p rmq.Producer, requestAsync func(context.Context, time.Duration, C, *primitive.Message) error) *producer[C] {
	return &producer[C]{Producer: p, client: c, requestAsync: requestAsync}
}

// Start starts the producer.
func (p *producer[C]) Start() error {
	err := p.Producer.Start()
	if err == nil {
		p.started()
	}
	return err
}

// Shutdown ends the producer.
func (p *producer[C]) Shutdown() error {
	err := p.Producer.Shutdown()
	p.measured.Stopped()
	return err
}

// SendSync sends messages, several as a batch, and waits for the broker's answer.
func (p *producer[C]) SendSync(ctx context.Context, messages ...*primitive.Message) (*primitive.SendResult, error) {
	var s sending
	s.begin(p.client, messages)
	result, err := p.Producer.SendSync(ctx, messages...)
	s.end(outcome{result, messages, err})
	return result, err
}

// SendAsync sends messages, several as a batch, and calls back with the broker's answer.
func (p *producer[C]) SendAsync(ctx context.Context, back func(context.Context, *primitive.SendResult, error), messages ...*primitive.Message) error {
	s := &sending{}
	s.begin(p.client, messages)
	err := p.Producer.SendAsync(ctx, func(ctx context.Context, result *primitive.SendResult, err error) {
		s.end(outcome{result: result, err: err})
		if back != nil {
			back(ctx, result, err)
		}
	}, messages...)
	if err != nil { // nobody calls back
		s.end(outcome{messages: messages, err: err})
	}
	return err
}

// SendOneWay sends messages, several as a batch, and waits for no answer.
func (p *producer[C]) SendOneWay(ctx context.Context, messages ...*primitive.Message) error {
	var s sending
	s.begin(p.client, messages)
	err := p.Producer.SendOneWay(ctx, messages...)
	s.end(outcome{messages: messages, err: err})
	return err
}

// Request sends a message and waits for the consumer's reply.
func (p *producer[C]) Request(ctx context.Context, ttl time.Duration, message *primitive.Message) (*primitive.Message, error) {
	messages := []*primitive.Message{message}
	var s sending
	s.begin(p.client, messages)
	reply, err := p.Producer.Request(ctx, ttl, message)
	s.end(outcome{messages: messages, err: err})
	return reply, err
}

// RequestAsync sends a message and calls back with the consumer's reply.
func (p *producer[C]) RequestAsync(ctx context.Context, ttl time.Duration, back C, message *primitive.Message) error {
	messages := []*primitive.Message{message}
	s := &sending{}
	s.begin(p.client, messages)
	err := p.requestAsync(ctx, ttl, func(ctx context.Context, reply *primitive.Message, err error) {
		if reply != nil || err != nil { // otherwise the library only forgets a request that it returns an error of
			s.end(outcome{err: err})
		}
		if back != nil {
			back(ctx, reply, err)
		}
	}, message)
	if err != nil {
		s.end(outcome{messages: messages, err: err})
	}
	return err
}
