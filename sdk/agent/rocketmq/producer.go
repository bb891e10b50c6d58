package rocketmq

import (
	"context"
	"time"

	rmq "github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/primitive"

	"github.com/weirmq/weir/remoting"
	"github.com/weirmq/weir/sdk/agent"
	"github.com/weirmq/weir/sdk/internal/applied"
)

// given is what is said of one client.
type given struct {
	namespace string
	inOrder   string // why single queues cannot be held back; empty where they can
}

// Option says something of one client that the library's client does not.
type Option func(*given)

func givenBy(options []Option) (o given) {
	for _, option := range options {
		option(&o)
	}
	return o
}

// Namespace is what the client was given with WithNamespace: commands name topics with it, as reports do.
func Namespace(name string) Option { return func(o *given) { o.namespace = name } }

// OneHandler is of a consumer whose program has one handler for all queues, so that one which waits keeps it from all: commands that name queues are
// refused.
func OneHandler() Option {
	return func(o *given) {
		o.inOrder = "this consumer handles one message of all its queues at a time: name the topic alone"
	}
}

// callback is what RequestAsync calls: the library's own name of its type is internal to it.
type callback interface {
	~func(context.Context, *primitive.Message, error)
}

// producer is a producer that commands steer; C is the library's type of callback.
type producer[C callback] struct {
	rmq.Producer
	commands     *applied.Commands
	client       *applied.Client
	namespace    string
	requestAsync func(context.Context, time.Duration, C, *primitive.Message) error
}

// WrapProducer returns a producer that waits for send limits and refuses what is too large; use it in place of p, which the
// package sdk/rocketmq measures. A batch waits once, and whoever comes next for all of it. The errors are agent.ErrSendLimited
// with ctx's, and agent.ErrTooLarge; the message was not sent then. The error of WrapProducer itself is ErrUnmeasured.
//
// A body that a command has compressed travels as the library's own do from 4 KiB on, so that each client of RocketMQ reads it. That is said of
// a whole request, so it is done to messages that are sent alone, and neither to those of a batch nor to replies.
func WrapProducer(by *agent.Agent, p rmq.Producer, options ...Option) (rmq.Producer, error) {
	of, ok := p.(measured)
	if !ok {
		return nil, ErrUnmeasured
	}
	client := by.Commands().NewClient(of.Measured(), nil)
	by.Commands().Add(client)
	return wrapProducer(&producer[func(context.Context, *primitive.Message, error)]{Producer: p, commands: by.Commands(), client: client, namespace: givenBy(options).namespace}, p.RequestAsync), nil
}

func wrapProducer[B, C callback](of *producer[B], requestAsync func(context.Context, time.Duration, C, *primitive.Message) error) *producer[C] {
	return &producer[C]{Producer: of.Producer, commands: of.commands, client: of.client, namespace: of.namespace, requestAsync: requestAsync}
}

// Shutdown ends the producer.
func (p *producer[C]) Shutdown() error {
	err := p.Producer.Shutdown()
	p.commands.Remove(p.client)
	return err
}

// SendSync sends messages when commands let it, several as a batch.
func (p *producer[C]) SendSync(ctx context.Context, messages ...*primitive.Message) (*primitive.SendResult, error) {
	if err := p.admit(ctx, messages...); err != nil {
		return nil, err
	}
	defer p.compress(messages)()
	return p.Producer.SendSync(ctx, messages...)
}

// SendAsync waits until commands let it send messages, several as a batch, and calls back with the broker's answer.
func (p *producer[C]) SendAsync(ctx context.Context, back func(context.Context, *primitive.SendResult, error), messages ...*primitive.Message) error {
	if err := p.admit(ctx, messages...); err != nil {
		return err
	}
	defer p.compress(messages)() // the library has made its request when it returns
	return p.Producer.SendAsync(ctx, back, messages...)
}

// SendOneWay sends messages when commands let it, several as a batch, and waits for no answer.
func (p *producer[C]) SendOneWay(ctx context.Context, messages ...*primitive.Message) error {
	if err := p.admit(ctx, messages...); err != nil {
		return err
	}
	defer p.compress(messages)()
	return p.Producer.SendOneWay(ctx, messages...)
}

// Request sends a message when commands let it, and waits for the consumer's reply.
func (p *producer[C]) Request(ctx context.Context, ttl time.Duration, message *primitive.Message) (*primitive.Message, error) {
	if err := p.admit(ctx, message); err != nil {
		return nil, err
	}
	defer p.compress([]*primitive.Message{message})()
	return p.Producer.Request(ctx, ttl, message)
}

// RequestAsync waits until commands let it send a message, and calls back with the consumer's reply.
func (p *producer[C]) RequestAsync(ctx context.Context, ttl time.Duration, back C, message *primitive.Message) error {
	if err := p.admit(ctx, message); err != nil {
		return err
	}
	defer p.compress([]*primitive.Message{message})()
	return p.requestAsync(ctx, ttl, back, message)
}

// admit waits until messages may be sent. Those of a batch have one topic.
func (p *producer[C]) admit(ctx context.Context, messages ...*primitive.Message) error {
	if len(messages) == 0 || messages[0] == nil {
		return nil // the library refuses it
	}
	topic := remoting.InNamespace(p.namespace, messages[0].Topic)
	if !p.client.SendsTouched(topic) {
		return nil
	}
	for _, m := range messages {
		if m == nil {
			continue
		}
		if _, err := p.client.Fit(topic, len(m.Body)); err != nil {
			return p.withheld(topic, messages, err)
		}
	}
	if err := p.client.Admit(ctx, topic, len(messages)); err != nil {
		return p.withheld(topic, messages, err)
	}
	return nil
}

// withheld counts messages of a batch, of which none is sent for a reason that one of them is.
func (p *producer[C]) withheld(topic string, messages []*primitive.Message, err error) error {
	for _, m := range messages {
		if m != nil {
			p.client.Withheld(topic, uint64(len(m.Body)), err)
		}
	}
	return err
}
