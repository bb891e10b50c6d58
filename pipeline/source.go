package pipeline

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/aggregate"
	"github.com/weirmq/weir/ingest"
	"github.com/weirmq/weir/telemetry"
)

// Bounds of the flush interval, which is a quarter of a pane. Not smaller: each
// flush is a round trip; not larger: alerts wait for it.
const (
	minFlushInterval = 250 * time.Millisecond
	maxFlushInterval = time.Second
)

// headerKind tells group batches from watermarks on weir.groups.
const headerKind = "weir-kind"

const (
	kindGroup     = "group"
	kindWatermark = "watermark"
)

// sourceKafka is what the worker of a source needs of Kafka.
type sourceKafka struct {
	records recordProducer // of cells and groups
	letters recordProducer // takes larger records
	commits offsetCommitter
	offsets offsetLister
}

// offsetLister knows where partitions begin, and what groups have committed; *kadm.Client does.
type offsetLister interface {
	ListStartOffsets(ctx context.Context, topics ...string) (kadm.ListedOffsets, error)
	FetchOffsets(ctx context.Context, group string) (kadm.OffsetResponses, error)
}

// sourceWorker owns the fold of one source: one goroutine, no locks. It begins, adds
// records and ticks until it drains.
type sourceWorker struct {
	a       *aggregator
	kafka   sourceKafka
	source  telemetry.Source
	in      chan []*kgo.Record
	done    chan struct{}
	refused chan *refusedBatch // each after the records before it
	parks   chan struct{}      // asks the worker to forget its open segment
	parked  chan int64         // where it then begins
	stop    context.CancelFunc
	end     atomic.Pointer[sourceEnd]
	next    atomic.Int64 // offset to be read next

	parkedAt time.Time    // zero while it is read; the poll loop's
	cells    atomic.Int64 // of the open segment

	unflushed int       // records since the last flush
	flushed   time.Time // when that had been written
	said      time.Time // watermark
	saidAt    time.Time // when it was

	fold    *aggregate.Fold
	letters *deadLetters
	details segmentDetails
	rules   uint64 // version of the groupings in the fold
	seen    aggregate.Counters
}

func newSourceWorker(a *aggregator, partition int32) *sourceWorker {
	w := &sourceWorker{a: a, kafka: a.kafka, source: telemetry.Source{TopicID: a.topicID, Partition: partition},
		letters: &deadLetters{client: a.kafka.letters, metrics: a.metrics}}
	w.renew()
	return w
}

// renew begins an empty fold.
func (w *sourceWorker) renew() {
	groupings, version := w.a.rules.groupings()
	w.fold = aggregate.NewFold(w.source, w.a.config.Parameters(), w.a.config.Telemetry.Lateness, groupings)
	w.rules, w.seen, w.details = version, aggregate.Counters{}, segmentDetails{}
}

// run adds and ticks until it is stopped, then drains. What is being written at that
// moment is written to its end; both together are bounded by drainTimeout.
func (w *sourceWorker) run(stopped context.Context) error {
	if err := w.locate(stopped); err != nil {
		return err
	}
	ctx, cancel := outlive(stopped, drainTimeout)
	defer cancel()
	ticker := time.NewTicker(min(max(w.a.config.Telemetry.Pane/4, minFlushInterval), maxFlushInterval))
	defer ticker.Stop()
	soon := time.NewTimer(soonInterval)
	defer soon.Stop()
	for {
		select {
		case <-stopped.Done():
			return w.drain(ctx)
		case records := <-w.in:
			if w.unflushed == 0 {
				soon.Reset(w.soon(time.Now()))
			}
			if err := w.add(ctx, records); err != nil {
				return err
			}
		case <-soon.C:
			if err := w.flushSoon(ctx, time.Now()); err != nil {
				return err
			}
		case batch := <-w.refused:
			if err := w.refuseBatch(ctx, batch); err != nil {
				return err
			}
		case <-w.parks:
			from, err := w.forget(ctx)
			if err != nil {
				return err
			}
			w.parked <- from
		case <-ticker.C:
			if err := w.tick(ctx, time.Now()); err != nil {
				return err
			}
		}
	}
}

// locate finds the offset at which the source will be read, so that a source with
// nothing to read is known to be at its end.
func (w *sourceWorker) locate(ctx context.Context) error {
	partition := w.source.Partition
	starts, err := w.kafka.offsets.ListStartOffsets(ctx, telemetry.TopicTelemetry)
	start, listed := starts.Lookup(telemetry.TopicTelemetry, partition)
	if err != nil && !listed { // else the error is of other sources, whose brokers are away
		return fmt.Errorf("find the start: %w", err)
	}
	if start.Err != nil {
		return fmt.Errorf("find the start: %w", start.Err)
	}
	next := start.Offset
	committed, err := w.kafka.offsets.FetchOffsets(ctx, groupAggregate)
	if err != nil {
		return fmt.Errorf("find the committed offset: %w", err)
	}
	if at, ok := committed.Lookup(telemetry.TopicTelemetry, partition); ok {
		if at.Err != nil {
			return fmt.Errorf("find the committed offset: %w", at.Err)
		}
		next = max(next, at.At)
	}
	w.next.Store(next)
	return nil
}

