package pipeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/sink/clickhouse"
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

// maxRecounted is how many offsets an audit reads from Kafka to see whether they are records: control records of transactions, and
// what compaction took away, are none. Not fewer: a source with transactions has a control record for each; not more: who lost more
// than that need not be told to the last.
const maxRecounted = 1 << 20

// offsetAudit holds the ledger against the offsets of weir.telemetry. All records of a source are in a segment: between two times the
// ledger has as many offsets as Kafka, and each minute begins at the offset that Kafka has for it.
type offsetAudit struct {
	topicID kadm.TopicID
	marks   offsetMarks
	count   func(ctx context.Context, partition int32, from, to int64) (records int64, err error)
	starts  map[int32]int64           // first offset that Kafka still has
	known   map[int64]map[int32]int64 // offsets by partition, of a Unix time in seconds

	aggregated    map[int32]int64 // up to where the role aggregate has committed
	storageBehind bool            // some of what was written to weir.cells before the time is not stored
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

// heldOffsets is the ledger beside Kafka, in records.
type heldOffsets struct {
	clickhouse.AuditedTable
	moved     []clickhouse.LedgerSegment // that do not begin where their minute does
	gone      int                        // segments of topics that are gone, of which Kafka knows nothing
	deleted   bool                       // Kafka has deleted some of the time, or may have
	behind    uint64                     // records that are not stored yet
	recounted int64                      // offsets that were read
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
	count := func(ctx context.Context, partition int32, from, to int64) (int64, error) {
		return countRecords(ctx, config, partition, from, to)
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

// hold holds the segments of [from, to), in the order of sources and offsets, against Kafka.
func (a *offsetAudit) hold(ctx context.Context, segments []clickhouse.LedgerSegment, from, to time.Time) (*heldOffsets, error) {
	out := &heldOffsets{AuditedTable: clickhouse.AuditedTable{Table: auditedLedger}}
	begins, err := a.at(ctx, from)
	if err != nil {
		return nil, err
	}
	ends, err := a.at(ctx, to)
	if err != nil {
		return nil, err
	}
	of := map[int32][]clickhouse.LedgerSegment{}
	for _, segment := range segments {
		if segment.Source.TopicID != a.topicID {
			out.gone++
			continue
		}
		of[segment.Source.Partition] = append(of[segment.Source.Partition], segment)
	}
	for _, partition := range slices.Sorted(maps.Keys(begins)) {
		out.deleted = out.deleted || a.starts[partition] > 0 && begins[partition] <= a.starts[partition]
		span := offsetSpan{telemetry.Source{TopicID: a.topicID, Partition: partition}, from, max(begins[partition], a.starts[partition]), ends[partition]}
		if err := a.holdSource(ctx, out, of[partition], span); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// offsetSpan is what of a source is yet to be found in the ledger.
type offsetSpan struct {
	source    telemetry.Source
	minute    time.Time
	next, end int64
}

func (a *offsetAudit) holdSource(ctx context.Context, out *heldOffsets, segments []clickhouse.LedgerSegment, span offsetSpan) error {
	for _, segment := range segments {
		if segment.FirstOffset < span.next {
			out.deleted = true
		}
		if segment.EndOffset <= span.next {
			continue
		}
		if err := a.holdBegin(ctx, out, segment, span); err != nil {
			return err
		}
		first := max(segment.FirstOffset, span.next)
		span.minute = segment.Segment.Begin()
		if err := a.holdOffsets(ctx, out, span, offsetCount{from: span.next, to: first}); err != nil {
			return err
		}
		held := offsetCount{from: first, to: segment.EndOffset, stored: int64(segment.Reports + segment.Refused)}
		if first > segment.FirstOffset {
			held.stored = held.to - held.from // a part of it is deleted: of the rest nothing else is known
		}
		if err := a.holdOffsets(ctx, out, span, held); err != nil {
			return err
		}
		span.next = segment.EndOffset
	}
	if span.next < span.end && a.waiting(span) {
		out.behind += uint64(span.end - span.next)
		return nil
	}
	return a.holdOffsets(ctx, out, span, offsetCount{from: span.next, to: span.end})
}

// waiting says that what follows in a source is yet to come: it is not aggregated, or what is made of it waits to be stored.
func (a *offsetAudit) waiting(span offsetSpan) bool {
	aggregated, some := a.aggregated[span.source.Partition]
	return a.storageBehind || some && aggregated <= span.next
}

// holdBegin notes a segment that is the first of its minute and does not begin where Kafka has that. One behind a gap or at the begin
// of a block need not.
func (a *offsetAudit) holdBegin(ctx context.Context, out *heldOffsets, segment clickhouse.LedgerSegment, span offsetSpan) error {
	begin := segment.Segment.Begin()
	if segment.FirstOffset != span.next || begin.Equal(span.minute) || segment.FirstOffset%telemetry.BlockOffsets == 0 {
		return nil
	}
	marks, err := a.at(ctx, begin)
	if err != nil {
		return err
	}
	if marks[segment.Source.Partition] != segment.FirstOffset && len(out.moved) < clickhouse.MaxShortParts {
		out.moved = append(out.moved, segment)
	}
	return nil
}

// offsetCount is how many of some offsets the ledger has.
type offsetCount struct {
	from, to, stored int64
}

// holdOffsets adds offsets up. Where the ledger lacks some, Kafka is asked which of them are records.
func (a *offsetAudit) holdOffsets(ctx context.Context, out *heldOffsets, span offsetSpan, c offsetCount) error {
	expected := max(c.to-c.from, 0)
	if expected > c.stored && out.recounted+expected <= maxRecounted {
		out.recounted += expected
		records, err := a.count(ctx, span.source.Partition, c.from, c.to)
		if err != nil {
			return err
		}
		expected = records
	}
	out.Expected, out.Stored = out.Expected+uint64(expected), out.Stored+uint64(c.stored)
	if expected == c.stored {
		return nil
	}
	out.Differ++
	if expected > c.stored {
		out.Short += uint64(expected - c.stored)
	} else {
		out.Surplus += uint64(c.stored - expected)
	}
	if len(out.Parts) < clickhouse.MaxShortParts {
		segment := telemetry.Segment{Block: uint64(c.from) / telemetry.BlockOffsets, MinuteUnix: span.minute.Unix() / int64(telemetry.SegmentLength/time.Second)}
		out.Parts = append(out.Parts, clickhouse.ShortPart{Begin: span.minute, Expected: uint64(expected), Stored: uint64(c.stored), Source: span.source, Segment: segment})
	}
	return nil
}

// countRecords counts the records of [from, to) that are no control records.
func countRecords(ctx context.Context, config KafkaConfig, partition int32, from, to int64) (records int64, err error) {
	options, err := clientOptions(config)
	if err != nil {
		return 0, err
	}
	client, err := kgo.NewClient(append(options, kgo.KeepControlRecords(), kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{
		telemetry.TopicTelemetry: {partition: kgo.NewOffset().At(from)}}))...)
	if err != nil {
		return 0, fmt.Errorf("open a Kafka client: %w", err)
	}
	defer client.Close()
	for next := from; next < to; {
		waiting, cancel := context.WithTimeout(ctx, markTimeout)
		fetches := client.PollFetches(waiting)
		cancel()
		if err := cmp.Or(ctx.Err(), fetchError(fetches)); err != nil {
			return 0, err
		}
		if fetches.NumRecords() == 0 {
			return 0, fmt.Errorf("count records of %s partition %d: Kafka gives none from offset %d on within %s, want those until %d: ask again later", telemetry.TopicTelemetry, partition, next, markTimeout, to)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			if r.Offset < to && !r.Attrs.IsControl() {
				records++
			}
			next = r.Offset + 1
		})
	}
	return records, nil
}
