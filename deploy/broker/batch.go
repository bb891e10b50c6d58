package broker

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Where things are in a record batch of format 2.
const (
	lengthAt         = 8 // what it counts begins at lengthFrom
	lengthFrom       = 12
	crcAt            = 17
	attributesAt     = 21 // also where what the checksum covers begins
	firstTimeAt      = 27
	maxTimeAt        = 35
	batchHeaderBytes = 61

	// maxOpenedBytes bounds what a batch decompresses to. Not smaller: topics take batches
	// of megabytes, and text compresses to a tenth; not larger: it is in memory as a whole.
	maxOpenedBytes = 64 << 20

	codecBits         = 0x07
	attrLogAppendTime = 0x08
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// batchStamper gives all records of a batch one time.
//
// A broker would set the attribute LogAppendTime and the batch's times. The embedded
// one does so too, but leaves the checksum as it was, so that clients refuse the
// batch. Here the times are written into batch and records themselves.
type batchStamper struct {
	decompressor kgo.Decompressor
	compressors  map[kgo.CompressionCodecType]kgo.Compressor
}

func newBatchStamper() (batchStamper, error) {
	s := batchStamper{compressors: map[kgo.CompressionCodecType]kgo.Compressor{}}
	// The client's own is bounded, and only a client makes it.
	client, err := kgo.NewClient(kgo.MaxDecompressBatchBytes(maxOpenedBytes))
	if err != nil {
		return s, fmt.Errorf("prepare decompression: %w", err)
	}
	defer client.Close()
	bounded, ok := client.OptValue(kgo.WithDecompressor).(kgo.Decompressor)
	if !ok {
		return s, errors.New("prepare decompression: the client has no decompressor")
	}
	s.decompressor = bounded
	for kind, codec := range map[kgo.CompressionCodecType]kgo.CompressionCodec{
		kgo.CodecGzip: kgo.GzipCompression(), kgo.CodecSnappy: kgo.SnappyCompression(),
		kgo.CodecLz4: kgo.Lz4Compression(), kgo.CodecZstd: kgo.ZstdCompression(),
	} {
		compressor, err := kgo.DefaultCompressor(codec)
		if err != nil {
			return s, fmt.Errorf("prepare compression: %w", err)
		}
		s.compressors[kind] = compressor
	}
	return s, nil
}

// stamped returns the batch with all records at nowMillis. A batch that is damaged
// stays as it is, for the broker to refuse. One whose records cannot be opened has the
// time in its header only: its readers cannot open them either.
func (s *batchStamper) stamped(batch []byte, nowMillis int64) []byte {
	if len(batch) < batchHeaderBytes || binary.BigEndian.Uint32(batch[crcAt:]) != crc32.Checksum(batch[attributesAt:], castagnoli) {
		return batch
	}
	attributes := binary.BigEndian.Uint16(batch[attributesAt:])
	codec := kgo.CompressionCodecType(attributes & codecBits)
	records, err := s.decompressor.Decompress(batch[batchHeaderBytes:], codec)
	if err == nil {
		records, err = withoutTimes(records)
	}
	if err != nil {
		return withHeader(slices.Clone(batch), attributes, nowMillis)
	}
	if compressor := s.compressors[codec]; compressor != nil {
		records, codec = compressor.Compress(new(bytes.Buffer), records)
	}
	out := append(slices.Clone(batch[:batchHeaderBytes]), records...)
	binary.BigEndian.PutUint32(out[lengthAt:], uint32(len(out)-lengthFrom))
	return withHeader(out, attributes&^codecBits|uint16(codec), nowMillis)
}

// withHeader writes attributes and times into a batch's header.
func withHeader(out []byte, attributes uint16, nowMillis int64) []byte {
	binary.BigEndian.PutUint16(out[attributesAt:], attributes&^attrLogAppendTime)
	binary.BigEndian.PutUint64(out[firstTimeAt:], uint64(nowMillis))
	binary.BigEndian.PutUint64(out[maxTimeAt:], uint64(nowMillis))
	binary.BigEndian.PutUint32(out[crcAt:], crc32.Checksum(out[attributesAt:], castagnoli))
	return out
}

var errRecords = errors.New("the batch's records are damaged")

// withoutTimes rewrites records so that each has the batch's first time: a time delta
// of 0. A record is length, attributes, time delta and the rest; lengths and deltas
// are zigzag varints.
func withoutTimes(records []byte) ([]byte, error) {
	out := make([]byte, 0, len(records))
	for len(records) > 0 {
		length, n := binary.Varint(records)
		if n <= 0 || length < 2 || length > int64(len(records)-n) {
			return nil, errRecords
		}
		record := records[n : n+int(length)]
		records = records[n+int(length):]
		_, deltaBytes := binary.Varint(record[1:])
		if deltaBytes <= 0 {
			return nil, errRecords
		}
		rest := record[1+deltaBytes:]
		out = binary.AppendVarint(out, int64(2+len(rest)))
		out = append(out, record[0], 0)
		out = append(out, rest...)
	}
	return out, nil
}
