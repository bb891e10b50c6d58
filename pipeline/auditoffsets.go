package pipeline

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/weirmq/weir/sink/clickhouse"
	"github.com/weirmq/weir/telemetry"
)

// maxRecounted is how many offsets an audit reads from Kafka to see whether they are records: control records of transactions, and
// what compaction took away, are none. Not fewer: a source with transactions has a control record for each; not more: who lost more
// than that need not be told to the last.
const maxRecounted = 1 << 20

// offsetAudit holds the ledger against the offsets of weir.telemetry. All records of a source are in a segment: between two times the
// ledger has as many offsets as Kafka, and each minute begins at the offset that Kafka has for it.
type offsetAudit struct {
	topicID kadm.TopicID
	marks   offsetMarks
	count   func(ctx context.Context, partition int32, bounds []int64) (records []int64, err error) // between each bound and the next
	starts  map[int32]int64                                                                         // first offset that Kafka still has
	known   map[int64]map[int32]int64                                                               // offsets by partition, of a Unix time in seconds

	aggregated    map[int32]int64 // up to where the role aggregate has committed
	storageBehind bool            // some of what was written to weir.cells before the time is not stored
}

// heldOffsets is the ledger beside Kafka, in records.
type heldOffsets struct {
	clickhouse.AuditedTable
	most      int                        // parts that are named
	moved     []clickhouse.LedgerSegment // that do not begin where their minute does
	gone      int                        // segments of topics that are gone, of which Kafka knows nothing
	deleted   bool                       // Kafka has deleted some of the time, or may have
	behind    uint64                     // records that are not stored yet
	recounted int64                      // offsets that were read
}

// hold holds the segments of a range, in the order of sources and offsets, against Kafka.
func (a *offsetAudit) hold(ctx context.Context, segments []clickhouse.LedgerSegment, r clickhouse.AuditRange) (*heldOffsets, error) {
	out := &heldOffsets{AuditedTable: clickhouse.AuditedTable{Table: auditedLedger, From: r.From, To: r.To}, most: r.MaxParts}
	begins, err := a.at(ctx, r.From)
	if err != nil {
		return nil, err
	}
	ends, err := a.at(ctx, r.To)
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
		span := offsetSpan{telemetry.Source{TopicID: a.topicID, Partition: partition}, r.From, max(begins[partition], a.starts[partition]), ends[partition]}
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
		if err := a.holdGap(ctx, out, span, first, segment.Segment.Begin()); err != nil {
			return err
		}
		span.minute = segment.Segment.Begin()
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
	return a.holdGap(ctx, out, span, span.end, out.To.Add(-telemetry.SegmentLength))
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
	if marks[segment.Source.Partition] != segment.FirstOffset && len(out.moved) < out.most {
		out.moved = append(out.moved, segment)
	}
	return nil
}

// holdGap adds up offsets that no segment of the ledger has, by the segments that they should be in: those of the span's minute up to the last
// one, as far as Kafka has records of them.
func (a *offsetAudit) holdGap(ctx context.Context, out *heldOffsets, span offsetSpan, to int64, last time.Time) error {
	if to <= span.next {
		return nil
	}
	bounds, minutes := []int64{span.next}, []time.Time{span.minute}
	for minute := span.minute.Add(telemetry.SegmentLength); !minute.After(last); minute = minute.Add(telemetry.SegmentLength) {
		marks, err := a.at(ctx, minute)
		if err != nil {
			return err
		}
		switch mark := min(marks[span.source.Partition], to); {
		case mark > bounds[len(bounds)-1]:
			bounds, minutes = append(bounds, mark), append(minutes, minute)
		default: // the one before is empty
			minutes[len(minutes)-1] = minute
		}
		if bounds[len(bounds)-1] == to {
			bounds, minutes = bounds[:len(bounds)-1], minutes[:len(minutes)-1]
			break
		}
	}
	bounds = append(bounds, to)
	records, err := a.records(ctx, out, span, bounds)
	if err != nil {
		return err
	}
	for i, minute := range minutes {
		span.minute = minute
		out.add(span, bounds[i], records[i], 0)
	}
	return nil
}

// records is how many records there are between each bound and the next one: as many as offsets, unless Kafka can be asked.
func (a *offsetAudit) records(ctx context.Context, out *heldOffsets, span offsetSpan, bounds []int64) ([]int64, error) {
	if all := bounds[len(bounds)-1] - bounds[0]; out.recounted+all <= maxRecounted {
		out.recounted += all
		return a.count(ctx, span.source.Partition, bounds)
	}
	records := make([]int64, len(bounds)-1)
	for i := range records {
		records[i] = bounds[i+1] - bounds[i]
	}
	return records, nil
}

// offsetCount is how many of some offsets the ledger has.
type offsetCount struct {
	from, to, stored int64
}

// holdOffsets adds up offsets of a segment. Where the ledger lacks some, Kafka is asked which of them are records.
func (a *offsetAudit) holdOffsets(ctx context.Context, out *heldOffsets, span offsetSpan, c offsetCount) error {
	expected := max(c.to-c.from, 0)
	if expected > c.stored {
		records, err := a.records(ctx, out, span, []int64{c.from, c.to})
		if err != nil {
			return err
		}
		expected = records[0]
	}
	out.add(span, c.from, expected, c.stored)
	return nil
}

// add adds up what of a segment there should be, and is.
func (h *heldOffsets) add(span offsetSpan, from, expected, stored int64) {
	h.Expected, h.Stored = h.Expected+uint64(expected), h.Stored+uint64(stored)
	if expected == stored {
		return
	}
	h.Differ++
	if expected > stored {
		h.Short += uint64(expected - stored)
	} else {
		h.Surplus += uint64(stored - expected)
	}
	if len(h.Parts) < h.most {
		h.Parts = append(h.Parts, clickhouse.ShortPart{Begin: span.minute, Expected: uint64(expected), Stored: uint64(stored), Source: span.source.String(), Block: uint64(from) / telemetry.BlockOffsets})
	}
}
