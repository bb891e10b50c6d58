package pipeline

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// followGroup measures until stopped how far the whole group is behind, which the stage
// has not joined: what waits for the store must be seen while nobody can write to it.
func (s *storage) followGroup(ctx context.Context, p *Pipeline) (stop func(), err error) {
	options, err := clientOptions(p.config.Kafka, p.kafka)
	if err != nil {
		return nil, err
	}
	client, err := kgo.NewClient(options...)
	if err != nil {
		return nil, fmt.Errorf("open a Kafka client: %w", err)
	}
	admin := kadm.NewClient(client)
	stopMeasuring := every(ctx, lagInterval, func(ctx context.Context) {
		if lag, ok := groupLag(ctx, admin, groupClickHouse, storedTopics); ok {
			s.metrics.lag.Store(lag)
		}
	})
	return sync.OnceFunc(func() { stopMeasuring(); client.Close() }), nil
}

// groupLag is how many records of topics a group has not committed.
func groupLag(ctx context.Context, admin *kadm.Client, group string, topics []string) (lag int64, ok bool) {
	details, err := admin.ListTopics(ctx, topics...)
	if err != nil {
		return 0, false
	}
	committed, err := admin.FetchOffsets(ctx, group)
	if err != nil && !errors.Is(err, kerr.GroupIDNotFound) { // nobody has committed yet
		return 0, false
	}
	next := map[topicPartition]int64{}
	details.EachPartition(func(partition kadm.PartitionDetail) {
		at, _ := committed.Lookup(partition.Topic, partition.Partition) // 0 where nothing was committed
		next[topicPartition{partition.Topic, partition.Partition}] = at.At
	})
	return lagOf(ctx, admin, topics, next)
}
