package pipeline

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/rules"
	"github.com/weirmq/weir/sink/clickhouse"
	"github.com/weirmq/weir/telemetry"
)

// sourceTimeout bounds what is asked of Kafka about sources. Not smaller: a busy broker takes a second to answer, and three are
// asked in turn; not larger: somebody may wait for the answer.
const sourceTimeout = 5 * time.Second

// behindSources are those of which the store does not have a day to its end.
type behindSources struct {
	of      []clickhouse.StoredSource
	unasked error // why Kafka could not say whether there is more of them
}

// until is up to when the store has all of them, or the time given where that is before.
func (b *behindSources) until(known time.Time) time.Time {
	for _, source := range b.of {
		if source.Newest.Before(known) {
			known = source.Newest
		}
	}
	return known
}

// text says which they are, "" where there are none.
func (b *behindSources) text() string {
	if len(b.of) == 0 {
		return ""
	}
	first := slices.MinFunc(b.of, func(x, y clickhouse.StoredSource) int { return x.Newest.Compare(y.Newest) })
	text := fmt.Sprintf("the store does not have %d of the sources to the end of the day: %s up to %s", len(b.of), first.Source, first.Newest.Format(time.RFC3339))
	if b.unasked != nil {
		text += fmt.Sprintf(", and Kafka does not say whether that is all of it (%s)", b.unasked)
	}
	return text
}

// take takes a source of which the ledger has no segment from the end of the day on, and the offset behind what it held then. It is
// not behind where the store has come to that: nobody reported to it. One of which Kafka does not know counts where it
// had reports on the day or on the one before: else it is of a topic that is gone.
func (b *behindSources) take(source clickhouse.StoredSource, day time.Time, written int64, known bool) {
	if known && written > source.EndOffset || !known && !source.Newest.Before(day.Add(-rules.Day)) {
		b.of = append(b.of, source)
	}
}

// sourcesBehind looks for sources that storage, or aggregation, has not come to the end of the day with. Where the ledger has
// segments of all from after the day, Kafka is not asked.
func (i *inspection) sourcesBehind(ctx context.Context) (*behindSources, error) {
	stored, err := i.store.Sources(ctx)
	if err != nil {
		return nil, err
	}
	end := i.day.Add(rules.Day)
	stored = slices.DeleteFunc(stored, func(s clickhouse.StoredSource) bool { return !s.Newest.Before(end) })
	out := &behindSources{}
	if len(stored) == 0 {
		return out, nil
	}
	written, err := writtenUntil(ctx, i.kafka, end)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	out.unasked = err
	for _, source := range stored {
		offset, known := written[source.Source]
		out.take(source, i.day, offset, known)
	}
	return out, nil
}

// writtenUntil returns the offset behind what each source of the topic held at a time.
func writtenUntil(ctx context.Context, config KafkaConfig, at time.Time) (map[telemetry.Source]int64, error) {
	options, err := clientOptions(config)
	if err != nil {
		return nil, err
	}
	client, err := kgo.NewClient(options...)
	if err != nil {
		return nil, fmt.Errorf("open a Kafka client: %w", err)
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	ctx, cancel := context.WithTimeout(ctx, sourceTimeout)
	defer cancel()
	topic, err := topicDetail(ctx, admin, telemetry.TopicTelemetry)
	if err != nil {
		return nil, err
	}
	listed, err := admin.ListOffsetsAfterMilli(ctx, at.UnixMilli(), telemetry.TopicTelemetry)
	if err != nil {
		return nil, fmt.Errorf("find what %s held at %s: %w", telemetry.TopicTelemetry, at.Format(time.RFC3339), err)
	}
	out := map[telemetry.Source]int64{}
	listed.Each(func(offset kadm.ListedOffset) {
		if offset.Err == nil && offset.Offset >= 0 {
			out[telemetry.Source{TopicID: topic.ID, Partition: offset.Partition}] = offset.Offset
		}
	})
	return out, nil
}
