package kafka

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
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
	partitions, err := r.partitions(ctx)
	if err != nil {
		return false, err
	}
	starts, err := r.listOffsets(ctx, partitions, -2)
	if err != nil {
		return false, err
	}
	ends, err := r.listOffsets(ctx, partitions, -1)
	if err != nil {
		return false, err
	}
	committed, err := r.committed(ctx, partitions)
	if err != nil {
		return false, err
	}
	for _, p := range partitions {
		if max(committed[p], starts[p]) < ends[p] { // what is deleted nobody can handle
			return false, nil
		}
	}
	return true, nil
}

// partitions are those of the topic.
func (r *receiver) partitions(ctx context.Context) ([]int32, error) {
	request := kmsg.NewPtrMetadataRequest()
	wanted := kmsg.NewMetadataRequestTopic()
	wanted.Topic = kmsg.StringPtr(r.config.Route.Topic)
	request.Topics = append(request.Topics, wanted)
	answer, err := request.RequestWith(ctx, r.side)
	if err != nil {
		return nil, fmt.Errorf("ask for the topic's partitions: %w", err)
	}
	var out []int32
	for i := range answer.Topics {
		if err := kerr.ErrorForCode(answer.Topics[i].ErrorCode); err != nil {
			return nil, fmt.Errorf("ask for the topic's partitions: %w", err)
		}
		for j := range answer.Topics[i].Partitions {
			out = append(out, answer.Topics[i].Partitions[j].Partition)
		}
	}
	return out, nil
}

// listOffsets are those of a time: -1 is where partitions end, -2 where they begin.
func (r *receiver) listOffsets(ctx context.Context, partitions []int32, at int64) (map[int32]int64, error) {
	request := kmsg.NewPtrListOffsetsRequest()
	request.ReplicaID = -1
	topic := kmsg.NewListOffsetsRequestTopic()
	topic.Topic = r.config.Route.Topic
	for _, p := range partitions {
		wanted := kmsg.NewListOffsetsRequestTopicPartition()
		wanted.Partition, wanted.Timestamp = p, at
		topic.Partitions = append(topic.Partitions, wanted)
	}
	request.Topics = append(request.Topics, topic)
	out := map[int32]int64{}
	for _, shard := range r.side.RequestSharded(ctx, request) {
		if shard.Err != nil {
			return nil, fmt.Errorf("ask for the topic's offsets: %w", shard.Err)
		}
		answer := shard.Resp.(*kmsg.ListOffsetsResponse)
		for i := range answer.Topics {
			for j := range answer.Topics[i].Partitions {
				p := &answer.Topics[i].Partitions[j]
				if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
					return nil, fmt.Errorf("ask for the offsets of partition %d: %w", p.Partition, err)
				}
				out[p.Partition] = p.Offset
			}
		}
	}
	if len(out) < len(partitions) {
		return nil, fmt.Errorf("ask for the topic's offsets: %d of %d partitions answered", len(out), len(partitions))
	}
	return out, nil
}

// committed are the group's offsets; of partitions that it never committed there are none.
func (r *receiver) committed(ctx context.Context, partitions []int32) (map[int32]int64, error) {
	request := kmsg.NewPtrOffsetFetchRequest()
	request.Group, request.RequireStable = r.config.Group, true
	topic := kmsg.NewOffsetFetchRequestTopic()
	topic.Topic, topic.Partitions = r.config.Route.Topic, partitions
	request.Topics = append(request.Topics, topic)
	answer, err := request.RequestWith(ctx, r.side)
	if err != nil {
		return nil, fmt.Errorf("ask for what the group has committed: %w", err)
	}
	if err := kerr.ErrorForCode(answer.ErrorCode); err != nil {
		return nil, fmt.Errorf("ask for what the group has committed: %w", err)
	}
	out := map[int32]int64{}
	for i := range answer.Topics {
		for j := range answer.Topics[i].Partitions {
			p := &answer.Topics[i].Partitions[j]
			if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
				return nil, fmt.Errorf("ask for what the group has committed: %w", err)
			}
			out[p.Partition] = p.Offset
		}
	}
	return out, nil
}
