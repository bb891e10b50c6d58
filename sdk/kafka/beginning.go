package kafka

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// beginAtEnd has partitions of which the group has committed nothing begin with what comes, and commits where that is: whether a message is left
// is known then before the first one is handled. kgo calls it before a partition is read; the error has it try again.
func (r *receiver) beginAtEnd(ctx context.Context, offsets map[string]map[int32]kgo.Offset) (map[string]map[int32]kgo.Offset, error) {
	topic, begins := r.config.Route.Topic, map[int32]kgo.EpochOffset{}
	for partition, offset := range offsets[topic] {
		if offset.EpochOffset().Offset < 0 {
			begins[partition] = kgo.EpochOffset{}
		}
	}
	if len(begins) == 0 {
		return offsets, nil
	}
	ends, err := listed(kadm.NewClient(r.side).ListEndOffsets(ctx, topic))
	if err != nil {
		return nil, fmt.Errorf("ask where %s ends, to begin there: %w", topic, err)
	}
	for partition := range begins {
		end, found := ends.Lookup(topic, partition)
		if !found {
			return nil, fmt.Errorf("ask where %s partition %d ends, to begin there: %w", topic, partition, kerr.UnknownTopicOrPartition)
		}
		begins[partition] = kgo.EpochOffset{Epoch: end.LeaderEpoch, Offset: end.Offset}
		offsets[topic][partition] = kgo.NewOffset().At(end.Offset).WithEpoch(end.LeaderEpoch)
	}
	r.mu.Lock()
	client := r.client
	r.mu.Unlock()
	client.CommitOffsetsSync(ctx, map[string]map[int32]kgo.EpochOffset{topic: begins}, func(_ *kgo.Client, _ *kmsg.OffsetCommitRequest, answer *kmsg.OffsetCommitResponse, failed error) {
		if err = failed; err == nil {
			err = refusedCommit(answer)
		}
	})
	if err != nil {
		return nil, fmt.Errorf("commit where the group begins with %s: %w", topic, err)
	}
	return offsets, nil
}

// refusedCommit is the first error of an answer.
func refusedCommit(answer *kmsg.OffsetCommitResponse) error {
	for i := range answer.Topics {
		for j := range answer.Topics[i].Partitions {
			if err := kerr.ErrorForCode(answer.Topics[i].Partitions[j].ErrorCode); err != nil {
				return err
			}
		}
	}
	return nil
}

// Knows says whether the group has committed anything of the topic.
func (r *receiver) Knows(ctx context.Context) (bool, error) {
	committed, err := r.committed(ctx)
	known := false
	committed.Each(func(at kadm.OffsetResponse) { known = known || at.Topic == r.config.Route.Topic && at.At >= 0 })
	return known, err
}

// committed is what the group has committed of the topic.
func (r *receiver) committed(ctx context.Context) (kadm.OffsetResponses, error) {
	committed, err := kadm.NewClient(r.side).FetchOffsetsForTopics(kadm.RequireStable(ctx), r.config.Group, r.config.Route.Topic)
	if err == nil {
		err = committed.Error()
	}
	if errors.Is(err, kerr.GroupIDNotFound) { // nobody of it was there
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("ask for what the group has committed: %w", err)
	}
	return committed, nil
}

// Begin commits the end of each partition of which the group has committed nothing.
func (r *receiver) Begin(ctx context.Context) error {
	admin, topic := kadm.NewClient(r.side), r.config.Route.Topic
	ends, err := listed(admin.ListEndOffsets(ctx, topic))
	if err != nil {
		return fmt.Errorf("ask where %s ends, to begin there: %w", topic, err)
	}
	committed, err := r.committed(ctx)
	if err != nil {
		return err
	}
	begins := kadm.Offsets{}
	ends.Each(func(end kadm.ListedOffset) {
		if at, found := committed.Lookup(topic, end.Partition); !found || at.At < 0 {
			begins.AddOffset(topic, end.Partition, end.Offset, end.LeaderEpoch)
		}
	})
	if len(begins) == 0 {
		return nil
	}
	answer, err := admin.CommitOffsets(ctx, r.config.Group, begins)
	if err == nil {
		err = answer.Error()
	}
	if err != nil {
		return fmt.Errorf("commit where the group begins with %s: %w", topic, err)
	}
	return nil
}
