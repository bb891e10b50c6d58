package pipeline

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/ingest"
	"github.com/weirmq/weir/telemetry"
)

// Bounds of dead letters.
const (
	// maxKeptBytes of a refused record are kept; a header says how many it had. Not
	// smaller: weir.telemetry takes records of as much; not larger: what compresses well
	// may be a thousand times as long.
	maxKeptBytes = 2 << 20
	// maxKeptKeyBytes of its key are kept. Not smaller: keys name clients; not larger:
	// no client has such a name.
	maxKeptKeyBytes = 64 << 10
	// shortKeptBytes are kept where weir.deadletter does not take more.
	shortKeptBytes = 64 << 10
	// Refused records in memory, and their bytes. Not fewer: each write is a round trip;
	// not more: every source has them.
	maxPendingDeadLetters     = 100
	maxPendingDeadLetterBytes = 4 << 20
)

// Bounds of what is kept of a refused record's headers, names and values together. Not
// smaller: traces and baggage have some KB; not larger: a dead letter must fit.
const (
	maxKeptHeaders     = 64
	maxKeptHeaderBytes = 16 << 10
)

// headerOriginal begins the names of headers that were the refused record's own, so that
// none passes for one of Weir's.
const headerOriginal = "weir-header-"

// deadLetters gathers the records that one goroutine refuses, for weir.deadletter.
type deadLetters struct {
	client  recordProducer // may be shared; takes larger batches than others
	metrics *stageMetrics
	pending []*kgo.Record
	bytes   int // of their values
}

// add keeps a refused record, and counts it. The source is the partition that it was read from.
func (d *deadLetters) add(record *kgo.Record, source telemetry.Source, err error) {
	reason := ingest.ReasonUndecodable
	var refusal *ingest.Refusal
	if errors.As(err, &refusal) {
		reason = refusal.Reason
	}
	d.metrics.refused(string(reason), 1)
	kept := record.Value[:min(len(record.Value), maxKeptBytes)]
	key := record.Key[:min(len(record.Key), maxKeptKeyBytes)]
	d.bytes += len(kept)
	d.pending = append(d.pending, &kgo.Record{Topic: telemetry.TopicDeadLetter, Key: key, Value: kept,
		Headers: append([]kgo.RecordHeader{
			{Key: "weir-reason", Value: []byte(reason)},
			{Key: "weir-detail", Value: []byte(err.Error())},
			{Key: "weir-topic", Value: []byte(record.Topic)},
			{Key: "weir-source", Value: []byte(source.String())},
			{Key: "weir-offset", Value: strconv.AppendInt(nil, record.Offset, 10)},
			{Key: "weir-bytes", Value: strconv.AppendInt(nil, int64(len(record.Value)), 10)},
		}, originalHeaders(record)...)})
}

// addBatch keeps a whole batch that is refused, the offsets from the record's to the one
// before end; the record's value is the batch as it is on the broker.
func (d *deadLetters) addBatch(record *kgo.Record, end int64, source telemetry.Source, refusal *ingest.Refusal) {
	d.add(record, source, refusal)
	d.metrics.refused(string(refusal.Reason), end-record.Offset-1)
	letter := d.pending[len(d.pending)-1]
	letter.Headers = append(letter.Headers, kgo.RecordHeader{Key: "weir-end-offset", Value: strconv.AppendInt(nil, end, 10)})
}

// full says that what was added should be written now.
func (d *deadLetters) full() bool {
	return len(d.pending) >= maxPendingDeadLetters || d.bytes >= maxPendingDeadLetterBytes
}

// write returns when all that was added is acknowledged, cut shorter where the topic
// takes no more.
func (d *deadLetters) write(ctx context.Context) error {
	if len(d.pending) == 0 {
		return nil
	}
	defer d.metrics.flushSeconds.UpdateDuration(time.Now())
	err := produceAll(ctx, d.client, d.pending)
	if errors.Is(err, kerr.MessageTooLarge) {
		for _, letter := range d.pending {
			letter.Value = letter.Value[:min(len(letter.Value), shortKeptBytes)]
		}
		err = produceAll(ctx, d.client, d.pending)
	}
	if err != nil {
		return err
	}
	d.pending, d.bytes = d.pending[:0], 0
	return nil
}

// originalHeaders are the headers of a dead letter that say what the record had besides
// key and value: when the broker appended it, and its headers as far as they fit.
func originalHeaders(record *kgo.Record) []kgo.RecordHeader {
	out := []kgo.RecordHeader{{Key: "weir-timestamp", Value: strconv.AppendInt(nil, record.Timestamp.UnixMilli(), 10)}}
	left, leftOut := maxKeptHeaderBytes, 0
	for _, header := range record.Headers {
		size := len(header.Key) + len(header.Value)
		if size > left || len(out) > maxKeptHeaders {
			leftOut++
			continue
		}
		left -= size
		out = append(out, kgo.RecordHeader{Key: headerOriginal + header.Key, Value: header.Value})
	}
	if leftOut > 0 {
		out = append(out, kgo.RecordHeader{Key: "weir-headers-left-out", Value: strconv.AppendInt(nil, int64(leftOut), 10)})
	}
	return out
}
