package clickhouse

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/weirmq/weir/telemetry"
)

// errCutShort is of a row that ends before its last column.
var errCutShort = errors.New("it is cut short")

// rowReader reads a row in RowBinary. After the first fault it reads zeros, and keeps the
// fault.
type rowReader struct {
	rest string
	err  error
}

// take reads so many bytes.
func (r *rowReader) take(n int) string {
	if n < 0 || n > len(r.rest) {
		r.rest, r.err = "", errCutShort
		return ""
	}
	out := r.rest[:n]
	r.rest = r.rest[n:]
	return out
}

// length reads a varint: how many bytes or items follow, of at least so many bytes each.
func (r *rowReader) length(least int) int {
	var n, shift uint64
	for i := range len(r.rest) {
		b := r.rest[i]
		n |= uint64(b&0x7f) << shift
		if b < 0x80 {
			r.rest = r.rest[i+1:]
			if n > uint64(len(r.rest)/least) {
				break
			}
			return int(n)
		}
		if shift += 7; shift > 63 {
			break
		}
	}
	r.rest, r.err = "", errCutShort
	return 0
}

func (r *rowReader) text() string { return r.take(r.length(1)) }

func (r *rowReader) uint64() uint64 {
	raw := r.take(8)
	if len(raw) < 8 {
		return 0
	}
	return littleEndian(raw)
}

// littleEndian reads eight bytes; the compiler makes one load of it.
func littleEndian(b string) uint64 {
	_ = b[7]
	return uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16 | uint64(b[3])<<24 | uint64(b[4])<<32 | uint64(b[5])<<40 | uint64(b[6])<<48 | uint64(b[7])<<56
}

func (r *rowReader) uint32() uint32 {
	raw := r.take(4)
	if len(raw) < 4 {
		return 0
	}
	return binary.LittleEndian.Uint32([]byte(raw))
}

func (r *rowReader) bool() bool { return r.take(1) == "\x01" }

// buckets are where lists of many rows are kept together: one for each costs the garbage collector more than what is kept longer.
type buckets struct {
	counts  []uint64
	indexes []int32
}

// bucketsChunk is how many numbers are allocated at once. Not fewer: that is what it saves; not more: one list that is kept keeps
// all of them.
const bucketsChunk = 1 << 14

// cut takes so many from the end of a chunk, or begins a new one.
func cut[T any](chunk *[]T, n int) []T {
	if n > len(*chunk) {
		*chunk = make([]T, max(n, bucketsChunk))
	}
	out := (*chunk)[:n:n]
	*chunk = (*chunk)[n:]
	return out
}

// counts reads a list of numbers.
func (r *rowReader) counts(to *buckets) []uint64 {
	n := r.length(8)
	raw := r.take(8 * n)
	if len(raw) == 0 {
		return nil
	}
	out := cut(&to.counts, n)
	for i := range out {
		out[i] = littleEndian(raw[8*i:])
	}
	return out
}

// indexes reads a list of bucket indexes.
func (r *rowReader) indexes(to *buckets) []int32 {
	n := r.length(2)
	raw := r.take(2 * n)
	if len(raw) == 0 {
		return nil
	}
	out := cut(&to.indexes, n)
	for i := range out {
		out[i] = int32(int16(uint16(raw[2*i]) | uint16(raw[2*i+1])<<8))
	}
	return out
}

// origin is where a cell's reports stood.
type origin struct {
	source telemetry.Source
	err    error
}

