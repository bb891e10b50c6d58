package telemetry

import "testing"

func BenchmarkHistogramMerge(b *testing.B) {
	var report, cell Histogram
	for bucket := range uint64(20) {
		report.Observe(850 + 70*bucket)
	}
	b.ReportAllocs()
	for b.Loop() {
		cell.Merge(&report)
	}
}
