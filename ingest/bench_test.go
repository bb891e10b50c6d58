package ingest

import (
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/weirmq/weir/telemetry/telemetrypb"
)

// BenchmarkDecode reads and checks one report of 210 bytes.
func BenchmarkDecode(b *testing.B) {
	value, decoder := encode(b, validReport()), NewDecoder(DefaultLimits())
	b.SetBytes(int64(len(value)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := decoder.Decode(value, appendedAt); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkDecodeValues is the same with labels that were read before, as nearly all are.
func BenchmarkDecodeValues(b *testing.B) {
	value, decoder := encode(b, validReport()), NewDecoder(DefaultLimits())
	b.SetBytes(int64(len(value)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := decoder.DecodeValues(value, appendedAt); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkDecodeGenerated is what the generated decoder takes for the same record, without a check: the measure of
// BenchmarkDecode on a machine.
func BenchmarkDecodeGenerated(b *testing.B) {
	value := encode(b, validReport())
	b.SetBytes(int64(len(value)))
	b.ReportAllocs()
	for b.Loop() {
		var pb telemetrypb.Report
		if err := proto.Unmarshal(value, &pb); err != nil {
			b.Fatal(err)
		}
	}
}
