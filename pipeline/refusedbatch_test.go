package pipeline

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/weirmq/weir/ingest"
	"github.com/weirmq/weir/telemetry"
)

// sendBatch writes a record batch as it is given, whatever it holds.
func sendBatch(t *testing.T, s *sender, codec kgo.CompressionCodecType, records int32, compressed []byte) {
	t.Helper()
	now := time.Now().UnixMilli()
	batch := kmsg.RecordBatch{PartitionLeaderEpoch: -1, Magic: 2, Attributes: int16(codec), LastOffsetDelta: records - 1, FirstTimestamp: now,
		MaxTimestamp: now, ProducerID: -1, ProducerEpoch: -1, FirstSequence: -1, NumRecords: records, Records: compressed}
	raw := batch.AppendTo(nil)
	binary.BigEndian.PutUint32(raw[8:], uint32(len(raw)-12))
	binary.BigEndian.PutUint32(raw[17:], crc32.Checksum(raw[21:], crc32.MakeTable(crc32.Castagnoli)))
	partition := kmsg.NewProduceRequestTopicPartition()
	partition.Records = raw
	topic := kmsg.NewProduceRequestTopic()
	detail, err := topicDetail(t.Context(), openAdmin(t, &Config{Kafka: KafkaConfig{Brokers: s.client.OptValue(kgo.SeedBrokers).([]string)}}), telemetry.TopicTelemetry)
	if err != nil {
		t.Fatal(err)
	}
	topic.Topic, topic.TopicID, topic.Partitions = telemetry.TopicTelemetry, detail.ID, append(topic.Partitions, partition)
	request := kmsg.NewPtrProduceRequest()
	request.Acks, request.TimeoutMillis, request.Topics = -1, 10_000, append(request.Topics, topic)
	response, err := request.RequestWith(t.Context(), s.client.Broker(int(detail.Partitions[0].Leader)))
	if err != nil {
		t.Fatal(err)
	}
	if err := kerr.ErrorForCode(response.Topics[0].Partitions[0].ErrorCode); err != nil {
		t.Fatal(err)
	}
}

// zeros compresses 8 MiB of zeros, again and again, into about a MiB in all.
func zeros(compress func([]byte) []byte) []byte {
	one := compress(make([]byte, 8<<20))
	return bytes.Repeat(one, 1_000_000/len(one))
}

// A batch of tinyRecords that says it has tinyOffsets: so many that they end in the block after that of the first.
const (
	tinyRecords = 300_000
	tinyOffsets = telemetry.BlockOffsets + 1000
)

// unopenable is a batch that cannot be opened, and why.
type unopenable struct {
	codec      kgo.CompressionCodecType
	records    int32
	compressed []byte
	why        string
}

func unopenables(t *testing.T) []unopenable {
	t.Helper()
	encoder, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	compress := func(plain []byte) []byte { return encoder.EncodeAll(plain, nil) }
	return []unopenable{
		{kgo.CodecZstd, 3, zeros(compress), "decompresses to more than 33554432 bytes"},
		{kgo.CodecZstd, tinyOffsets, compress(bytes.Repeat([]byte{12, 0, 0, 0, 1, 1, 0}, tinyRecords)), "holds more than 262144 records"},
		{kgo.CodecLz4, 2, []byte("garbage"), "does not decompress"},
	}
}

// TestBatchesThatCannotBeOpened: a batch of a megabyte that decompresses to gigabytes, one
// of tiny records and one of garbage take no memory and do not stop their source. Each of their offsets is in the ledger, each batch in the dead letters.
func TestBatchesThatCannotBeOpened(t *testing.T) {
	config := runConfig(t)
	config.Roles, config.Telemetry.Pane = []string{RoleAggregate}, 10*time.Second
	batches := unopenables(t)
	p := run(t, config)
	s := newSender(t, &config)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	refused := uint64(0)
	for _, b := range batches { // the first is the first of the log
		sendBatch(t, s, b.codec, b.records, b.compressed)
		s.report("orders", time.Now(), 1)
		refused += uint64(b.records)
	}
	var total telemetry.Ledger
	await(t, "that the ledger holds all records", func() bool {
		total = ledgerTotal(t, &config)
		return total.Reports == uint64(len(batches)) && total.Refused == refused
	})
	if got := total.EndOffset; got != int64(refused)+int64(len(batches)) {
		t.Errorf("the ledger ends at offset %d, want %d", got, refused+uint64(len(batches)))
	}
	if got := stageOf(p, RoleAggregate); got.Restarts != 0 || got.Records != refused+uint64(len(batches)) {
		t.Errorf("the stage is %+v, want no restart and all records", got)
	}
	if got := metric(t, p.metrics, refusedName(RoleAggregate, string(ingest.ReasonOversized))); got != float64(refused) {
		t.Errorf("%g records are counted as refused, want %d", got, refused)
	}
	runtime.ReadMemStats(&after)
	if grew := int64(after.Sys) - int64(before.Sys); grew > 800<<20 {
		t.Errorf("the process took %d MiB more", grew>>20)
	}
	least := compareLetters(t, &config, batches)
	if got := metric(t, p.metrics, `weir_bytes_total{stage="aggregate"}`); got < float64(least) {
		t.Errorf("%g bytes are counted as read, want more than the %d of the batches", got, least)
	}
}

