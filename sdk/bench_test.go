package weir

import (
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
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
		records[i] = &kgo.Record{Topic: "orders", Key: make([]byte, 16), Value: make([]byte, 100+i%400), Timestamp: time.Now(),
			Headers: []kgo.RecordHeader{{Key: "content-type", Value: []byte("application/json")}}}
	}
	return records
}

// BenchmarkSend is what the SDK adds to each record that is sent, with 1,024 in flight.
func BenchmarkSend(b *testing.B) {
	h := offlineClient(b, Config{}).Hooks()
	records := businessRecords(1024)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		r := records[i&1023]
		if i >= len(records) {
			h.OnProduceRecordUnbuffered(r, nil)
		}
		h.OnProduceRecordBuffered(r)
	}
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
	h := offlineClient(t, Config{}).Hooks()
	records := businessRecords(100)
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
	// Exemplars are copied when a message is slower than all before it in its interval.
	if allocs := testing.AllocsPerRun(5000, pass); allocs >= 1 {
		t.Errorf("got %.2f allocations a record, want none", allocs)
	}
}
