package pipeline

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// readPartition reads a partition from its start to its present end.
func readPartition(ctx context.Context, config KafkaConfig, topic string, partition int32) ([]*kgo.Record, error) {
	records, _, err := readPartitionFrom(ctx, config, topicPartition{topic, partition}, 0)
	return records, err
}

// partitionReader returns what a partition holds from an offset on, and where it ends.
type partitionReader func(ctx context.Context, at topicPartition, from int64) (records []*kgo.Record, end int64, err error)

// readerOf reads partitions by a client of its own each.
func readerOf(config KafkaConfig) partitionReader {
	return func(ctx context.Context, at topicPartition, from int64) ([]*kgo.Record, int64, error) {
		return readPartitionFrom(ctx, config, at, from)
	}
}

// readPartitionFrom reads a partition from an offset, or its start where that is later, to
// its present end, which it returns.
func readPartitionFrom(ctx context.Context, config KafkaConfig, at topicPartition, from int64) (records []*kgo.Record, end int64, err error) {
	client, err := stretchClient(config)
	if err != nil {
		return nil, 0, err
	}
	defer client.Close()
	next, end, err := bounds(ctx, kadm.NewClient(client), at)
	if err != nil {
		return nil, 0, fmt.Errorf("find the bounds of %s partition %d: %w", at.topic, at.partition, err)
	}
	stretches := map[topicPartition]stretch{at: {max(next, from), end}}
	err = readStretches(ctx, client, stretches, func(r *kgo.Record) error {
		records = append(records, r)
		return nil
	})
	if err != nil {
		return nil, 0, err
	}
	return records, end, nil
}

// stretchClient opens a client for readStretches. It is given the ends of transactions, too: a stretch may end with one.
func stretchClient(config KafkaConfig, more ...kgo.Opt) (*kgo.Client, error) {
	options, err := clientOptions(config)
	if err != nil {
		return nil, err
	}
	client, err := kgo.NewClient(append(append(options, kgo.KeepControlRecords()), more...)...)
	if err != nil {
		return nil, fmt.Errorf("open a Kafka client: %w", err)
	}
	return client, nil
}

// stretch is what is read of a partition: from an offset to the one before the end.
type stretch struct{ next, end int64 }

// readStretches calls yield with the records of stretches, as a client of stretchClient fetches them that consumes nothing else: partitions in no order.
// An error of yield ends it.
func readStretches(ctx context.Context, client *kgo.Client, of map[topicPartition]stretch, yield func(*kgo.Record) error) error {
	offsets, ends := map[string]map[int32]kgo.Offset{}, map[topicPartition]int64{}
	for at, part := range of {
		if part.next >= part.end {
			continue
		}
		if offsets[at.topic] == nil {
			offsets[at.topic] = map[int32]kgo.Offset{}
		}
		offsets[at.topic][at.partition], ends[at] = kgo.NewOffset().At(part.next), part.end
	}
	client.AddConsumePartitions(offsets)
	for len(ends) > 0 {
		fetches := client.PollFetches(ctx)
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := fetchError(fetches); err != nil {
			return err
		}
		for _, record := range fetches.Records() {
			if !record.Attrs.IsControl() {
				if err := yield(record); err != nil {
					return err
				}
			}
			at := topicPartition{record.Topic, record.Partition}
			if end, reading := ends[at]; reading && record.Offset+1 >= end {
				delete(ends, at)
			}
		}
	}
	return nil
}
