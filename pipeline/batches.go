package pipeline

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Bounds of record batches. They decide what is folded, and are among the recorded
// parameters.
const (
	// maxBatchBytes bounds what a batch decompresses to. Not smaller: weir.telemetry takes
	// 2 MiB, and reports compress to a tenth; not larger: a batch is in memory as a whole.
	maxBatchBytes = 32 << 20
	// maxBatchRecords bounds the records of a batch that decompresses to more than
	// countedBytes. Not smaller: reports take more than 100 bytes; not larger: the client
	// takes 200 bytes for each record, also for one of 7.
	maxBatchRecords = maxBatchBytes / 128
	// countedBytes is what a batch holds before its records are counted. Not smaller:
	// batches of ordinary senders are not counted; not larger: 1 MiB may be 150,000 records.
	countedBytes = 1 << 20
)

// Bounds of what a stage holds of what it reads, besides what it works on.
const (
	// maxFetchBytes bounds what one broker answers to a fetch, as it is on disk. Not
	// smaller: 64 partitions fill it; not larger: each broker's answer is in memory.
	maxFetchBytes = 16 << 20
	// maxInflatedBytes bounds what batches of weir.telemetry decompressed to since records
	// were taken from the client last, which holds one batch more. Not smaller: a fetch
	// whose batches compress to a quarter; not larger: it is memory, and so is as much in
	// the hands of the workers.
	maxInflatedBytes = 4 * maxFetchBytes
)

// errInflated is why the client stops at a batch, to come back to it.
var errInflated = errors.New("what was read so far is to be folded first")

// batchOpener decompresses what a client reads from weir.telemetry, which anybody may
// write to: however well a batch, or many of them, compress, memory is bounded. The
// client takes the same decision about a batch at every reading.
type batchOpener struct {
	kgo.Decompressor
	inflated atomic.Int64 // bytes since the client was polled last
}

func newBatchOpener() (*batchOpener, error) {
	// The client's own is bounded, and only a client makes it.
	client, err := kgo.NewClient(kgo.MaxDecompressBatchBytes(maxBatchBytes))
	if err != nil {
		return nil, fmt.Errorf("prepare decompression: %w", err)
	}
	defer client.Close()
	bounded, ok := client.OptValue(kgo.WithDecompressor).(kgo.Decompressor)
	if !ok {
		return nil, errors.New("prepare decompression: the client has no decompressor")
	}
	return &batchOpener{Decompressor: bounded}, nil
}

// Decompress opens a batch's records. Of one that cannot be opened within the bounds the
// client says which offsets it holds: that is what kgo.ErrMaxDecompress makes it do.
func (o *batchOpener) Decompress(compressed []byte, codec kgo.CompressionCodecType) ([]byte, error) {
	if o.inflated.Load() > maxInflatedBytes {
		return nil, errInflated
	}
	out, err := o.open(compressed, codec)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", kgo.ErrMaxDecompress, err)
	}
	o.inflated.Add(int64(len(out)))
	return out, nil
}

// open opens a batch's records, or says what is wrong with it.
func (o *batchOpener) open(compressed []byte, codec kgo.CompressionCodecType) ([]byte, error) {
	out, err := o.Decompressor.Decompress(compressed, codec)
	if errors.Is(err, kgo.ErrMaxDecompress) {
		return nil, fmt.Errorf("it decompresses to more than %d bytes", maxBatchBytes)
	}
	if err != nil {
		return nil, fmt.Errorf("it does not decompress: %w", err)
	}
	if len(out) > countedBytes && hasMoreRecords(out, maxBatchRecords) {
		return nil, fmt.Errorf("it holds more than %d records", maxBatchRecords)
	}
	return out, nil
}

// polled says that what was read so far is in other hands.
func (o *batchOpener) polled() { o.inflated.Store(0) }

// hasMoreRecords walks over records, each its length as a varint and as many bytes.
func hasMoreRecords(records []byte, most int) bool {
	for ; len(records) > 0 && most >= 0; most-- {
		length, n := binary.Varint(records)
		if n <= 0 || length < 0 || length > int64(len(records)-n) {
			return false // damaged: the client finds it
		}
		records = records[n+int(length):]
	}
	return most < 0
}
