package kafka

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/sdk"
	"github.com/weirmq/weir/sdk/internal/meter"
	"github.com/weirmq/weir/sdk/internal/reported"
	"github.com/weirmq/weir/sdk/report"
)

// TestDelayIsUntilThePoll: the clock is read once for what a poll gives, and anew for the next, also where that began to wait before the one
// in front of it was given anything.
func TestDelayIsUntilThePoll(t *testing.T) {
	t.Parallel()
	const between = 30 * time.Millisecond
	for name, polls := range map[string]struct{ together, later, old bool }{
		"one after the other": {later: true}, "one after the other, of a record that was there before": {later: true, old: true}, "two that wait together": {together: true}, "one": {},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := NewHooks(openOffline(t, report.Config{}))
			first := time.Now()
			h.OnPollStart(t.Context())
			if polls.together {
				h.OnPollStart(t.Context())
			}
			h.OnFetchRecordUnbuffered(&kgo.Record{Topic: "orders", Timestamp: first}, true)
			longer := time.Since(first) + between // longer than the first one has waited, on a busy machine too
			var second time.Time
			reported.Eventually(t, "a while has passed", func() bool {
				if second = time.Now(); !polls.later && !polls.together || polls.old {
					second = first
				}
				return time.Since(first) > 2*longer
			})
			reported.Eventually(t, "a while has passed since the second record", func() bool { return time.Since(second) > longer })
			if polls.later {
				h.OnPollStart(t.Context())
			}
			h.OnFetchRecordUnbuffered(&kgo.Record{Topic: "orders", Timestamp: second, Offset: 1}, true)
			delay := taken(h)[reported.Series{Op: meter.OpConsume, Topic: "orders"}].DelayMicros
			waited := delay.Max >= uint64(longer.Microseconds())
			if delay.Count() != 2 || waited != (polls.later || polls.together) {
				t.Errorf("got %d delays of at most %d us: want two, and that the second one has waited is %t", delay.Count(), delay.Max, polls.later || polls.together)
			}
		})
	}
}

// TestAnAttemptBeginsAnew: what is measured of messages in one attempt is not of those that are given again.
func TestAnAttemptBeginsAnew(t *testing.T) {
	t.Parallel()
	r, client := offlineMember(t, weir.Consumption{MaxBatch: 10, Concurrency: 1, Attempts: 2, Exhausted: weir.Discard})
	r.hooks = NewHooks(openOffline(t, report.Config{}))
	fetches := pollOf(1)
	fetches[0].Topics[0].Partitions[0].Records[0].Headers = []kgo.RecordHeader{{Key: meter.TraceparentHeader, Value: meter.NewTraceparent()}}
	calls := 0
	r.handle(t.Context(), polled{receiver: r, client: client, turn: 1, to: func(ctx context.Context, batch []*weir.Delivery) error {
		weir.Given(ctx)
		calls++
		var failed *weir.BatchError
		for i, d := range batch {
			if d.Offset == 11 {
				failed = failed.Fail(i, len(batch), errors.New("it fails"))
			}
		}
		return failed
	}}, fetches)
	told, counted := 0, taken(r.hooks)[reported.Series{Op: meter.OpConsume, Topic: "orders"}]
	reported.Want(t, "received", counted.Messages, 3)
	reported.Want(t, "handled", counted.LatencyMicros.Count(), 4)
	for _, e := range counted.Exemplars {
		if e.MessageID != "orders/0/11" {
			continue
		}
		if told++; e.TraceID != "" {
			t.Errorf("attempt %d of a message without a trace is told with that of another: %+v", e.Attempt, e)
		}
	}
	if calls != 2 || told != 2 {
		t.Errorf("got %d calls and %d failed attempts told of, want two of each", calls, told)
	}
}
