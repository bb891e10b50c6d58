package rocketmq

import (
	"context"
	"testing"
	"time"

	rmqconsumer "github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"

	"github.com/weirmq/weir/sdk"
)

// TestHandlersInOrderAreWaitedFor ends a consumer while the library has a message handled in order: the end waits for it, so that it is noted and reported.
func TestHandlersInOrderAreWaitedFor(t *testing.T) {
	t.Parallel()
	r := &receiver{released: make(chan struct{})}
	r.config.Ordered, r.config.Attempts = true, 1
	ctx, end := context.WithCancel(t.Context())
	began, said := make(chan struct{}), make(chan rmqconsumer.ConsumeResult, 1)
	handled := false
	go func() {
		result, _ := r.called(ctx, ctx, &primitive.MessageExt{}, func(context.Context, []*weir.Delivery) error {
			close(began)
			<-time.After(100 * time.Millisecond)
			handled = true
			return nil
		})
		said <- result
	}()
	<-began
	end()
	r.awaitOrdered()
	if !handled { // the race detector says, too, that it is not waited for
		t.Error("the consumer has ended, and its handler is at work")
	}
	if result := <-said; result != rmqconsumer.ConsumeSuccess {
		t.Errorf("the library is told %v of a message that was handled", result)
	}
}

// TestAPanicHoldsUpNoEnd has something panic while a message is handled in order: nobody waits for that message.
func TestAPanicHoldsUpNoEnd(t *testing.T) {
	t.Parallel()
	r := &receiver{released: make(chan struct{})}
	r.config.Ordered, r.config.Attempts = true, 1
	func() {
		defer func() {
			if recover() == nil {
				t.Error("it does not panic")
			}
		}()
		_, _ = r.called(t.Context(), t.Context(), &primitive.MessageExt{}, func(context.Context, []*weir.Delivery) error { panic("a fault of the SDK") })
	}()
	if !r.ordered.TryLock() {
		t.Error("it is waited for a message that nobody handles")
	}
}

// BenchmarkOrdered is what the client for both does of each message that is handled in order.
func BenchmarkOrdered(b *testing.B) {
	r := &receiver{released: make(chan struct{})}
	r.config.Ordered, r.config.Attempts = true, 1
	m := delivered()
	handle := func(context.Context, []*weir.Delivery) error { return nil }
	b.ReportAllocs()
	for b.Loop() {
		_, _ = r.called(b.Context(), b.Context(), m, handle)
	}
}
