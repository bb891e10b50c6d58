package meter

import (
	"testing"

	"github.com/weirmq/weir/telemetry"
)

// BenchmarkTake is what a report costs whose three histograms have every bucket. Who
// sends and consumes waits for the locked part of it at most.
func BenchmarkTake(b *testing.B) {
	m, out, c := &Meter{op: OpSend, topic: "orders"}, &Taken{}, newMeasured(Settings{})
	fill := func() {
		for _, d := range []*distribution{&m.latency, &m.delay, &m.size} {
			for i := range telemetry.MaxHistogramBuckets - 2 {
				d.observe(uint64(telemetry.BucketValue(int32(i))))
			}
		}
	}
	whole := func(out *Taken, nowMillis int64) { m.Take(out, c, nowMillis) }
	for name, take := range map[string]func(*Taken, int64){"locked": m.copyTo, "whole": whole} {
		b.Run(name, func(b *testing.B) {
			fill()
			take(out, 1)
			fill()
			b.ReportAllocs()
			for i := int64(1); b.Loop(); i++ {
				take(out, i)
				for _, d := range [][2]*distribution{{&m.latency, &out.latency}, {&m.delay, &out.delay}, {&m.size, &out.size}} {
					d[0].counts, d[1].counts = d[1].counts, d[0].counts // as counted again
				}
			}
		})
	}
}