// decode reads the columns in the order of readStatement.
func (r *historyReader) decode(row *rowReader, cell *telemetry.StoredCell) error {
	series, err := r.seriesOf(row)
	if err != nil {
		return err
	}
	cell.Series = series
	text := row.text()
	from, ok := r.origins[text]
	if !ok {
		from.source, from.err = parseSource(text)
		r.origins[strings.Clone(text)] = from
	}
	if from.err != nil {
		return from.err
	}
	cell.Source = from.source
	cell.Segment = telemetry.Segment{Block: row.uint64(), MinuteUnix: int64(row.uint32()) / 60}
	t := &cell.Totals
	t.Reports, t.Messages, t.Bytes = row.uint64(), row.uint64(), row.uint64()
	r.errors(row, t)
	for i, h := range [4]*telemetry.Histogram{&t.LatencyMicros, &t.DelayMicros, &t.SizeBytes, &t.HeartbeatMicros} {
		if !r.of.Omit.Has(histogramParts[i]) {
			h.Indexes, h.Counts, h.Sum, h.Max = row.indexes(&r.buckets), row.counts(&r.buckets), row.uint64(), row.uint64()
		}
	}
	t.Rebalances, t.DroppedReports, t.IntervalMillis = row.uint64(), row.uint64(), row.uint64()
	r.gauges(row, t)
	if row.bool() {
		t.Events = []telemetry.Event{{Kind: telemetry.EventStopped}}
	}
	if row.err == nil && row.rest != "" {
		return fmt.Errorf("%d bytes follow the last column", len(row.rest))
	}
	return row.err
}

// seriesOf reads the labels, which stand first.
func (r *historyReader) seriesOf(row *rowReader) (uint32, error) {
	begin := row.rest
	var labels telemetry.Labels
	for i := range telemetry.LabelNames {
		*labels.FieldAt(i) = row.text()
	}
	extra := make([]string, row.length(1))
	for i := range extra {
		extra[i] = row.text()
	}
	if row.err != nil {
		return 0, row.err
	}
	raw := begin[:len(begin)-len(row.rest)]
	if series, ok := r.series[raw]; ok {
		return series, nil
	}
	for _, text := range extra {
		label, err := parseExtra(text)
		if err != nil {
			return 0, err
		}
		labels.Extra = append(labels.Extra, label)
	}
	kept := labels.Clone()
	series := uint32(len(r.labels))
	r.labels = append(r.labels, &kept)
	r.series[strings.Clone(raw)] = series
	return series, nil
}

// name returns a text that does not hold the row's memory.
func (r *historyReader) name(text string) string {
	kept, ok := r.names[text]
	if !ok {
		kept = strings.Clone(text)
		r.names[kept] = kept
	}
	return kept
}

func (r *historyReader) errors(row *rowReader, t *telemetry.Totals) {
	classes := row.length(1)
	if classes > 0 {
		t.Errors = make([]telemetry.ErrorCount, classes)
		for i := range t.Errors {
			t.Errors[i].Class = r.name(row.text())
		}
	}
	for i, count := range row.counts(&r.buckets) {
		if i < len(t.Errors) {
			t.Errors[i].Count = count
		}
	}
}

func (r *historyReader) gauges(row *rowReader, t *telemetry.Totals) {
	names := row.length(1)
	if names > 0 {
		t.Gauges = make([]telemetry.GaugeValue, names)
		for i := range t.Gauges {
			t.Gauges[i].Name, t.Gauges[i].Series = r.name(row.text()), 1
		}
	}
	for column := range 3 {
		for i, bits := range row.counts(&r.buckets) {
			if i >= len(t.Gauges) {
				break
			}
			switch g := &t.Gauges[i]; column {
			case 0:
				g.Last = math.Float64frombits(bits)
				g.Sum, g.Min = g.Last, g.Last
			case 1:
				g.Max = math.Float64frombits(bits)
			default:
				g.TimeUnixMillis = int64(bits)
			}
		}
	}
}

// parseSource reads what telemetry.Source.String wrote.
func parseSource(text string) (out telemetry.Source, err error) {
	topic, partition, ok := strings.Cut(text, "/")
	number, numberErr := strconv.ParseInt(partition, 10, 32)
	raw, hexErr := hex.DecodeString(topic)
	if !ok || numberErr != nil || hexErr != nil || len(raw) != len(out.TopicID) {
		return out, fmt.Errorf("source %q, want a topic's id of 32 hexadecimal digits, a slash and a partition", text)
	}
	copy(out.TopicID[:], raw)
	out.Partition = int32(number)
	return out, nil
}

// parseExtra reads what extraColumn wrote.
func parseExtra(text string) (telemetry.Label, error) {
	var name strings.Builder
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '=':
			return telemetry.Label{Name: name.String(), Value: text[i+1:]}, nil
		case text[i] == '\\' && i+1 < len(text):
			i++
		}
		name.WriteByte(text[i])
	}
	return telemetry.Label{}, fmt.Errorf("extra label %q has no =", text)
}
