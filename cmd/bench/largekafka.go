package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/deploy/kafka"
	"github.com/weirmq/weir/deploy/parts"
	"github.com/weirmq/weir/pipeline"
)

// kafka runs an Apache Kafka, makes topics with a record in each partition, and has each group commit the offset 0 of all partitions of its
// topics before its members join.
func (c *largeCommand) kafka(ctx context.Context, dir string) (*largeCluster, error) {
	jars, err := parts.Kafka()
	if err != nil {
		return nil, err
	}
	server, err := kafka.Start(ctx, kafka.Config{JarDir: jars, DataDir: filepath.Join(dir, "kafka"), Java: []string{"-Xmx" + c.Heap}})
	if err != nil {
		return nil, err
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(server.Addr()), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.UnknownTopicRetries(-1)) // a broker learns of its topics one after the other
	if err == nil {
		err = c.fillKafka(ctx, client)
		client.Close()
	}
	if err == nil {
		err = c.joinKafka(ctx, server.Addr())
	}
	if err != nil {
		server.Kill()
		return nil, err
	}
	poller, err := pollerOf(pipeline.ClusterConfig{System: "kafka", Brokers: []string{server.Addr()}})
	if err != nil {
		server.Kill()
		return nil, err
	}
	return &largeCluster{poller, server.PID(), server.Kill}, nil
}

// topicsAtOnce is how many topics are made with one request: a controller takes them as one batch of at most 10,000 records.
const topicsAtOnce = 500

func (c *largeCommand) fillKafka(ctx context.Context, client *kgo.Client) error {
	admin := kadm.NewClient(client)
	for first := 0; first < c.Topics; first += topicsAtOnce {
		var names []string
		for i := first; i < min(first+topicsAtOnce, c.Topics); i++ {
			names = append(names, c.topic(i))
		}
		made, err := admin.CreateTopics(ctx, int32(c.Queues), 1, nil, names...)
		if err != nil {
			return err
		}
		for _, topic := range made {
			if topic.Err != nil {
				return fmt.Errorf("create topic %s: %w", topic.Topic, topic.Err)
			}
		}
	}
	var failed error
	for i := range c.Topics {
		for p := range c.Queues {
			client.Produce(ctx, &kgo.Record{Topic: c.topic(i), Partition: int32(p), Value: []byte("a record")}, func(_ *kgo.Record, err error) {
				failed = cmp.Or(failed, err)
			})
		}
	}
	if err := client.Flush(ctx); err != nil || failed != nil {
		return errors.Join(err, failed)
	}
	errs := make([]error, sendersAtOnce)
	var senders sync.WaitGroup
	for s := range sendersAtOnce {
		senders.Go(func() {
			for i := s; i < c.Groups && errs[s] == nil; i += sendersAtOnce {
				errs[s] = c.commit(ctx, admin, i)
			}
		})
	}
	senders.Wait()
	return errors.Join(errs...)
}

// commit commits the offset 0 of all partitions of a group's topics.
func (c *largeCommand) commit(ctx context.Context, admin *kadm.Client, group int) error {
	offsets := kadm.Offsets{}
	for i := range c.Each {
		for p := range c.Queues {
			offsets.AddOffset(c.topic(group*c.Each+i), int32(p), 0, -1)
		}
	}
	if err := admin.CommitAllOffsets(ctx, c.group(group), offsets); err != nil {
		return fmt.Errorf("commit offsets of group %s: %w", c.group(group), err)
	}
	return nil
}
