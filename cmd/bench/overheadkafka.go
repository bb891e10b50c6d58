package main

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/deploy/broker"
	brokers "github.com/weirmq/weir/deploy/kafka"
	"github.com/weirmq/weir/deploy/parts"
	"github.com/weirmq/weir/sdk/kafka"
)

// kafkaBatch is how many messages are given to the library before all are waited for. Not fewer: requests would cost more than
// messages, and hide what the SDK costs; not more: the library holds 10,000 at most, and there are several senders.
const kafkaBatch = 1000

// emptyHooks are called where the SDK's are, and do nothing: what they cost is the library's own.
type emptyHooks struct{}

func (emptyHooks) OnProduceRecordBuffered(*kgo.Record)          {}
func (emptyHooks) OnProduceRecordUnbuffered(*kgo.Record, error) {}
func (emptyHooks) OnFetchRecordUnbuffered(*kgo.Record, bool)    {}

// kafkaOptions are those of the library's client: its own defaults.
func (s *overheadSide) kafkaOptions(way string, more ...kgo.Opt) []kgo.Opt {
	options := append([]kgo.Opt{kgo.SeedBrokers(s.Addr)}, more...)
	switch way {
	case wayEmpty:
		options = append(options, kgo.WithHooks(emptyHooks{}))
	case wayMeasured:
		options = append(options, kafka.Opts(s.reporter)...)
	}
	return options
}

func (s *overheadSide) kafkaSender(way string) (overheadWay, error) {
	client, err := kgo.NewClient(s.kafkaOptions(way)...)
	if err != nil {
		return nil, err
	}
	send := func(ctx context.Context, first, count int) error {
		return produceAll(ctx, client, overheadTopic, first, count)
	}
	return &overheadSender{batch: kafkaBatch, rate: s.Rate, send: send, end: client.Close}, nil
}

// produceAll sends messages at once, and waits for all.
func produceAll(ctx context.Context, client *kgo.Client, topic string, first, count int) error {
	records := make([]kgo.Record, count)
	var mu sync.Mutex
	var failed error
	var left sync.WaitGroup
	left.Add(count)
	answered := func(_ *kgo.Record, err error) {
		if err != nil {
			mu.Lock()
			failed = err
			mu.Unlock()
		}
		left.Done()
	}
	for i := range records {
		r := &records[i]
		r.Topic = topic
		r.Key, r.Value = overheadMessage(first + i)
		client.Produce(ctx, r, answered)
	}
	left.Wait()
	return failed
}

// consumeKafka consumes as a member of a group until ctx ends.
func (s *overheadSide) consumeKafka(ctx context.Context, way, group string, given func(messages int)) error {
	client, err := kgo.NewClient(s.kafkaOptions(way, kgo.ConsumerGroup(group), kgo.ConsumeTopics(overheadFilledTopic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))...)
	if err != nil {
		return err
	}
	defer client.Close()
	for {
		fetches := client.PollFetches(ctx)
		if ctx.Err() != nil {
			return nil //nolint:nilerr // whoever ended it knows why
		}
		if err := fetches.Err(); err != nil {
			return fmt.Errorf("poll: %w", err)
		}
		bytes := 0
		fetches.EachRecord(func(r *kgo.Record) { bytes += len(r.Value) })
		for left := bytes / overheadBytes; left > 0; left -= atOnce {
			given(min(left, atOnce))
		}
	}
}

// overheadKafkaOptions keep what is sent, and measured in no way, from filling the disk.
var overheadKafkaOptions = map[string]*string{"retention.bytes": kadm.StringPtr("67108864"), "segment.bytes": kadm.StringPtr("33554432")}

// serveKafka runs a real Kafka with a topic to send to and one that is filled.
func (c *overheadGroundCommand) serveKafka(ctx context.Context, dir string) (*servedParts, error) {
	jars, err := parts.Kafka()
	if err != nil {
		return nil, err
	}
	server, err := brokers.Start(ctx, brokers.Config{JarDir: jars, DataDir: filepath.Join(dir, "kafka"),
		Options: map[string]string{"log.retention.check.interval.ms": "5000", "log.segment.delete.delay.ms": "1000"}})
	if err != nil {
		return nil, err
	}
	out := &servedParts{addr: server.Addr(), stop: server.Kill}
	client, err := kgo.NewClient(kgo.SeedBrokers(out.addr))
	if err != nil {
		out.stop()
		return nil, err
	}
	defer client.Close()
	for topic, options := range map[string]map[string]*string{overheadTopic: overheadKafkaOptions, overheadFilledTopic: nil} {
		if _, err := kadm.NewClient(client).CreateTopic(ctx, partitions, 1, options, topic); err != nil {
			out.stop()
			return nil, fmt.Errorf("create topic %s: %w", topic, err)
		}
	}
	for first := 0; first < c.Messages; first += kafkaBatch {
		if err := produceAll(ctx, client, overheadFilledTopic, first, min(kafkaBatch, c.Messages-first)); err != nil {
			out.stop()
			return nil, fmt.Errorf("fill topic %s: %w", overheadFilledTopic, err)
		}
	}
	return out, nil
}

// serveTelemetry runs a broker that takes reports.
func serveTelemetry(ctx context.Context) (*broker.Broker, error) {
	running, err := broker.Start(broker.Config{})
	if err != nil {
		return nil, err
	}
	if err := makeTopics(ctx, running.Addrs()[0]); err != nil {
		running.Close()
		return nil, err
	}
	return running, nil
}
