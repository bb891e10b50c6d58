package rocketmq

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	rmq "github.com/apache/rocketmq-client-go/v2"
	rmqconsumer "github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"

	"github.com/weirmq/weir/sdk/internal/meter"
	"github.com/weirmq/weir/sdk/internal/reported"
	"github.com/weirmq/weir/sdk/report"
	"github.com/weirmq/weir/telemetry"
)

// again has a message that failed come again after a second.
func again(ctx context.Context) {
	if of, ok := primitive.GetConcurrentlyCtx(ctx); ok {
		of.DelayLevelWhenNextConsume = 1
	}
}

// failingHandler has every third message fail the first time, by each way there is, and compares with what
// the handler counted itself.
func failingHandler(t *testing.T, s *shop) {
	const count = 18
	r, reports := newReporter(t, report.Config{Interval: 100 * time.Millisecond})
	p := s.producer(t, r, "till")
	for i := range count {
		if _, err := p.SendSync(t.Context(), message("orders", i)); err != nil {
			t.Fatal(err)
		}
	}
	c := s.pushConsumer(t, r, "ledger", nil)
	var given, failed, succeeded, bytes atomic.Uint64
	consume(t, c, "orders", func(ctx context.Context, got ...*primitive.MessageExt) (rmqconsumer.ConsumeResult, error) {
		m := got[0]
		given.Add(1)
		bytes.Add(bytesOf([]*primitive.Message{&m.Message}))
		switch first := m.ReconsumeTimes == 0; {
		case first && len(m.Body)%9 == 0:
			failed.Add(1)
			again(ctx)
			return rmqconsumer.ConsumeRetryLater, nil
		case first && len(m.Body)%9 == 3:
			failed.Add(1)
			again(ctx)
			return rmqconsumer.ConsumeRetryLater, errors.New("no such account")
		case first && len(m.Body)%9 == 6:
			failed.Add(1)
			panic("no account at all") // the library gives it again after 15 minutes
		}
		succeeded.Add(1)
		return rmqconsumer.ConsumeSuccess, nil
	})
	const panicking = count / 9
	reported.Eventually(t, "all that did not panic are consumed", func() bool { return succeeded.Load() == count-panicking })
	shutdown(t, c, p)
	all := closeAndRead(t, r, reports)
	got := reported.Sum(all, reported.Series{Op: meter.OpConsume, Topic: "orders", Group: "ledger"})
	reported.Want(t, "messages", got.Messages, given.Load())
	reported.Want(t, "bytes", got.Bytes, bytes.Load())
	reported.Want(t, "delays", got.DelayMicros.Count(), given.Load())
	reported.Want(t, "handler latencies", got.LatencyMicros.Count(), given.Load())
	reported.WantErrors(t, got, map[string]uint64{"handler": failed.Load()})
	reported.Want(t, "failed", failed.Load(), count/3)
	if greatest := time.Duration(got.DelayMicros.Max) * time.Microsecond; greatest > reported.Patience {
		t.Errorf("the greatest delay is %s: want that since a broker stored the message", greatest)
	}
	for _, e := range got.Exemplars {
		if e.Kept == telemetry.KeptError && (e.Attempt != 1 || e.MessageID == "" || e.Step != telemetry.StepHandled) {
			t.Errorf("got exemplar %+v of a first attempt that failed", e)
		}
	}
}

// deadLetters has messages fail until the broker gives them up.
func deadLetters(t *testing.T, s *shop) {
	const count = 3
	r, reports := newReporter(t, report.Config{SlowAfter: -1, SampleOneIn: -1})
	p := s.producer(t, r, "hopeless")
	for i := range count {
		if _, err := p.SendSync(t.Context(), message("doomed", i)); err != nil {
			t.Fatal(err)
		}
	}
	c := s.pushConsumer(t, r, "undertakers", []rmqconsumer.Option{rmqconsumer.WithMaxReconsumeTimes(1)}, MaxReconsumeTimes(1))
	consume(t, c, "doomed", func(ctx context.Context, _ ...*primitive.MessageExt) (rmqconsumer.ConsumeResult, error) {
		again(ctx)
		return rmqconsumer.ConsumeRetryLater, nil
	})
	buried := s.pushConsumer(t, r, "mourners", nil)
	var dead sync.Map
	var total atomic.Int64
	reported.Eventually(t, "the dead-letter topic is there", func() bool { return s.hasTopic(t, "%DLQ%undertakers") })
	consume(t, buried, "%DLQ%undertakers", func(_ context.Context, got ...*primitive.MessageExt) (rmqconsumer.ConsumeResult, error) {
		for _, m := range got {
			dead.Store(m.MsgId, true)
			total.Add(1)
		}
		return rmqconsumer.ConsumeSuccess, nil
	})
	reported.Eventually(t, "all are dead letters", func() bool { return total.Load() == count })
	shutdown(t, c, buried, p)
	got := reported.Sum(closeAndRead(t, r, reports), reported.Series{Op: meter.OpConsume, Topic: "doomed"})
	steps := map[string]int{}
	for _, e := range got.Exemplars {
		if e.Kept != telemetry.KeptError {
			continue
		}
		steps[fmt.Sprint(e.Step, " ", e.Attempt)]++
		if _, ok := dead.Load(e.MessageID); e.Step == telemetry.StepDeadLettered && !ok {
			t.Errorf("%s is told of as dead lettered, and is none", e.MessageID)
		}
	}
	expected := map[string]int{fmt.Sprint(telemetry.StepHandled, " ", 1): count, fmt.Sprint(telemetry.StepDeadLettered, " ", 2): count}
	if fmt.Sprint(steps) != fmt.Sprint(expected) {
		t.Errorf("got steps and attempts %v, want %v", steps, expected)
	}
	reported.WantErrors(t, got, map[string]uint64{"handler": 2 * count})
}

