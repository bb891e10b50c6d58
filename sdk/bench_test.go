package weir

import (
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/telemetry"
)

// offlineClient measures without a telemetry cluster: nothing is reported while it is asked.
func offlineClient(t testing.TB, config Config) *Client {
	t.Helper()
	config.TelemetryBrokers = []string{"127.0.0.1:1"}
	config.Interval = maxInterval
	c, err := Open(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.stop(); c.done.Wait(); c.producer.Close() })
	return c
}

func businessRecords(count int) []*kgo.Record {
	records := make([]*kgo.Record, count)
	for i := range records {
		records[i] = &kgo.Record{Topic: "orders", Partition: 3, Offset: 7_000_000 + int64(i), Key: make([]byte, 16), Value: make([]byte, 100+i%400), Timestamp: time.Now(),
			Headers: []kgo.RecordHeader{{Key: "content-type", Value: []byte("application/json")}}}
	}
	return records
}

// recordsPerAnswer is how many records the broker acknowledges at once in a benchmark.
const recordsPerAnswer = 64

// BenchmarkSend is what the SDK adds to each record that is sent, with 1,024 in flight,
// acknowledged one by one (the worst case) or several at once.
func BenchmarkSend(b *testing.B) {
	for _, together := range []int{1, recordsPerAnswer} {
		b.Run(fmt.Sprintf("acknowledged=%d", together), func(b *testing.B) {
			h := offlineClient(b, Config{}).Hooks()
			records := businessRecords(1024)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				sendNext(h, records, i, together)
			}
		})
	}
}

// sendNext ends the record that was sent longest ago and sends it again. Both numbers
// are powers of two.
func sendNext(h *Hooks, records []*kgo.Record, at, together int) {
	r := records[at&(len(records)-1)]
	if at >= len(records) {
		if at&(together-1) == 0 { // as for each request
			h.OnBrokerWrite(kgo.BrokerMetadata{}, produceKey, 0, 0, 0, nil)
			h.OnBrokerE2E(kgo.BrokerMetadata{}, produceKey, kgo.BrokerE2E{})
		}
		h.OnProduceRecordUnbuffered(r, nil)
	}
	h.OnProduceRecordBuffered(r)
}

// BenchmarkSendParallel is the same with a producing goroutine for each processor. It
// is a worst case: kgo ends the records of a client in one goroutine.
func BenchmarkSendParallel(b *testing.B) {
	h := offlineClient(b, Config{}).Hooks()
	b.ReportAllocs()
	b.RunParallel(func(p *testing.PB) {
		records := businessRecords(1024)
		for i := 0; p.Next(); i++ {
			sendNext(h, records, i, recordsPerAnswer)
		}
	})
}

// BenchmarkConsume is what the SDK adds to each record that is consumed and handled.
func BenchmarkConsume(b *testing.B) {
	h := offlineClient(b, Config{}).Hooks()
	records := businessRecords(1024)
	b.Run("delivered", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			h.OnFetchRecordUnbuffered(records[i&1023], true)
		}
	})
	b.Run("handled", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			h.TimeHandler(records[i&1023]).Done(nil)
		}
	})
}

// TestNoAllocations holds that the host pays no garbage for being measured.
func TestNoAllocations(t *testing.T) {
	for name, config := range map[string]Config{"as configured": {}, "each is sampled": {SampleOneIn: 1}, "each is slow": {SlowAfter: 1}} {
		t.Run(name, func(t *testing.T) { wantNoAllocations(t, config) })
	}
}

func wantNoAllocations(t *testing.T, config Config) {
	t.Helper()
	h := offlineClient(t, config).Hooks()
	records := businessRecords(100)
	for i, r := range records {
		r.Partition = int32(i % 7) // as they come where batches of several partitions are acknowledged in turn
	}
	at := 0
	pass := func() {
		r := records[at%len(records)]
		at++
		h.OnProduceRecordBuffered(r)
		h.OnProduceRecordUnbuffered(r, nil)
		h.OnFetchRecordUnbuffered(r, true)
		h.TimeHandler(r).Done(nil)
	}
	for range 1000 {
		pass()
	}
	if allocs := testing.AllocsPerRun(5000, pass); allocs > 0 {
		t.Errorf("got %.2f allocations a record, want none", allocs)
	}
}

// BenchmarkTake is what a report costs whose three histograms have every bucket. Who
// sends and consumes waits for the locked part of it at most.
func BenchmarkTake(b *testing.B) {
	m, out := &meter{op: opSend, topic: "orders"}, &taken{}
	fill := func() {
		for _, d := range []*distribution{&m.latency, &m.delay, &m.size} {
			for i := range telemetry.MaxHistogramBuckets - 2 {
				d.observe(uint64(telemetry.BucketValue(int32(i))))
			}
		}
	}
	for name, take := range map[string]func(*taken, int64){"locked": m.copyTo, "whole": m.take} {
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
