package ingest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/weirmq/weir/telemetry"
)

// comparePlain holds that a record that decodePlain accepts is one that decode and check accept, and reads the same. It
// returns whether decodePlain accepts it.
func comparePlain(t *testing.T, value []byte, decoder *Decoder) bool {
	t.Helper()
	precise := NewDecoder(decoder.Limits)
	err := precise.decode(value)
	var refusal *Refusal
	if err == nil {
		refusal = precise.Limits.check(&precise.report, appendedAt)
	}
	if !decoder.decodePlain(value, appendedAt) {
		return false
	}
	if err != nil || refusal != nil {
		t.Fatalf("%x: accepted, want it refused: %v, %v", value, err, refusal)
	}
	want, got := precise.report, decoder.report
	if string(want.RawLabels) != string(got.RawLabels) || !reflect.DeepEqual(comparable(want), comparable(got)) {
		t.Fatalf("%x (-want +got):\n%s", value, cmp.Diff(want, got))
	}
	return true
}

// TestUsualReportsAreReadTheFastWay holds that the fast way is taken: what it leaves is decoded twice.
func TestUsualReportsAreReadTheFastWay(t *testing.T) {
	decoder := NewDecoder(DefaultLimits())
	random := rand.New(rand.NewPCG(3, 4))
	later := protowire.AppendVarint(protowire.AppendTag(nil, 40, protowire.VarintType), 5) // a field of a later version
	values := map[string][]byte{
		"valid": encode(t, validReport()), "full": encode(t, fullReport()), "of a later version": append(encode(t, fullReport()), later...),
		"zeros": changed(t, func(r *telemetry.Report) { r.LatencyMicros.Observe(0); r.LatencyMicros.Observe(1) }),
		"of many buckets": changed(t, func(r *telemetry.Report) {
			for bucket := range int32(300) {
				r.LatencyMicros.Observe(uint64(telemetry.BucketValue(200 + bucket)))
			}
		}),
		"no histogram": changed(t, func(r *telemetry.Report) { r.LatencyMicros.Reset(); r.SizeBytes.Reset() }),
	}
	for i := range 500 {
		values[fmt.Sprint("varied ", i)] = encode(t, variedReport(random))
	}
	for name, value := range values {
		if !comparePlain(t, value, decoder) {
			t.Errorf("%s: %x was not read the fast way", name, value)
		}
	}
}

// TestFastWayReadsHistogramsExactly holds that each length of the lists, with each mixture of sizes of their numbers,
// reads as it is, and is refused where one thing is wrong with it.
func TestFastWayReadsHistogramsExactly(t *testing.T) {
	decoder := NewDecoder(DefaultLimits())
	random := rand.New(rand.NewPCG(5, 6))
	read := 0
	for i := range 20_000 {
		h := mixedHistogram(random, i%40)
		h.damage(random)
		report := validReport()
		report.LatencyMicros, report.Errors, report.SizeBytes = telemetry.Histogram{}, nil, telemetry.Histogram{}
		if comparePlain(t, protowire.AppendBytes(append(encode(t, report), 0x42), h.encode()), decoder) {
			read++
		}
	}
	if read < 5000 {
		t.Errorf("%d histograms were read the fast way, want most that are valid", read)
	}
}

// lists are the lists of a histogram, which may be damaged.
type lists struct {
	indexes []int32
	counts  []uint64
	fields  []byte // after them
}

// mixedHistogram has a few small buckets, then large ones, and counts of all sizes or of one byte only.
func mixedHistogram(random *rand.Rand, buckets int) *lists {
	l := &lists{}
	index := int32(telemetry.ZeroBucket) + random.Int32N(2)*random.Int32N(1+telemetry.MaxHistogramBuckets-4*int32(buckets))
	bits := 7 + random.IntN(2)*random.IntN(44)
	for range buckets {
		l.indexes, l.counts = append(l.indexes, index), append(l.counts, 1+random.Uint64N(1<<random.IntN(bits)))
		index += 1 + random.Int32N(4)
	}
	if random.IntN(4) > 0 {
		l.fields = protowire.AppendVarint(append(l.fields, 0x18), random.Uint64()>>random.IntN(64))
	}
	greatest := uint64(0)
	if buckets > 0 { // the last bucket is one that holds a whole number
		greatest = uint64(math.Ceil(telemetry.BucketValue(l.indexes[buckets-1])))
		l.indexes[buckets-1] = telemetry.BucketIndex(greatest)
	}
	if random.IntN(8) == 0 {
		greatest = random.Uint64() >> random.IntN(64)
	}
	l.fields = protowire.AppendVarint(append(l.fields, 0x20), greatest)
	return l
}

// damage does one thing to half of the histograms.
func (l *lists) damage(random *rand.Rand) {
	if len(l.indexes) == 0 {
		return
	}
	at := random.IntN(len(l.indexes))
	switch random.IntN(14) {
	case 0:
		l.counts[at] = 0
	case 1:
		l.indexes[at] += random.Int32N(9) - 4
	case 2:
		l.indexes[at] = int32(random.Uint32())
	case 3:
		l.counts[at] = random.Uint64()
	case 4:
		l.counts = slices.Repeat(l.counts, 2)
	case 5:
		l.counts = append(l.counts, slices.Repeat([]uint64{1}, 1+random.IntN(16))...)
	case 6:
		l.counts = l.counts[:at]
	case 7:
		l.indexes = l.indexes[:at]
	}
}

func (l *lists) encode() []byte {
	var indexes, counts []byte
	for _, index := range l.indexes {
		indexes = protowire.AppendVarint(indexes, protowire.EncodeZigZag(int64(index)))
	}
	for _, count := range l.counts {
		counts = protowire.AppendVarint(counts, count)
	}
	b := protowire.AppendBytes([]byte{0x0a}, indexes)
	return append(protowire.AppendBytes(append(b, 0x12), counts), l.fields...)
}
