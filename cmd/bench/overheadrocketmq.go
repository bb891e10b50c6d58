package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"

	rmq "github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/admin"
	"github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"
	"github.com/apache/rocketmq-client-go/v2/producer"

	"github.com/weirmq/weir/deploy/parts"
	brokers "github.com/weirmq/weir/deploy/rocketmq"
	"github.com/weirmq/weir/sdk/rocketmq"
)

// rocketmqBatch is one: applications send so, a message a request.
const rocketmqBatch = 1

// rocketmqSender sends by the library, with its own defaults.
func (s *overheadSide) rocketmqSender(way string) (overheadWay, error) {
	sends, err := openRocketMQ(s.Addr, way)
	if err != nil {
		return nil, err
	}
	if way == wayMeasured {
		sends = rocketmq.WrapProducer(s.reporter, sends, rocketmq.Instance(way))
	}
	if err := sends.Start(); err != nil {
		return nil, err
	}
	send := func(ctx context.Context, first, _ int) error { return sendOne(ctx, sends, overheadTopic, first) }
	return &overheadSender{batch: rocketmqBatch, rate: s.Rate, send: send, end: func() { _ = sends.Shutdown() }}, nil
}

// openRocketMQ opens a producer whose connections are its own: those of one instance share them.
func openRocketMQ(nameServer, instance string) (rmq.Producer, error) {
	return rmq.NewProducer(producer.WithNsResolver(primitive.NewPassthroughResolver([]string{nameServer})),
		producer.WithGroupName("overhead-"+instance), producer.WithInstanceName(instance))
}

func sendOne(ctx context.Context, sends rmq.Producer, topic string, number int) error {
	key, body := overheadMessage(number)
	m := primitive.NewMessage(topic, body)
	m.WithKeys([]string{string(key)})
	answer, err := sends.SendSync(ctx, m)
	if err != nil {
		return err
	}
	if answer.Status != primitive.SendOK {
		return fmt.Errorf("the broker answers status %d", answer.Status)
	}
	return nil
}

// consumeRocketMQ consumes by the library until ctx ends. It is left open: its end waits for seconds.
func (s *overheadSide) consumeRocketMQ(ctx context.Context, way, group string, given func(messages int)) error {
	receives, err := rmq.NewPushConsumer(consumer.WithNsResolver(primitive.NewPassthroughResolver([]string{s.Addr})), consumer.WithGroupName(group),
		consumer.WithInstance(group), consumer.WithConsumeFromWhere(consumer.ConsumeFromFirstOffset))
	if err != nil {
		return err
	}
	if way == wayMeasured {
		receives = rocketmq.WrapPushConsumer(s.reporter, receives, group, rocketmq.Instance(group))
	}
	err = receives.Subscribe(overheadFilledTopic, consumer.MessageSelector{}, func(_ context.Context, messages ...*primitive.MessageExt) (consumer.ConsumeResult, error) {
		given(len(messages))
		return consumer.ConsumeSuccess, nil
	})
	if err != nil {
		return err
	}
	if err := receives.Start(); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

// serveRocketMQ runs a real name server and a real broker with a topic to send to and one that is filled.
func (c *overheadGroundCommand) serveRocketMQ(ctx context.Context, dir string) (*servedParts, error) {
	jars, err := parts.RocketMQ()
	if err != nil {
		return nil, err
	}
	nameServer, err := brokers.StartNameServer(ctx, brokers.Config{JarDir: jars, DataDir: filepath.Join(dir, "namesrv")})
	if err != nil {
		return nil, err
	}
	busy := map[string]string{"waitTimeMillsInSendQueue": "60000", "osPageCacheBusyTimeOutMills": "60000"} // a busy machine is no reason to refuse
	server, err := brokers.StartBroker(ctx, brokers.Config{JarDir: jars, DataDir: filepath.Join(dir, "broker"), Options: busy}, nameServer.Addr())
	if err != nil {
		nameServer.Kill()
		return nil, err
	}
	out := &servedParts{addr: nameServer.Addr(), stop: func() { server.Kill(); nameServer.Kill() }}
	if err := c.fillRocketMQ(ctx, nameServer.Addr(), server.Addr()); err != nil {
		out.stop()
		return nil, err
	}
	return out, nil
}

func (c *overheadGroundCommand) fillRocketMQ(ctx context.Context, nameServer, addr string) error {
	asks, err := admin.NewAdmin(admin.WithResolver(primitive.NewPassthroughResolver([]string{nameServer})))
	if err != nil {
		return err
	}
	defer asks.Close()
	for _, topic := range []string{overheadTopic, overheadFilledTopic} {
		if err := asks.CreateTopic(ctx, admin.WithTopicCreate(topic), admin.WithBrokerAddrCreate(addr), admin.WithReadQueueNums(partitions), admin.WithWriteQueueNums(partitions)); err != nil {
			return fmt.Errorf("create topic %s: %w", topic, err)
		}
		if err := routed(ctx, asks, topic); err != nil {
			return err
		}
	}
	sends, err := openRocketMQ(nameServer, "filling")
	if err != nil {
		return err
	}
	if err := sends.Start(); err != nil {
		return err
	}
	defer func() { _ = sends.Shutdown() }()
	errs := make([]error, sendersAtOnce)
	var filling sync.WaitGroup
	for i := range errs {
		filling.Go(func() {
			for number := i; number < c.Messages && errs[i] == nil; number += sendersAtOnce {
				errs[i] = sendOne(ctx, sends, overheadFilledTopic, number)
			}
		})
	}
	filling.Wait()
	return errors.Join(errs...)
}
