package pipeline

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/control"
)

// controlLog reads weir.control from its start, and writes to it. It is not safe for use by several goroutines at once.
type controlLog struct {
	client *kgo.Client
	admin  *kadm.Client
	set    *control.Set
	// stale are keys of which the newest record is not what is in force: a replay, or a second writer. Compaction would leave that one.
	stale map[string]bool
	told  func(control.Change) // hears of each record; nil for nobody
	// became is what became of each record that is read, by offset, while somebody reads back what he wrote.
	became map[int64]control.Change
}

// controlPartition is the only one of the topic.
const controlPartition = 0

func openControlLog(config KafkaConfig, hooks ...kgo.Hook) (*controlLog, error) {
	options, err := producerOptions(config, control.MaxRecordBytes*4, hooks...)
	if err != nil {
		return nil, err
	}
	from := map[string]map[int32]kgo.Offset{control.Topic: {controlPartition: kgo.NewOffset().AtStart()}}
	client, err := kgo.NewClient(append(options, kgo.ConsumePartitions(from), kgo.ProducerLinger(promptLinger))...)
	if err != nil {
		return nil, fmt.Errorf("open a client for %s: %w", control.Topic, err)
	}
	return &controlLog{client: client, admin: kadm.NewClient(client), set: control.NewSet(), stale: map[string]bool{}}, nil
}

func (l *controlLog) close() { l.client.Close() }

// catchUp reads to the present end.
func (l *controlLog) catchUp(ctx context.Context) error {
	ends, err := l.admin.ListEndOffsets(ctx, control.Topic)
	end, found := ends.Lookup(control.Topic, controlPartition)
	switch {
	case err != nil:
		return fmt.Errorf("find the end of %s: %w", control.Topic, err)
	case !found || errors.Is(end.Err, kerr.UnknownTopicOrPartition):
		return fmt.Errorf("topic %s is missing: run `weir topics create`: %w", control.Topic, kerr.UnknownTopicOrPartition)
	case end.Err != nil:
		return fmt.Errorf("find the end of %s: %w", control.Topic, end.Err)
	}
	for l.set.Offset() < end.Offset {
		fetches := l.client.PollFetches(ctx)
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := fetchError(fetches); err != nil {
			return err
		}
		fetches.EachRecord(func(record *kgo.Record) { l.feed(record, time.Now()) })
	}
	return nil
}

func (l *controlLog) feed(record *kgo.Record, now time.Time) {
	change := l.set.Feed(control.Record{Key: record.Key, Value: record.Value, Offset: record.Offset, AppendedAt: record.Timestamp}, now)
	switch {
	case change.Outcome == control.OutcomeIgnored && !change.Same:
		l.stale[change.Key] = true
	case change.Outcome == control.OutcomeApplied || change.Outcome == control.OutcomeRemoved:
		delete(l.stale, change.Key)
	}
	if l.became != nil {
		l.became[record.Offset] = change
	}
	if l.told != nil {
		l.told(change)
	}
}
