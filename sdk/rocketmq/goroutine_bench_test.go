package rocketmq

import (
	"context"
	"sync"
	"testing"
	"unsafe"

	rmqconsumer "github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"

	"github.com/weirmq/weir/sdk/report"
)

// libraryUses is how much of its goroutine's first 2 KiB of stack the library has used when it calls a handler: the frames of
// consumeMessageConcurrently and what it calls, of v2.1.3 on amd64 with go1.26, by go tool objdump.
const libraryUses = 800

// BenchmarkGoroutine is BenchmarkHandler where the library calls the handler: on a goroutine of its own for each message, with the first stack that it has,
// and without and with the SDK. Copies are of that stack to a larger one, for a message.
func BenchmarkGoroutine(b *testing.B) {
	plain := func(context.Context, ...*primitive.MessageExt) (rmqconsumer.ConsumeResult, error) {
		return rmqconsumer.ConsumeSuccess, nil
	}
	c := newConsumer(openOffline(b, report.Config{}), nil, "ledger", nil)
	for name, handle := range map[string]handler{"bare": plain, "measured": c.measure(plain)} {
		b.Run(name, func(b *testing.B) {
			l := library{ctx: b.Context(), handle: handle, messages: []*primitive.MessageExt{delivered()}}
			b.ReportAllocs()
			for b.Loop() {
				l.handled.Add(1)
				go l.call()
				l.handled.Wait()
			}
			b.ReportMetric(float64(l.copies)/float64(b.N), "copies/op")
		})
	}
}

// library calls a handler as the library does.
type library struct {
	ctx      context.Context
	handle   handler
	messages []*primitive.MessageExt
	handled  sync.WaitGroup
	copies   int
}

// call has a frame that, with what is below it, is as large as the library's frames.
func (l *library) call() {
	var frame [libraryUses - 160]byte
	defer l.handled.Done()
	before := uintptr(unsafe.Pointer(&frame))
	_, _ = l.handle(l.ctx, l.messages...)
	if uintptr(unsafe.Pointer(&frame)) != before {
		l.copies++
	}
}