// pulledMessages polls and acknowledges, one batch of them as failed.
func pulledMessages(t *testing.T, s *shop) {
	const count = 10
	r, reports := newReporter(t, report.Config{})
	p := s.producer(t, r, "filler")
	for i := range count {
		if _, err := p.SendSync(t.Context(), message("pulled", i)); err != nil {
			t.Fatal(err)
		}
	}
	plain, err := rmq.NewPullConsumer(rmqconsumer.WithNsResolver(s.resolver), rmqconsumer.WithGroupName("pullers"), rmqconsumer.WithInstance(instanceOf("pullers")),
		rmqconsumer.WithConsumeFromWhere(rmqconsumer.ConsumeFromFirstOffset))
	if err != nil {
		t.Fatal(err)
	}
	c := WrapPullConsumer(r, keptOpenPull{plain}, "pullers")
	if err := c.Subscribe("pulled", rmqconsumer.MessageSelector{}); err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	given, failed := uint64(0), uint64(0)
	reported.Eventually(t, "all are polled", func() bool {
		request, err := c.Poll(t.Context(), 100*time.Millisecond)
		if err != nil {
			return given >= count
		}
		result, size := rmqconsumer.ConsumeSuccess, uint64(len(request.GetMsgList()))
		if given == 0 {
			result, failed = rmqconsumer.ConsumeRetryLater, size
		}
		given += size
		c.ACK(t.Context(), request, result)
		return given >= count
	})
	shutdown(t, c, p)
	got := reported.Sum(closeAndRead(t, r, reports), reported.Series{Op: meter.OpConsume, Topic: "pulled", Group: "pullers"})
	reported.Want(t, "messages", got.Messages, given)
	reported.Want(t, "handler latencies", got.LatencyMicros.Count(), given)
	reported.WantErrors(t, got, map[string]uint64{"handler": failed})
}

// manyProducers has many goroutines send by every way at once while reports are taken.
func manyProducers(t *testing.T, s *shop) {
	const producers, goroutines, each = 3, 4, 25
	r, reports := newReporter(t, report.Config{Interval: 100 * time.Millisecond})
	var working sync.WaitGroup
	var clients []rmq.Producer
	var back, asynchronous atomic.Int64
	for n := range producers {
		p := s.producer(t, r, fmt.Sprint("crowd-", n))
		clients = append(clients, p)
		for g := range goroutines {
			working.Go(func() {
				for i := range each {
					way := ways[(g+i)%len(ways)]
					if strings.HasPrefix(way.topic, "async") {
						asynchronous.Add(2)
					}
					acknowledged := func(err error) {
						if err != nil {
							t.Error(err)
						}
						back.Add(1)
					}
					if err := way.send(t.Context(), p, messages("many", 2), acknowledged); err != nil {
						t.Error(err)
					}
				}
			})
		}
	}
	working.Wait()
	reported.Eventually(t, "all that is sent asynchronously is acknowledged", func() bool { return back.Load() == asynchronous.Load() })
	for _, p := range clients {
		shutdown(t, p)
	}
	all := closeAndRead(t, r, reports)
	got := reported.Sum(all, reported.Series{Op: meter.OpSend, Topic: "many"})
	reported.Want(t, "messages", got.Messages, producers*goroutines*each*2)
	reported.Want(t, "latencies", got.LatencyMicros.Count(), producers*goroutines*each*2)
	reported.WantErrors(t, got, nil)
}

// pausedConsumer suspends a consumer and has it resume.
func pausedConsumer(t *testing.T, s *shop) {
	r, reports := newReporter(t, report.Config{Interval: 100 * time.Millisecond})
	c := s.pushConsumer(t, r, "sleepers", nil)
	consume(t, c, "paused", func(context.Context, ...*primitive.MessageExt) (rmqconsumer.ConsumeResult, error) {
		return rmqconsumer.ConsumeSuccess, nil
	})
	for _, change := range []func(){func() {}, c.Suspend, c.Resume} {
		before := r.Stats().Acknowledged
		change()
		reported.Eventually(t, "a change is reported", func() bool { return r.Stats().Acknowledged > before })
	}
	shutdown(t, c)
	events := reported.Sum(closeAndRead(t, r, reports), reported.Series{Op: meter.OpConsume, Topic: "paused", Group: "sleepers"}).EventsByKind
	for _, kind := range []telemetry.EventKind{telemetry.EventStarted, telemetry.EventPaused, telemetry.EventResumed, telemetry.EventStopped} {
		reported.Want(t, fmt.Sprint("events of kind ", kind), uint64(events[kind]), 1)
	}
}