func (w *sourceWorker) add(ctx context.Context, records []*kgo.Record) error {
	bytes := 0
	decoder := w.a.decoders.take()
	defer w.a.decoders.put(decoder)
	defer w.fold.Release()
	for _, record := range records {
		at := aggregate.Position{Offset: record.Offset, AppendUnixMillis: record.Timestamp.UnixMilli(), ValueBytes: len(record.Value)}
		if err := w.begin(ctx, at); err != nil {
			return err
		}
		report, err := decoder.DecodeValues(record.Value, at.AppendUnixMillis)
		if err == nil {
			err = w.take(at, report, decoder)
		}
		bytes += len(record.Value)
		if err == nil {
			continue
		}
		w.fold.Refuse(at, 1)
		w.letters.add(record, w.source, err)
		if w.letters.full() {
			if err := w.letters.write(ctx); err != nil {
				return err
			}
		}
	}
	w.a.metrics.bytes.Add(bytes)
	w.a.metrics.records.Add(len(records))
	w.unflushed += len(records)
	w.next.Store(records[len(records)-1].Offset + 1)
	w.cells.Store(int64(w.fold.Cells()))
	return nil
}

// take folds a report in, and keeps what it says that is not added up.
func (w *sourceWorker) take(at aggregate.Position, report *telemetry.Report, decoder *ingest.Decoder) error {
	end := report.StartUnixMillis + int64(report.LengthMillis) // the fold may move it
	if err := w.fold.Add(at, report, decoder); err != nil {
		return err
	}
	if leftOut := w.details.add(w.fold, at, report, end); leftOut != (kept{}) {
		w.a.metrics.leftOut.Add(leftOut.exemplars)
		w.a.metrics.leftOutEvents.Add(leftOut.events)
	}
	return nil
}

// begin says where a record belongs. Where it opens a segment, the one before is written
// and its end committed.
func (w *sourceWorker) begin(ctx context.Context, at aggregate.Position) error {
	closed := w.fold.Begin(at)
	if closed == nil {
		return nil
	}
	if err := w.write(ctx, closed); err != nil {
		return err
	}
	w.details.segment = kept{}
	return commitOffset(ctx, w.kafka.commits, topicPartition{telemetry.TopicTelemetry, w.source.Partition}, closed.CommitOffset)
}

// tick flushes what changed, then says how far the source has come.
func (w *sourceWorker) tick(ctx context.Context, now time.Time) error {
	if set, version := w.a.rules.current(); version != w.rules {
		w.fold.Regroup(set.Groupings())
		w.rules = version
	}
	end := w.end.Load()
	held := end.holds(now)
	idle := !held && end != nil && w.next.Load() >= end.offset
	if idle {
		w.fold.Idle(end.at)
	}
	w.unflushed = 0
	if err := w.write(ctx, w.fold.Flush()); err != nil {
		return err
	}
	w.countSeen()
	if !held {
		w.sayWatermark(idle, now)
	}
	return nil
}

func (w *sourceWorker) countSeen() {
	now := w.fold.Counters()
	w.a.metrics.late.Add(int(now.Late - w.seen.Late))
	w.a.metrics.clamped.Add(int(now.Clamped - w.seen.Clamped))
	w.a.metrics.overflowed.Add(int(now.Overflowed - w.seen.Overflowed))
	w.seen = now
	w.a.status.setSource(w.source, SourceStatus{Partition: w.source.Partition, Series: w.fold.Series(),
		Watermark: w.fold.Watermark(), NextOffset: w.next.Load(), LateReports: w.fold.LateReports(), Excess: w.fold.Excess()})
}

func (w *sourceWorker) write(ctx context.Context, flush *aggregate.Flush) error {
	if err := w.letters.write(ctx); err != nil {
		return err
	}
	if flush.Empty() && w.details.empty() {
		return nil
	}
	began := time.Now()
	var records []*kgo.Record
	key := []byte(w.source.String())
	cells := func(value []byte) {
		records = append(records, &kgo.Record{Topic: telemetry.TopicCells, Partition: w.source.Partition % w.a.cells, Key: key, Value: value})
	}
	w.details.take(cells) // before the ledger that says the segment is closed
	flush.EachCellRecord(maxRecordBytes, cells)
	flush.EachGroupRecord(w.a.groups, maxRecordBytes, func(partition int32, value []byte) {
		records = append(records, groupRecord(key, value, partition))
	})
	if err := produceAll(ctx, w.kafka.records, records); err != nil {
		return err
	}
	w.flushed = time.Now()
	w.a.metrics.flushSeconds.UpdateDuration(began)
	return nil
}
