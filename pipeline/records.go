package pipeline

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/weirmq/weir/telemetry"
)

// Headers of records of weir.groups, shared by all: nothing writes to them.
var (
	groupHeaders     = []kgo.RecordHeader{{Key: headerKind, Value: []byte(kindGroup)}}
	watermarkHeaders = []kgo.RecordHeader{{Key: headerKind, Value: []byte(kindWatermark)}}
)

// groupRecord is a record of weir.groups with partials of a source.
func groupRecord(source, value []byte, partition int32) *kgo.Record {
	return &kgo.Record{Topic: telemetry.TopicGroups, Partition: partition, Key: source,
		Value: value, Headers: groupHeaders}
}

// recordKind returns the kind header of a record of weir.groups.
func recordKind(r *kgo.Record) string {
	for _, h := range r.Headers {
		if h.Key == headerKind {
			return string(h.Value)
		}
	}
	return ""
}

// offsetCommitter commits offsets of a consumer group; *kgo.Client does.
type offsetCommitter interface {
	CommitOffsetsSync(ctx context.Context, offsets map[string]map[int32]kgo.EpochOffset,
		onDone func(*kgo.Client, *kmsg.OffsetCommitRequest, *kmsg.OffsetCommitResponse, error))
}

// commitOffset commits where a partition is read from by whoever has it next. The error
// says that the group did not take it: it has given the partition to another.
func commitOffset(ctx context.Context, commits offsetCommitter, at topicPartition, offset int64) error {
	var failed error
	offsets := map[string]map[int32]kgo.EpochOffset{at.topic: {at.partition: {Epoch: -1, Offset: offset}}}
	commits.CommitOffsetsSync(ctx, offsets, commitResult(&failed))
	if failed != nil {
		return fmt.Errorf("commit offset %d: %w", offset, failed)
	}
	return nil
}

// commitResult returns a callback that keeps the first error of a commit.
func commitResult(failed *error) func(*kgo.Client, *kmsg.OffsetCommitRequest, *kmsg.OffsetCommitResponse, error) {
	return func(_ *kgo.Client, _ *kmsg.OffsetCommitRequest, response *kmsg.OffsetCommitResponse, err error) {
		if err != nil {
			*failed = &kafkaFault{faultCommit, err}
			return
		}
		for _, topic := range response.Topics {
			for _, partition := range topic.Partitions {
				if err := kerr.ErrorForCode(partition.ErrorCode); err != nil && *failed == nil {
					*failed = &kafkaFault{faultCommit, err}
				}
			}
		}
	}
}
