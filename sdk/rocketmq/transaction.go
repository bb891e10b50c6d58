package rocketmq

import (
	"context"

	rmq "github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/primitive"
	rmqproducer "github.com/apache/rocketmq-client-go/v2/producer"

	"github.com/weirmq/weir/sdk/report"
)

// transactionProducer is a measured producer of transactions.
type transactionProducer struct {
	rmq.TransactionProducer
	*client
}

// NewTransactionProducer makes a producer of transactions that is measured: a message counts
// when the broker has it, whatever becomes of its transaction, and the time that the
// transaction itself takes is no part of its latency.
func NewTransactionProducer(to *report.Reporter, listener primitive.TransactionListener, library []rmqproducer.Option, options ...Option) (rmq.TransactionProducer, error) {
	c := newClient(to, "", options, nil)
	library = append(library[:len(library):len(library)], rmqproducer.WithInterceptor(c.intercept))
	p, err := rmq.NewTransactionProducer(listener, library...)
	if err != nil {
		return nil, err
	}
	return &transactionProducer{p, c}, nil
}

// intercept measures SendSync, which is all that a producer of transactions calls, and the one
// of which interceptors are told the truth.
func (c *client) intercept(ctx context.Context, request, reply any, next primitive.Invoker) error {
	message, _ := request.(*primitive.Message)
	result, _ := reply.(*primitive.SendResult)
	messages := []*primitive.Message{message}
	var s sending
	s.begin(c, messages)
	if message != nil {
		s.one.Topic = message.Topic // it has its namespace by now
	}
	err := next(ctx, request, reply)
	s.end(outcome{result, messages, err})
	return err
}

// Start starts the producer.
func (p *transactionProducer) Start() error {
	err := p.TransactionProducer.Start()
	if err == nil {
		p.started()
	}
	return err
}

// Shutdown ends the producer.
func (p *transactionProducer) Shutdown() error {
	err := p.TransactionProducer.Shutdown()
	p.measured.Stopped()
	return err
}
