package pipeline

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/telemetry"
)

// errDeposed ends a stage that woke up too late; it then asks its group what it has.
var errDeposed = errors.New("another process has claimed the partition, as this one was not heard of for too long")

// alertWriter writes a partition of weir.alerts under a claim. The offsets that the broker
// gives its records tell whether anybody else has written since.
type alertWriter struct {
	kafka     ruleKafka
	partition int32
	claim     claim
	next      int64 // offset of its next record, where nobody else writes
}

// open reads the partition and claims it, until nobody has written in between. It returns
// what the log says, and the newest state of each alert.
func (w *alertWriter) open(ctx context.Context) (*alertLog, map[string]telemetry.Alert, error) {
	for {
		records, end, err := w.kafka.read(ctx, topicPartition{telemetry.TopicAlerts, w.partition}, 0)
		if err != nil {
			return nil, nil, err
		}
		log := &alertLog{}
		newest, err := log.takeAll(records)
		if err != nil {
			return nil, nil, err
		}
		w.claim, w.next = log.newest.after(time.Now()), end
		record, err := progressRecord(log.until)
		if err != nil {
			return nil, nil, err
		}
		between, err := w.append(ctx, []*kgo.Record{record})
		if err != nil || len(between) == 0 {
			return log, newest, err
		}
	}
}

// write appends records and returns the keys of what others have written in between, under
// older claims. The error wraps errDeposed where it was under a newer one.
func (w *alertWriter) write(ctx context.Context, records []*kgo.Record) ([]string, error) {
	from := w.next
	between, err := w.append(ctx, records)
	if err != nil || len(between) == 0 {
		return nil, err
	}
	written, _, err := w.kafka.read(ctx, topicPartition{telemetry.TopicAlerts, w.partition}, from)
	if err != nil {
		return nil, fmt.Errorf("read what others wrote from offset %d on: %w", from, err)
	}
	var keys []string
	for _, record := range written {
		if !between[record.Offset] || string(record.Key) == aheadKey { // that is no state, and whoever claims writes progress first
			continue
		}
		under, err := claimOf(record)
		if err != nil {
			return nil, err
		}
		if under.epoch >= w.claim.epoch {
			return nil, fmt.Errorf("write to %s partition %d: %w", telemetry.TopicAlerts, w.partition, errDeposed)
		}
		keys = append(keys, string(record.Key))
	}
	return keys, nil
}

// append writes records under the claim, and returns the offsets up to the last of them
// that are not theirs.
func (w *alertWriter) append(ctx context.Context, records []*kgo.Record) (between map[int64]bool, err error) {
	for _, record := range records {
		record.Topic, record.Partition = telemetry.TopicAlerts, w.partition
		record.Headers = append(record.Headers, w.claim.header(string(record.Key)))
	}
	if err := produceAll(ctx, w.kafka.records, records); err != nil {
		return nil, err
	}
	own, next := map[int64]bool{}, w.next
	for _, record := range records {
		own[record.Offset] = true
		next = max(next, record.Offset+1)
	}
	between = map[int64]bool{}
	for offset := w.next; offset < next; offset++ {
		if !own[offset] {
			between[offset] = true
		}
	}
	w.next = next
	return between, nil
}
