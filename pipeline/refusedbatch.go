package pipeline

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/weirmq/weir/aggregate"
	"github.com/weirmq/weir/ingest"
	"github.com/weirmq/weir/telemetry"
)

// Where things are in a record batch of format 2.
const (
	batchLengthFrom = 12   // what its length counts begins there
	batchCodecBits  = 0x07 // of its attributes
)

// refusedBatch is a batch of weir.telemetry that cannot be opened.
type refusedBatch struct {
	firstOffset, endOffset int64
	appendUnixMillis       int64
	raw                    []byte // as it is on the broker
	why                    error
}

// fromStart names the offset at which a partition begins that the group has committed none
// of: the client passes over a batch only where it began at a known one.
func (a *aggregator) fromStart(ctx context.Context, offsets map[string]map[int32]kgo.Offset) (map[string]map[int32]kgo.Offset, error) {
	var starts kadm.ListedOffsets
	for partition, at := range offsets[telemetry.TopicTelemetry] {
		if at.EpochOffset().Offset >= 0 {
			continue
		}
		if starts == nil {
			var err error
			if starts, err = a.admin.ListStartOffsets(ctx, telemetry.TopicTelemetry); err != nil {
				return nil, fmt.Errorf("find the start of %s: %w", telemetry.TopicTelemetry, err)
			}
		}
		if start, ok := starts.Lookup(telemetry.TopicTelemetry, partition); ok && start.Err == nil {
			offsets[telemetry.TopicTelemetry][partition] = kgo.NewOffset().At(start.Offset)
		}
	}
	return offsets, nil
}

// refuseUnopened hands batches that cannot be opened to their workers, each after the
// records before it, and lets the client go on behind them. Rebalances are blocked
// meanwhile.
func (a *aggregator) refuseUnopened(ctx context.Context, fetches kgo.Fetches) error {
	for _, e := range fetches.Errors() {
		var unopened *kgo.ErrDecompressTooLarge
		if !errors.As(e.Err, &unopened) {
			continue
		}
		a.mu.Lock()
		w := a.workers[e.Partition]
		a.mu.Unlock()
		if w == nil {
			continue
		}
		batch, err := a.fetchBatch(ctx, unopened)
		if err != nil {
			return fmt.Errorf("read the batch at offset %d of partition %d again, which cannot be opened: %w", unopened.Offset, e.Partition, err)
		}
		a.log.Warn("a batch is refused", "source", w.source, "first_offset", batch.firstOffset, "end_offset", batch.endOffset, "error", batch.why)
		select {
		case w.refused <- batch:
		case <-w.done:
		}
		a.client.SetOffsets(map[string]map[int32]kgo.EpochOffset{e.Topic: {e.Partition: {Epoch: unopened.Epoch, Offset: unopened.NextOffset}}})
	}
	return nil
}

// fetchBatch reads a batch as it is on the broker, and says why it cannot be opened.
func (a *aggregator) fetchBatch(ctx context.Context, unopened *kgo.ErrDecompressTooLarge) (*refusedBatch, error) {
	detail, err := topicDetail(ctx, a.admin, telemetry.TopicTelemetry)
	if err != nil {
		return nil, err
	}
	partition := kmsg.NewFetchRequestTopicPartition()
	partition.Partition, partition.FetchOffset, partition.PartitionMaxBytes = unopened.Partition, unopened.Offset, 1 // a batch comes whole
	topic := kmsg.NewFetchRequestTopic()
	topic.Topic, topic.TopicID, topic.Partitions = unopened.Topic, a.topicID, append(topic.Partitions, partition)
	request := kmsg.NewPtrFetchRequest()
	request.MinBytes, request.MaxBytes, request.Topics = 1, maxFetchBytes, append(request.Topics, topic)
	leader := detail.Partitions[unopened.Partition].Leader
	response, err := request.RequestWith(ctx, a.producer.Broker(int(leader)))
	if err != nil {
		return nil, err
	}
	if err := kerr.ErrorForCode(response.ErrorCode); err != nil {
		return nil, err
	}
	if len(response.Topics) != 1 || len(response.Topics[0].Partitions) != 1 {
		return nil, errors.New("the broker's answer is not of one partition")
	}
	fetched := &response.Topics[0].Partitions[0]
	if err := kerr.ErrorForCode(fetched.ErrorCode); err != nil {
		return nil, err
	}
	var batch kmsg.RecordBatch
	raw := fetched.RecordBatches
	if err := batch.ReadFrom(raw); err != nil {
		return nil, fmt.Errorf("decode its header: %w", err)
	}
	out := &refusedBatch{unopened.Offset, unopened.NextOffset, batch.MaxTimestamp, raw[:min(len(raw), batchLengthFrom+int(batch.Length))],
		errors.New("it could not be opened")}
	if _, err := a.opener.open(batch.Records, kgo.CompressionCodecType(batch.Attributes&batchCodecBits)); err != nil {
		out.why = err
	}
	return out, nil
}

// refuseBatch counts the offsets of a batch that cannot be opened as refused, and sets the
// batch aside as it is.
func (w *sourceWorker) refuseBatch(ctx context.Context, batch *refusedBatch) error {
	next, end := max(batch.firstOffset, w.next.Load()), batch.endOffset
	w.letters.addBatch(&kgo.Record{Topic: telemetry.TopicTelemetry, Partition: w.source.Partition, Offset: next, Value: batch.raw,
		Timestamp: time.UnixMilli(batch.appendUnixMillis)}, end, w.source, &ingest.Refusal{Reason: ingest.ReasonOversized,
		Detail: fmt.Sprintf("batch of offsets %d to %d: %v", next, end-1, batch.why)})
	bytes := len(batch.raw)
	w.a.metrics.records.AddInt64(end - next)
	w.a.metrics.bytes.Add(bytes)
	for next < end {
		at := aggregate.Position{Offset: next, AppendUnixMillis: batch.appendUnixMillis, ValueBytes: bytes}
		if err := w.begin(ctx, at); err != nil {
			return err
		}
		next, bytes = min(end, (next/telemetry.BlockOffsets+1)*telemetry.BlockOffsets), 0 // the next block is of another segment
		w.fold.Refuse(at, next-at.Offset)
	}
	w.next.Store(end)
	w.cells.Store(int64(w.fold.Cells()))
	return w.letters.write(ctx)
}
