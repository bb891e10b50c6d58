package pipeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/telemetry"
)

// markTimeout bounds what is asked of Kafka about one minute mark. Not smaller: a busy broker takes a second to answer; not larger: a
// day has 1,440 of them, and a broker that is away is found out by the first.
const markTimeout = 10 * time.Second

// offsetMarks knows which offset is the first of a time; *kadm.Client does.
type offsetMarks interface {
	ListStartOffsets(ctx context.Context, topics ...string) (kadm.ListedOffsets, error)
	ListOffsetsAfterMilli(ctx context.Context, millis int64, topics ...string) (kadm.ListedOffsets, error)
}

// openOffsetAudit asks for the topic, where its partitions begin, and how far aggregation and storage have come with what was there
// at a time.
func openOffsetAudit(ctx context.Context, config KafkaConfig, client *kgo.Client, settled time.Time) (*offsetAudit, error) {
	ctx, cancel := context.WithTimeout(ctx, markTimeout)
	defer cancel()
	admin := kadm.NewClient(client)
	topic, err := topicDetail(ctx, admin, telemetry.TopicTelemetry)
	if err != nil {
		return nil, err
	}
	listed, err := admin.ListStartOffsets(ctx, telemetry.TopicTelemetry)
	if err == nil {
		err = listed.Error()
	}
	if err != nil {
		return nil, fmt.Errorf("find where %s begins: %w", telemetry.TopicTelemetry, err)
	}
	count := func(ctx context.Context, partition int32, bounds []int64) ([]int64, error) {
		return countRecords(ctx, config, partition, bounds)
	}
	a := &offsetAudit{topicID: topic.ID, marks: admin, count: count, starts: offsetsOf(listed), known: map[int64]map[int32]int64{}}
	return a, a.follow(ctx, admin, settled)
}

func offsetsOf(listed kadm.ListedOffsets) map[int32]int64 {
	out := map[int32]int64{}
	listed.Each(func(offset kadm.ListedOffset) { out[offset.Partition] = offset.Offset })
	return out
}

// at returns the first offset of each partition at or after a time, its end where there is none.
func (a *offsetAudit) at(ctx context.Context, at time.Time) (map[int32]int64, error) {
	if known := a.known[at.Unix()]; known != nil {
		return known, nil
	}
	ctx, cancel := context.WithTimeout(ctx, markTimeout)
	defer cancel()
	listed, err := a.marks.ListOffsetsAfterMilli(ctx, at.UnixMilli(), telemetry.TopicTelemetry)
	if err == nil {
		err = listed.Error()
	}
	if err != nil {
		return nil, fmt.Errorf("find what %s held at %s: %w", telemetry.TopicTelemetry, at.Format(time.RFC3339), err)
	}
	a.known[at.Unix()] = offsetsOf(listed)
	return a.known[at.Unix()], nil
}

// follow finds out how far aggregation and storage have come with what was there at a time.
func (a *offsetAudit) follow(ctx context.Context, admin *kadm.Client, at time.Time) error {
	aggregated, err := admin.FetchOffsets(ctx, groupAggregate)
	if err != nil && !errors.Is(err, kerr.GroupIDNotFound) { // nothing was ever aggregated
		return fmt.Errorf("find how far %s is: %w", groupAggregate, err)
	}
	stored, err := admin.FetchOffsets(ctx, groupClickHouse)
	if err != nil && !errors.Is(err, kerr.GroupIDNotFound) {
		return fmt.Errorf("find how far %s is: %w", groupClickHouse, err)
	}
	written, err := admin.ListOffsetsAfterMilli(ctx, at.UnixMilli(), telemetry.TopicCells)
	if err != nil {
		return fmt.Errorf("find what %s held at %s: %w", telemetry.TopicCells, at.Format(time.RFC3339), err)
	}
	a.aggregated, a.storageBehind = map[int32]int64{}, false
	aggregated.Each(func(offset kadm.OffsetResponse) {
		if offset.Topic == telemetry.TopicTelemetry && offset.At >= 0 {
			a.aggregated[offset.Partition] = offset.At
		}
	})
	written.Each(func(offset kadm.ListedOffset) {
		at, some := stored.Lookup(offset.Topic, offset.Partition)
		a.storageBehind = a.storageBehind || offset.Err == nil && offset.Offset > 0 && (!some || at.At < offset.Offset)
	})
	return nil
}

// countRecords counts the records between each bound and the next one, offsets in order, that are no control records.
func countRecords(ctx context.Context, config KafkaConfig, partition int32, bounds []int64) ([]int64, error) {
	from, to := bounds[0], bounds[len(bounds)-1]
	options, err := clientOptions(config)
	if err != nil {
		return nil, err
	}
	client, err := kgo.NewClient(append(options, kgo.KeepControlRecords(), kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{
		telemetry.TopicTelemetry: {partition: kgo.NewOffset().At(from)}}))...)
	if err != nil {
		return nil, fmt.Errorf("open a Kafka client: %w", err)
	}
	defer client.Close()
	records, at := make([]int64, len(bounds)-1), 0
	for next := from; next < to; {
		waiting, cancel := context.WithTimeout(ctx, markTimeout)
		fetches := client.PollFetches(waiting)
		cancel()
		if err := cmp.Or(ctx.Err(), fetchError(fetches)); err != nil {
			return nil, err
		}
		if fetches.NumRecords() == 0 {
			return nil, fmt.Errorf("count records of %s partition %d: Kafka gives none from offset %d on within %s, want those until %d: ask again later", telemetry.TopicTelemetry, partition, next, markTimeout, to)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			next = r.Offset + 1
			if r.Offset >= to || r.Attrs.IsControl() {
				return
			}
			for r.Offset >= bounds[at+1] {
				at++
			}
			records[at]++
		})
	}
	return records, nil
}