// compareLetters holds that each batch is a dead letter that names its offsets; after each a report follows. It returns
// how many bytes the letters have.
func compareLetters(t *testing.T, config *Config, batches []unopenable) (bytesOfAll int) {
	t.Helper()
	letters, err := readPartition(t.Context(), config.Kafka, telemetry.TopicDeadLetter, 0)
	if err != nil || len(letters) != len(batches) {
		t.Fatalf("%d dead letters, want %d: %v", len(letters), len(batches), err)
	}
	offset := int64(0)
	for i, b := range batches {
		end := offset + int64(b.records)
		want := fmt.Sprintf("batch of offsets %d to %d: it %s", offset, end-1, b.why)
		if got := header(letters[i], "weir-detail"); !strings.Contains(got, want) {
			t.Errorf("a dead letter says %q, want %q", got, want)
		}
		if first, next := header(letters[i], "weir-offset"), header(letters[i], "weir-end-offset"); first != fmt.Sprint(offset) || next != fmt.Sprint(end) {
			t.Errorf("a dead letter is of offsets %s up to %s, want %d up to %d", first, next, offset, end)
		}
		if !bytes.Contains(letters[i].Value, b.compressed[:min(len(b.compressed), 1000)]) && i != 1 { // which the embedded broker compressed anew
			t.Errorf("a dead letter does not hold the batch of offset %d", offset)
		}
		offset = end + 1
		bytesOfAll += len(letters[i].Value)
	}
	return bytesOfAll
}

func header(record *kgo.Record, name string) string {
	for _, h := range record.Headers {
		if h.Key == name {
			return string(h.Value)
		}
	}
	return ""
}

// ledgerTotal adds up the ledgers of partition 0.
func ledgerTotal(t *testing.T, config *Config) telemetry.Ledger {
	t.Helper()
	total, _ := storedTotal(t, config, 0)
	return total
}

// storedTotal adds up the ledgers and the cells' messages on a partition of weir.cells, each of the highest version.
func storedTotal(t *testing.T, config *Config, partition int32) (total telemetry.Ledger, messages uint64) {
	t.Helper()
	type cell struct {
		segment telemetry.Segment
		pane    int64
		labels  string
	}
	newest, cells := map[telemetry.Segment]telemetry.Ledger{}, map[cell]telemetry.Totals{}
	records, err := readPartition(context.Background(), config.Kafka, telemetry.TopicCells, partition)
	if err != nil {
		t.Fatal(err)
	}
	for _, record := range records {
		batch, err := telemetry.UnmarshalCellBatch(record.Value)
		if err != nil {
			t.Fatal(err)
		}
		if l := batch.Ledger; l != nil && l.Reports+l.Refused >= newest[batch.Segment].Reports+newest[batch.Segment].Refused {
			newest[batch.Segment] = *l
		}
		for _, c := range batch.Cells {
			at := cell{batch.Segment, c.Pane.Unix(), string(telemetry.AppendLabels(nil, &c.Labels))}
			if c.Totals.Reports > cells[at].Reports {
				cells[at] = c.Totals
			}
		}
	}
	for _, l := range newest {
		total.Reports, total.Refused, total.EndOffset = total.Reports+l.Reports, total.Refused+l.Refused, max(total.EndOffset, l.EndOffset)
	}
	for _, totals := range cells {
		messages += totals.Messages
	}
	return total, messages
}

// TestManyBatchesThatCompressWell: what lies within the bound of a batch is opened as fast as it is folded, not all at
// once, and a partition that waits for it does not end the stage.
func TestManyBatchesThatCompressWell(t *testing.T) {
	opener, err := newBatchOpener()
	if err != nil {
		t.Fatal(err)
	}
	encoder, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	compressed := encoder.EncodeAll(bytes.Repeat([]byte{0xff}, maxBatchBytes), nil) // no records: it is only opened
	opened := 0
	for err == nil {
		var out []byte
		if out, err = opener.Decompress(compressed, kgo.CodecZstd); err == nil {
			opened += len(out)
		}
	}
	if !errors.Is(err, errInflated) || opened <= maxInflatedBytes || opened > maxInflatedBytes+maxBatchBytes {
		t.Errorf("%d bytes were opened, then: %v; want %d and at most a batch more", opened, err, maxInflatedBytes)
	}
	waits := kgo.Fetches{{Topics: []kgo.FetchTopic{{Topic: telemetry.TopicTelemetry, Partitions: []kgo.FetchPartition{{Err: err}}}}}}
	if err := fetchError(waits); err != nil {
		t.Errorf("the stage would end: %v", err)
	}
	opener.polled()
	if _, err := opener.Decompress(compressed, kgo.CodecZstd); err != nil {
		t.Errorf("after the records were taken: %v", err)
	}
}
