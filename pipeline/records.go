package pipeline

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/weirmq/weir/telemetry"
)

// groupRecord is a record of weir.groups.
func groupRecord(key string, value []byte, partitions int32) *kgo.Record {
	return &kgo.Record{Topic: telemetry.TopicGroups, Partition: telemetry.GroupPartition(key, partitions), Key: []byte(key),
		Value: value, Headers: []kgo.RecordHeader{{Key: headerKind, Value: []byte(kindGroup)}}}
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
