package lag

import (
	"runtime"
	"testing"
	"time"
	"unsafe"

	"github.com/weirmq/weir/telemetry"
)

// fleet is how many partitions the benchmarks poll: those of a large fleet, each with a log of its own.
const fleet = 50_000

type pair struct {
	log   Log
	group *Partition
}

// busy polls a partition in which writes come unevenly and the group is behind by a minute and more.
func (p *pair) busy(round int) {
	at := began.Add(time.Duration(round) * 5 * time.Second)
	end := int64(round)*1000 + int64(round*7919%997)
	p.log.Poll(Ends{At: at, End: end, Retention: time.Hour})
	p.group.Poll(Commit{At: at, Offset: max(0, end-15_000), Owner: Owned})
}

// BenchmarkRound is a poll and an assessment of each of 50,000 partitions, with full rings.
func BenchmarkRound(b *testing.B) {
	pairs := make([]pair, fleet)
	for i := range pairs {
		pairs[i].group = Spaced(&pairs[i].log, DefaultSpacing)
		for round := range 2 * RingPoints {
			pairs[i].busy(round)
		}
	}
	assessed := make([]Assessment, 1)
	gauges := make([]telemetry.Gauge, 0, 8)
	round := 2 * RingPoints
	b.ReportAllocs()
	for b.Loop() {
		now := began.Add(time.Duration(round) * 5 * time.Second)
		for i := range pairs {
			pairs[i].busy(round)
			a := pairs[i].group.At(now)
			assessed[0] = a
			sum := Sum(assessed)
			gauges = sum.PartitionGauges(&a, gauges[:0])
		}
		round++
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/fleet, "ns/partition")
}

// TestMemory holds what doc.go says a log and a group take after any number of polls.
func TestMemory(t *testing.T) {
	const pairs = 2_000
	var before, after runtime.MemStats
	kept := make([]*pair, pairs)
	runtime.GC()
	runtime.ReadMemStats(&before)
	for i := range kept {
		kept[i] = &pair{}
		kept[i].group = Spaced(&kept[i].log, DefaultSpacing)
		for round := range 5 * RingPoints {
			kept[i].busy(round)
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	each := float64(after.HeapAlloc-before.HeapAlloc) / pairs
	t.Logf("%.0f bytes each; Log %d, Partition %d", each, unsafe.Sizeof(Log{}), unsafe.Sizeof(Partition{}))
	if len(kept[0].log.ring) != RingPoints {
		t.Errorf("%d points, want a full ring", len(kept[0].log.ring))
	}
	if each > 1.9*1024 {
		t.Errorf("a log and a group take %.0f bytes, more than the 1.9 KiB of the package comment", each)
	}
	runtime.KeepAlive(kept)
}
