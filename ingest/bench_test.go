package ingest

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/weirmq/weir/telemetry"
	"github.com/weirmq/weir/telemetry/telemetrypb"
)

// measuredReports are read in turn, each time the same ones. Not fewer: a processor learns the branches of a few reports
// by heart, and of the records of a fetch it sees each once; not more: a fetch of 256 KiB holds as many.
const measuredReports = 1024

// variedReport is of another client in another second than validReport, about 180 bytes: its buckets, their number,
// gaps and counts differ, and each third report has some counts of two bytes. It has 20 buckets on average.
func variedReport(random *rand.Rand) telemetry.Report {
	report := validReport()
	report.Errors, report.SizeBytes = nil, telemetry.Histogram{}
	report.Labels.Client = fmt.Sprintf("checkout-7f9c5b6d4f-%07d", random.IntN(10_000))
	report.StartUnixMillis -= random.Int64N(5000)
	report.LatencyMicros = variedHistogram(random, 16+random.IntN(9))
	report.Messages = report.LatencyMicros.Count()
	report.Bytes = report.Messages * (100 + random.Uint64N(400))
	return report
}

func variedHistogram(random *rand.Rand, buckets int) (h telemetry.Histogram) {
	large := buckets
	if random.IntN(3) == 0 {
		large = random.IntN(buckets)
	}
	index := 150 + random.Int32N(400)
	for i := range buckets {
		count := 1 + random.Uint64N(1<<random.IntN(7))
		if i >= large && i < large+4 {
			count = 128 + random.Uint64N(4000)
		}
		h.Indexes, h.Counts = append(h.Indexes, index), append(h.Counts, count)
		h.Sum += count * uint64(telemetry.BucketValue(index))
		index += 1 + random.Int32N(6)
	}
	h.Max = uint64(telemetry.BucketValue(h.Indexes[buckets-1]))
	return h
}

// variedFullReport has four histograms and every list.
func variedFullReport(random *rand.Rand) telemetry.Report {
	full, report := fullReport(), variedReport(random)
	full.Labels.Client, full.StartUnixMillis = report.Labels.Client, report.StartUnixMillis
	full.Messages, full.Bytes, full.LatencyMicros = report.Messages, report.Bytes, report.LatencyMicros
	full.DelayMicros = variedHistogram(random, 16+random.IntN(9))
	full.SizeBytes = variedHistogram(random, 1+random.IntN(8))
	full.HeartbeatMicros = variedHistogram(random, 1+random.IntN(4))
	return full
}

// measure reads records of many reports, one each time.
func measure(b *testing.B, report func(*rand.Rand) telemetry.Report, read func(value []byte) error) {
	random := rand.New(rand.NewPCG(1, 2))
	values, bytes := make([][]byte, measuredReports), 0
	for i := range values {
		values[i] = encode(b, report(random))
		bytes += len(values[i])
	}
	b.SetBytes(int64(bytes / len(values)))
	b.ReportAllocs()
	at := 0
	for b.Loop() {
		if err := read(values[at%measuredReports]); err != nil {
			b.Fatal(err)
		}
		at++
	}
}

// BenchmarkDecode reads and checks reports with 8 labels and a histogram of 20 buckets.
func BenchmarkDecode(b *testing.B) {
	decoder := NewDecoder(DefaultLimits())
	measure(b, variedReport, func(value []byte) error {
		_, err := decoder.Decode(value, appendedAt)
		return err
	})
}

// BenchmarkDecodeValues is the same with labels that were read before, as nearly all are.
func BenchmarkDecodeValues(b *testing.B) {
	decoder := NewDecoder(DefaultLimits())
	measure(b, variedReport, func(value []byte) error {
		_, err := decoder.DecodeValues(value, appendedAt)
		return err
	})
}

// BenchmarkDecodeFullValues is DecodeValues of reports that have everything.
func BenchmarkDecodeFullValues(b *testing.B) {
	decoder := NewDecoder(DefaultLimits())
	measure(b, variedFullReport, func(value []byte) error {
		_, err := decoder.DecodeValues(value, appendedAt)
		return err
	})
}

// BenchmarkDecodeGenerated is what the generated decoder takes for the same records, without a check: the measure of
// BenchmarkDecode on a machine.
func BenchmarkDecodeGenerated(b *testing.B) {
	measure(b, variedReport, func(value []byte) error {
		var pb telemetrypb.Report
		return proto.Unmarshal(value, &pb)
	})
}
