package rocketmq

import (
	"context"
	"testing"

	rmqconsumer "github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"

	"github.com/weirmq/weir/sdk"
	"github.com/weirmq/weir/sdk/report"
)

// TestNoAllocations holds what the SDK adds where the library calls one handler with one message, and where it sends one.
func TestNoAllocations(t *testing.T) {
	r := openOffline(t, report.Config{SampleOneIn: 1})
	c := newConsumer(r, nil, "ledger", nil)
	handle := c.measure(func(context.Context, ...*primitive.MessageExt) (rmqconsumer.ConsumeResult, error) {
		return rmqconsumer.ConsumeSuccess, nil
	})
	received := []*primitive.MessageExt{delivered()}
	plain := &answering{}
	sender := newClient(r, "", nil, nil)
	p := wrapProducer(sender, plain, plain.requestAsync)
	sent := []*primitive.Message{message("orders", 1)}
	ctx := t.Context()
	for what, run := range map[string]func(){
		"consumed": func() { _, _ = handle(ctx, received...) },
		"sent":     func() { _, _ = p.SendSync(ctx, sent...) },
	} {
		for range 1000 {
			run()
		}
		if allocs := testing.AllocsPerRun(1000, run); allocs > 0 {
			t.Errorf("%s: got %.2f allocations a message, want none", what, allocs)
		}
	}
}

// delivered is a message as a consumer is given it.
func delivered() *primitive.MessageExt {
	m := &primitive.MessageExt{MsgId: "7F00000100002A9F0000000000000001", StoreTimestamp: 1_700_000_000_000}
	m.Topic, m.Body = "orders", make([]byte, 100)
	m.WithTag("card")
	return m
}

// BenchmarkHandler is what the SDK adds to each message that is received and handled.
func BenchmarkHandler(b *testing.B) {
	c := newConsumer(openOffline(b, report.Config{}), nil, "ledger", nil)
	handle := c.measure(func(context.Context, ...*primitive.MessageExt) (rmqconsumer.ConsumeResult, error) {
		return rmqconsumer.ConsumeSuccess, nil
	})
	received := []*primitive.MessageExt{delivered()}
	b.ReportAllocs()
	for b.Loop() {
		_, _ = handle(b.Context(), received...)
	}
}

// BenchmarkSend is what the SDK adds to each message that is sent by SendSync.
func BenchmarkSend(b *testing.B) {
	c := newClient(openOffline(b, report.Config{}), "", nil, nil)
	a := &answering{}
	p := wrapProducer(c, a, a.requestAsync)
	sent := []*primitive.Message{message("orders", 1)}
	b.ReportAllocs()
	for b.Loop() {
		_, _ = p.SendSync(b.Context(), sent...)
	}
}

// BenchmarkAttempt is what the client for both measures of each message, of ten that a handler is given together.
func BenchmarkAttempt(b *testing.B) {
	r := &receiver{measured: newConsumer(openOffline(b, report.Config{}), nil, "ledger", nil)}
	messages := make([]*weir.Delivery, 10)
	for i := range messages {
		d := deliveryOf("orders", delivered())
		messages[i] = &d
	}
	handle := func(ctx context.Context, _ []*weir.Delivery) error { weir.Given(ctx); return nil }
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if i%len(messages) == 0 {
			_ = r.attempt(b.Context(), messages, handle, true)
		}
	}
}
