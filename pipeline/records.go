package pipeline

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/weirmq/weir/telemetry"
)

// encodeGroup makes records of weir.groups, each at most maxRecordBytes.
func encodeGroup(batch *telemetry.GroupBatch, partitions int32) []*kgo.Record {
	value := telemetry.AppendGroupBatch(nil, batch)
	if len(value) <= maxRecordBytes || len(batch.Partials) < 2 {
		key := telemetry.GroupKey(batch.Grouping, batch.Values)
		return []*kgo.Record{{Topic: telemetry.TopicGroups, Partition: telemetry.GroupPartition(key, partitions),
			Key: []byte(key), Value: value, Headers: []kgo.RecordHeader{{Key: headerKind, Value: []byte(kindGroup)}}}}
	}
	first, second := *batch, *batch
	half := len(batch.Partials) / 2
	first.Partials, second.Partials = batch.Partials[:half], batch.Partials[half:]
	return append(encodeGroup(&first, partitions), encodeGroup(&second, partitions)...)
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
