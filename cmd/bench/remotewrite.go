package main

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"github.com/klauspost/compress/snappy"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/weirmq/weir/telemetry"
)

// maxBlockSamples is what vmagent itself sends in one request.
const maxBlockSamples = 10_000

// blocks encodes samples as requests of Prometheus' remote write protocol.
type blocks struct {
	done    [][]byte
	open    []byte
	samples int // in open
	series  []byte
	names   map[string][]byte // encoded labels of metrics
	buckets map[int32][]byte
}

func newBlocks() *blocks { return &blocks{names: map[string][]byte{}, buckets: map[int32][]byte{}} }

// appendLabel appends a field Label of a message TimeSeries.
func appendLabel(to []byte, name, value string) []byte {
	size := protowire.SizeTag(1) + protowire.SizeBytes(len(name)) + protowire.SizeTag(2) + protowire.SizeBytes(len(value))
	to = protowire.AppendTag(to, 1, protowire.BytesType)
	to = protowire.AppendVarint(to, uint64(size))
	to = protowire.AppendTag(to, 1, protowire.BytesType)
	to = protowire.AppendString(to, name)
	to = protowire.AppendTag(to, 2, protowire.BytesType)
	return protowire.AppendString(to, value)
}

// encodeLabels encodes a report's labels, sorted by name as senders do.
func encodeLabels(l *telemetry.Labels) []byte {
	var out []byte
	names := slices.Sorted(slices.Values(telemetry.LabelNames))
	for _, name := range names {
		if value := *l.Field(name); value != "" {
			out = appendLabel(out, name, value)
		}
	}
	return out
}

// add adds one sample of the series with these encoded labels.
func (b *blocks) add(labels []byte, s sample, unixMillis int64) {
	name := b.names[s.metric]
	if name == nil {
		name = appendLabel(nil, "__name__", s.metric)
		b.names[s.metric] = name
	}
	b.series = append(append(b.series[:0], name...), labels...)
	if s.bucket != noBucket {
		bucket := b.buckets[s.bucket]
		if bucket == nil {
			bucket = appendLabel(nil, "vmrange", bucketRange(s.bucket))
			b.buckets[s.bucket] = bucket
		}
		b.series = append(b.series, bucket...)
	}
	const sampleFields = 2
	b.series = protowire.AppendTag(b.series, sampleFields, protowire.BytesType)
	b.series = protowire.AppendVarint(b.series, uint64(1+8+1+protowire.SizeVarint(uint64(unixMillis))))
	b.series = protowire.AppendTag(b.series, 1, protowire.Fixed64Type)
	b.series = binary.LittleEndian.AppendUint64(b.series, math.Float64bits(float64(s.value)))
	b.series = protowire.AppendTag(b.series, 2, protowire.VarintType)
	b.series = protowire.AppendVarint(b.series, uint64(unixMillis))
	b.open = protowire.AppendTag(b.open, 1, protowire.BytesType)
	b.open = protowire.AppendBytes(b.open, b.series)
	if b.samples++; b.samples == maxBlockSamples {
		b.cut()
	}
}

// cut ends the open block.
func (b *blocks) cut() {
	if b.samples > 0 {
		b.done = append(b.done, snappy.Encode(nil, b.open))
	}
	b.open, b.samples = b.open[:0], 0
}

// series is one series of a request that vmagent sent.
type series struct {
	metric, bucket []byte
	labels         []byte // the others, encoded
	value          float64
	unixMillis     int64
}

// eachSeries yields a request's series; they are good during the call.
func eachSeries(request []byte, yield func(*series) error) error {
	var s series
	return eachField(request, func(number protowire.Number, value []byte, _ uint64) error {
		if number != 1 {
			return nil
		}
		s = series{labels: s.labels[:0]}
		if err := eachField(value, s.field); err != nil {
			return err
		}
		return yield(&s)
	})
}

func (s *series) field(number protowire.Number, value []byte, _ uint64) error {
	if number == 2 {
		return eachField(value, func(number protowire.Number, _ []byte, n uint64) error {
			if number == 1 {
				s.value = math.Float64frombits(n)
			} else {
				s.unixMillis = int64(n)
			}
			return nil
		})
	}
	var name, text []byte
	err := eachField(value, func(number protowire.Number, value []byte, _ uint64) error {
		if number == 1 {
			name = value
		} else {
			text = value
		}
		return nil
	})
	switch string(name) {
	case "__name__":
		s.metric = text
	case "vmrange":
		s.bucket = text
	default:
		s.labels = protowire.AppendBytes(protowire.AppendTag(s.labels, 1, protowire.BytesType), value)
	}
	return err
}

// eachField yields the fields of a message: the bytes of one that has a length, the
// number of one that has none.
func eachField(message []byte, yield func(protowire.Number, []byte, uint64) error) error {
	for len(message) > 0 {
		number, kind, n := protowire.ConsumeTag(message)
		if n < 0 {
			return fmt.Errorf("decode remote write: %w", protowire.ParseError(n))
		}
		message = message[n:]
		var value []byte
		var scalar uint64
		switch kind {
		case protowire.BytesType:
			value, n = protowire.ConsumeBytes(message)
		case protowire.Fixed64Type:
			scalar, n = protowire.ConsumeFixed64(message)
		case protowire.VarintType:
			scalar, n = protowire.ConsumeVarint(message)
		default:
			n = protowire.ConsumeFieldValue(number, kind, message)
		}
		if n < 0 {
			return fmt.Errorf("decode remote write: %w", protowire.ParseError(n))
		}
		message = message[n:]
		if err := yield(number, value, scalar); err != nil {
			return err
		}
	}
	return nil
}
