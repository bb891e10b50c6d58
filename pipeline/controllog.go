package pipeline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/control"
	"github.com/weirmq/weir/control/topic"
)

// controlLog reads weir.control from its start, and writes to it. It is not safe for use by several goroutines at once.
type controlLog struct {
	reader *topic.Reader
	client *kgo.Client // the reader's
	set    *control.Set
	// stale are keys of which the newest record is not what is in force. Compaction would leave that one.
	stale map[string]bool
	told  func(control.Change) // hears of each record; nil for nobody
	seen  func(controlEntry)   // likewise, with the record
	tail  controlTail          // what the store may lack
	anew  func()               // hears that the topic was made anew; nil for nobody
	// became is what became of each record that is read, by offset, while somebody reads back what he wrote.
	became map[int64]control.Change
	// patience is how long who waits for an answer waits, and brokers are those that he waits for.
	patience time.Duration
	brokers  []string
}

// controlPartition is the only one of the topic.
const controlPartition = topic.Partition

// openControlLog opens it for one process; log is told of faults, and nil discards them.
func openControlLog(config KafkaConfig, log *slog.Logger, hooks ...kgo.Hook) (*controlLog, error) {
	options, err := producerOptions(config, control.MaxRecordBytes*4, hooks...)
	if err != nil {
		return nil, err
	}
	reader, err := topic.Open(topic.Config{Options: append(options, kgo.ProducerLinger(promptLinger)), Log: log})
	if err != nil {
		return nil, err
	}
	return &controlLog{reader: reader, client: reader.Client(), set: control.NewSet(), stale: map[string]bool{}, patience: controlPatience, brokers: config.Brokers}, nil
}

func (l *controlLog) close() { l.reader.Close() }

// catchUp reads to the present end.
func (l *controlLog) catchUp(ctx context.Context) error {
	err := l.reader.CatchUp(ctx, l.take)
	switch {
	case err == nil, ctx.Err() != nil:
		return err
	case errors.Is(err, kerr.UnknownTopicOrPartition):
		return fmt.Errorf("topic %s is missing: run `weir topics create`: %w", control.Topic, err)
	}
	return &kafkaFault{faultRead, err}
}

// take takes what was read. Of a topic that was made anew nothing is known from before.
func (l *controlLog) take(batch topic.Batch) {
	if batch.Anew {
		l.set = control.NewSet()
		l.tail.startAnew()
		clear(l.stale)
		clear(l.became)
		if l.anew != nil {
			l.anew()
		}
	}
	now := time.Now()
	for _, record := range batch.Records {
		l.feed(record, now)
	}
}

// append writes records. Where the topic was made anew meanwhile nothing is written, and it is read from its start.
func (l *controlLog) append(ctx context.Context, records []*kgo.Record) error {
	err := produceAll(ctx, l.client, records)
	if errors.Is(err, kerr.UnknownTopicID) {
		l.take(l.reader.StartAnew())
		return fmt.Errorf("%w: %w", errChangedMeanwhile, err)
	}
	return err
}

// covers says that a record which is not in force would be all that compaction leaves of something that is: a replay, a second writer's, or what nobody can read.
// What a newer writer means, it knows better.
func (l *controlLog) covers(change *control.Change) bool {
	switch change.Outcome {
	case control.OutcomeIgnored:
		return !change.Same
	case control.OutcomeRefused:
		_, route := l.set.HeldRoute(change.Key)
		_, command := l.set.Command(strings.TrimPrefix(change.Key, kindCommand+"/"))
		return change.Reason != control.ReasonSchema && (route || command)
	}
	return false
}

func (l *controlLog) feed(record control.Record, now time.Time) {
	change := l.set.Feed(record, now)
	l.tail.add(controlEntry{record, change})
	if l.seen != nil {
		l.seen(controlEntry{record, change})
	}
	switch {
	case l.covers(&change):
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
