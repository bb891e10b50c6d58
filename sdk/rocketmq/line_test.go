package rocketmq

import (
	"context"
	"errors"
	"fmt"
	"math"
	"reflect"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	rmqconsumer "github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"

	"github.com/weirmq/weir/sdk"
	"github.com/weirmq/weir/sdk/internal/reported"
)

// newLine is a receiver to which the library gives messages in no order.
func newLine(of weir.Consumption) *receiver {
	r := &receiver{released: make(chan struct{}), line: line{more: make(chan struct{}, 1)}}
	r.config.Consumption = of
	return r
}

// TestEachMessageHasItsAnswer has many calls of the library wait at once, for several workers: each is told what came of its own message, and no batch is larger than
// it may be.
func TestEachMessageHasItsAnswer(t *testing.T) {
	t.Parallel()
	const calls, workers, most = 400, 3, 7
	r := newLine(weir.Consumption{MaxBatch: most, Attempts: 2})
	ctx, stop := context.WithCancel(t.Context())
	var given atomic.Int64
	handle := func(_ context.Context, batch []*weir.Delivery) error {
		given.Add(int64(len(batch)))
		if len(batch) > most {
			t.Errorf("%d messages are given at once, want at most %d", len(batch), most)
		}
		var failed *weir.BatchError
		for i, d := range batch {
			if d.Attempt != 1+int(d.Offset)%2 {
				t.Errorf("message %d is given for the time %d", d.Offset, d.Attempt)
			}
			if d.Offset%3 == 0 {
				failed = failed.Fail(i, len(batch), errors.New("no account"))
			}
		}
		if failed == nil {
			return nil
		}
		return failed
	}
	var working, calling sync.WaitGroup
	for range workers {
		working.Go(func() { r.gather(ctx, handle) })
	}
	called := r.each(ctx)
	for i := range calls {
		calling.Go(func() {
			how := primitive.NewConsumeConcurrentlyContext()
			m := &primitive.MessageExt{QueueOffset: int64(i), ReconsumeTimes: int32(i % 2)}
			result, _ := called(primitive.WithConcurrentlyCtx(ctx, how), m)
			got, want := fmt.Sprint(result == rmqconsumer.ConsumeSuccess, how.DelayLevelWhenNextConsume == deadLetterLevel), fmt.Sprint(i%3 != 0, i%3 == 0 && i%2 == 1)
			if got != want {
				t.Errorf("message %d: handled, and put away: %s; want %s", i, got, want)
			}
		})
	}
	calling.Wait()
	stop()
	working.Wait()
	if given.Load() != calls {
		t.Errorf("%d messages are given to handlers, want %d", given.Load(), calls)
	}
}

// TestWhatNoWorkerTookIsLetGo ends a receiver with messages that no worker took, before its end and behind it: the library gives them again.
func TestWhatNoWorkerTookIsLetGo(t *testing.T) {
	t.Parallel()
	r := newLine(weir.Consumption{MaxBatch: 1, Attempts: 1})
	ctx, stop := context.WithCancel(t.Context())
	stop()
	said := make(chan rmqconsumer.ConsumeResult)
	call := func() {
		result, _ := r.each(ctx)(ctx, &primitive.MessageExt{})
		said <- result
	}
	go call()
	<-r.line.more
	close(r.released)
	r.line.end()
	go call()
	for range 2 {
		if result := <-said; result != rmqconsumer.ConsumeRetryLater {
			t.Errorf("the library is told %v of a message that nobody handled", result)
		}
	}
}

// TestAttemptsWithoutEnd holds that the broker is told of as many attempts as may be, where they are more than the library's number has room for.
func TestAttemptsWithoutEnd(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		of   weir.Consumption
		want int32
	}{
		{weir.Consumption{Attempts: 1}, 0},
		{weir.Consumption{Attempts: 17}, 16},
		{weir.Consumption{Attempts: math.MaxInt}, forever},
		{weir.Consumption{Attempts: 1, Exhausted: weir.KeepTrying}, forever},
	} {
		if got := timesAgain(&test.of); got != test.want {
			t.Errorf("%d attempts: the broker is told of %d more, want %d", test.of.Attempts, got, test.want)
		}
	}
}

// TestAStartThatFailsKeepsNoCall has the library call though its consumer could not be started: it may have done so before that was known.
func TestAStartThatFailsKeepsNoCall(t *testing.T) {
	t.Parallel()
	for name, ordered := range map[string]bool{"in no order": false, "in order": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			opened, err := System().OpenReceiver(weir.ReceiverConfig{Route: weir.Route{Endpoints: []string{"127.0.0.1:1"}, Topic: "orders"}, Group: "billing",
				Consumption: weir.Consumption{MaxBatch: 1, Concurrency: 1, Attempts: 1, Backoff: 1, MaxBackoff: 1, Ordered: ordered}})
			if err != nil {
				t.Fatal(err)
			}
			defer opened.Close()
			handle := func(context.Context, []*weir.Delivery) error { t.Error("the handler is given a message"); return nil }
			if err := opened.Run(t.Context(), handle); err == nil {
				t.Fatal("a consumer started without a name server")
			}
			call := reflect.ValueOf(opened.Native()).MethodByName("ConsumeMessageDirectly") // has a type of the library's own
			message := &primitive.MessageExt{Message: primitive.Message{Topic: "orders", Queue: &primitive.MessageQueue{}}}
			called := make(chan struct{})
			go func() {
				defer close(called)
				call.Call([]reflect.Value{reflect.ValueOf(message), reflect.ValueOf("a")})
			}()
			select {
			case <-called:
			case <-time.After(reported.Patience):
				t.Error("the library's call waits for ever")
			}
		})
	}
}
