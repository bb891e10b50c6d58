package kafka

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
)

// CaughtUp commits what this member has handled, and compares what the group has committed with the ends of all partitions.
func (r *receiver) CaughtUp(ctx context.Context) (bool, error) {
	r.mu.Lock()
	client := r.client
	r.mu.Unlock()
	if client == nil {
		return false, hasTopic(ctx, r.side, r.config.Route.Topic) // or why it is no member yet
	}
	if err := client.CommitMarkedOffsets(ctx); err != nil {
		return false, fmt.Errorf("commit what was handled: %w", err)
	}
	admin, topic := kadm.NewClient(r.side), r.config.Route.Topic
	starts, err := listed(admin.ListStartOffsets(ctx, topic))
	if err != nil {
		return false, fmt.Errorf("ask where the topic begins: %w", err)
	}
	ends, err := listed(admin.ListEndOffsets(ctx, topic))
	if err != nil {
		return false, fmt.Errorf("ask where the topic ends: %w", err)
	}
	committed, err := r.committed(ctx)
	if err != nil {
		return false, err
	}
	for partition, end := range ends[topic] {
		done := starts[topic][partition].Offset // what is deleted nobody can handle
		if of, found := committed.Lookup(topic, partition); found {
			done = max(done, of.At)
		}
		if done < end.Offset {
			return false, nil
		}
	}
	return true, nil
}

// listed is an answer in which each partition has an offset.
func listed(offsets kadm.ListedOffsets, err error) (kadm.ListedOffsets, error) {
	if err == nil {
		err = offsets.Error()
	}
	if err == nil && len(offsets) == 0 {
		err = kerr.UnknownTopicOrPartition
	}
	return offsets, err
}
