package kafka

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/sdk"
	"github.com/weirmq/weir/sdk/report"
)

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
			h := NewHooks(openOffline(b, report.Config{}))
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
	h := NewHooks(openOffline(b, report.Config{}))
	b.ReportAllocs()
	b.RunParallel(func(p *testing.PB) {
		records := businessRecords(1024)
		for i := 0; p.Next(); i++ {
			sendNext(h, records, i, recordsPerAnswer)
		}
	})
}

// recordsPerPoll is how many records a poll gives in a benchmark. Not fewer: a batch of a busy topic has hundreds; not more: what is done once
// for a poll would not be seen.
const recordsPerPoll = 64

// consumeNext gives the next record to the application. Both numbers are powers of two.
func consumeNext(h *Hooks, records []*kgo.Record, at int) {
	if at&(recordsPerPoll-1) == 0 {
		h.OnPollStart(context.Background())
	}
	h.OnFetchRecordUnbuffered(records[at&(len(records)-1)], true)
}

// BenchmarkConsume is what the SDK adds to each record that is consumed and handled.
func BenchmarkConsume(b *testing.B) {
	h := NewHooks(openOffline(b, report.Config{}))
	records := businessRecords(1024)
	b.Run("delivered", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			consumeNext(h, records, i)
		}
	})
	b.Run("handled", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			h.TimeHandler(records[i&1023]).Done(nil)
		}
	})
}

// BenchmarkHandle is what the client for both adds to each record of a poll of a hundred from two partitions, beside the hooks: it is made a delivery,
// handled with the others, and marked.
func BenchmarkHandle(b *testing.B) {
	r, client := offlineMember(b, weir.Consumption{MaxBatch: weir.DefaultMaxBatch, Concurrency: 1, Attempts: 1})
	r.hooks = NewHooks(openOffline(b, report.Config{}))
	records := businessRecords(weir.DefaultMaxBatch)
	for _, record := range records[weir.DefaultMaxBatch/2:] {
		record.Partition = 4
	}
	fetches := kgo.Fetches{{Topics: []kgo.FetchTopic{{Topic: "orders", Partitions: []kgo.FetchPartition{
		{Partition: 3, Records: records[:weir.DefaultMaxBatch/2]}, {Partition: 4, Records: records[weir.DefaultMaxBatch/2:]},
	}}}}}
	to := polled{receiver: r, client: client, turn: 1, to: func(ctx context.Context, _ []*weir.Delivery) error {
		weir.Given(ctx)
		return nil
	}}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if i%weir.DefaultMaxBatch == 0 {
			r.handle(b.Context(), to, fetches)
		}
	}
}

// BenchmarkToldOf is what it costs to decide which messages are told of: a record sent and consumed as configured, with a trace, and
// where none is told of.
func BenchmarkToldOf(b *testing.B) {
	traced := kgo.RecordHeader{Key: "traceparent", Value: []byte("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")}
	for _, c := range []struct {
		name    string
		config  report.Config
		headers []kgo.RecordHeader
	}{
		{"none", report.Config{SampleOneIn: -1, SlowAfter: -1}, nil},
		{"by place", report.Config{}, nil},
		{"by trace", report.Config{}, []kgo.RecordHeader{traced}},
	} {
		h := NewHooks(openOffline(b, c.config))
		records := businessRecords(1024)
		for _, r := range records {
			r.Headers = append(r.Headers, c.headers...)
		}
		b.Run("sent/"+c.name, func(b *testing.B) {
			for i := 0; b.Loop(); i++ {
				sendNext(h, records, i, recordsPerAnswer)
			}
		})
		b.Run("consumed/"+c.name, func(b *testing.B) {
			for i := 0; b.Loop(); i++ {
				consumeNext(h, records, i)
			}
		})
	}
}

// TestNoAllocations holds that the host pays no garbage for being measured.
func TestNoAllocations(t *testing.T) {
	for name, config := range map[string]report.Config{"as configured": {}, "each is sampled": {SampleOneIn: 1}, "each is slow": {SlowAfter: 1}} {
		t.Run(name, func(t *testing.T) { wantNoAllocations(t, config) })
	}
}

func wantNoAllocations(t *testing.T, config report.Config) {
	t.Helper()
	h := NewHooks(openOffline(t, config))
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
