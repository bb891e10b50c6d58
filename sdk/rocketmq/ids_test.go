package rocketmq

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"

	rmqconsumer "github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"

	"github.com/weirmq/weir/sdk/internal/meter"
	"github.com/weirmq/weir/sdk/internal/reported"
	"github.com/weirmq/weir/sdk/report"
	"github.com/weirmq/weir/telemetry"
)

// sameIDs sends one by one and as a batch, with and without a trace, and finds the ids that
// consumers see in the reports of both.
func sameIDs(t *testing.T, s *shop) {
	const count = 6 // twice as many are told of by a consumer, and 16 at most
	r, reports := newReporter(t, report.Config{SampleOneIn: 1, SlowAfter: -1})
	p := s.producer(t, r, "telling")
	for i := range count / 3 {
		if _, err := p.SendSync(t.Context(), message("ids", i)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := p.SendSync(t.Context(), messages("ids", count/3)...); err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	if err := p.SendAsync(t.Context(), func(_ context.Context, _ *primitive.SendResult, err error) { done <- err }, messages("ids", count/3)...); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	c := s.pushConsumer(t, r, "listeners", nil)
	var seen sync.Map
	var total atomic.Int64
	consume(t, c, "ids", func(_ context.Context, got ...*primitive.MessageExt) (rmqconsumer.ConsumeResult, error) {
		for _, m := range got {
			seen.Store(m.MsgId, true)
			total.Add(1)
		}
		return rmqconsumer.ConsumeSuccess, nil
	})
	reported.Eventually(t, "all are consumed", func() bool { return total.Load() == count })
	shutdown(t, c, p)
	all := closeAndRead(t, r, reports)
	for step, op := range map[telemetry.Step]string{telemetry.StepSent: meter.OpSend, telemetry.StepReceived: meter.OpConsume} {
		ids := map[string]bool{}
		for _, e := range reported.Sum(all, reported.Series{Op: op, Topic: "ids"}).Exemplars {
			if e.Step == step && e.Kept == telemetry.KeptSampled {
				ids[e.MessageID] = true
			}
		}
		for id := range ids {
			if _, ok := seen.Load(id); !ok {
				t.Errorf("%s tells of %s, which no consumer saw", op, id)
			}
		}
		reported.Want(t, op+": ids", uint64(len(ids)), count)
	}
}
