package rocketmq

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	rmqconsumer "github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"

	"github.com/weirmq/weir/control"
	"github.com/weirmq/weir/sdk/internal/applied"
	"github.com/weirmq/weir/sdk/internal/meter"
	"github.com/weirmq/weir/telemetry"
)

// held is a Hold of a consumer of orders, and commands that are read for it, in a bubble of testing/synctest.
type held struct {
	*Hold
	t        *testing.T
	measured *meter.Client
	offset   int64
}

func newHeld(t *testing.T) *held {
	t.Helper()
	registry := meter.NewRegistry(meter.Settings{Labels: telemetry.Labels{Cluster: "shop"}, MaxTopics: 10})
	commands, err := applied.New(applied.Config{Registry: registry, Log: slog.New(slog.DiscardHandler), Enabled: control.Capabilities})
	if err != nil {
		t.Fatal(err)
	}
	h := newHold(commands)
	of := registry.NewClient(meter.Identity{System: "rocketmq"}, nil)
	of.Started("billing", "billing")
	h.client = commands.NewClient(of, h.consumed).HoldsWhole(withoutOptions)
	h.topics["orders"] = true
	commands.Add(h.client)
	return &held{Hold: h, t: t, measured: of}
}

// pause has orders paused, or no longer.
func (h *held) pause(on bool, rampSeconds float64) {
	h.t.Helper()
	now := time.Now().UTC()
	c := control.Command{Schema: control.Schema, Name: "pause", Revision: 1, Scope: control.Scope{Topic: "orders"}, Author: "li", Reason: "r", CreatedAt: now,
		ExpiresAt: now.Add(time.Hour), Percent: 100, Pause: &control.Pause{}, Release: &control.Release{RampSeconds: rampSeconds}}
	value, err := c.Encode()
	if err != nil {
		h.t.Fatal(err)
	}
	if !on {
		value = nil
	}
	h.commands.Feed([]control.Record{{Key: []byte(c.Key()), Value: value, Offset: h.offset, AppendedAt: now}}, true, now)
	h.offset++
	h.commands.Refresh(time.Now())
}

// TestHandlers holds that handlers wait while their topic is held, run one more at a time while it is released, and that what waits when
// the consumer is shut down is handed back, as each mode of the library has it.
func TestHandlers(t *testing.T) {
	t.Parallel()
	const messages, rampSeconds = 200, 10
	synctest.Test(t, func(t *testing.T) {
		h := newHeld(t)
		var running, most, handled atomic.Int64
		handle := h.holdBack("orders", func(context.Context, ...*primitive.MessageExt) (rmqconsumer.ConsumeResult, error) {
			most.Store(max(most.Load(), running.Add(1)))
			<-time.NewTimer(200 * time.Millisecond).C
			running.Add(-1)
			handled.Add(1)
			return rmqconsumer.ConsumeSuccess, nil
		})
		h.pause(true, rampSeconds)
		for range messages {
			go func() { _, _ = handle(t.Context(), &primitive.MessageExt{}) }()
		}
		<-time.NewTimer(time.Minute).C
		if got := running.Load() + handled.Load(); got != 0 {
			t.Errorf("%d messages are handled while they are held", got)
		}
		h.pause(false, rampSeconds)
		for second := range rampSeconds {
			<-time.NewTimer(time.Second).C
			if allowed := int64(concurrency * (second + 1) / rampSeconds); most.Load() > allowed {
				t.Errorf("%d s after the pause, %d handlers run at once, want at most %d", second+1, most.Load(), allowed)
			}
		}
		if handled.Load() == 0 || most.Load() < concurrency/2 {
			t.Errorf("%d messages are handled by at most %d at once when the ramp is over", handled.Load(), most.Load())
		}
		<-time.NewTimer(time.Minute).C
		if handled.Load() != messages {
			t.Errorf("%d of %d messages are handled", handled.Load(), messages)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		h := newHeld(t)
		handle := h.holdBack("orders", func(context.Context, ...*primitive.MessageExt) (rmqconsumer.ConsumeResult, error) {
			t.Error("a message is handled after the consumer was shut down")
			return rmqconsumer.ConsumeSuccess, nil
		})
		h.pause(true, 0)
		for want, ctx := range map[rmqconsumer.ConsumeResult]context.Context{rmqconsumer.ConsumeRetryLater: t.Context(),
			rmqconsumer.SuspendCurrentQueueAMoment: primitive.WithOrderlyCtx(t.Context(), primitive.NewConsumeOrderlyContext())} {
			go func() {
				if got, err := handle(ctx, &primitive.MessageExt{}); got != want || err != nil {
					t.Errorf("a message that was held is handed back as %v, %v; want %v", got, err, want)
				}
			}()
		}
		ended := make(chan bool, 2)
		for _, topic := range []string{"orders", "%RETRY%billing"} { // messages that are tried again are of any topic
			go func() {
				defer func() { ended <- true }()
				h.Limit(topic)
				t.Errorf("%s: the library's loop goes on after the consumer was shut down", topic)
			}()
		}
		h.Limit("returns") // nothing holds it
		synctest.Wait()
		if len(ended) != 0 {
			t.Error("the library's loop goes on while the topic is held")
		}
		h.end()
		synctest.Wait()
		if len(ended) != 2 {
			t.Errorf("%d of 2 loops have ended", len(ended))
		}
	})
}

// TestWhatIsHeldIsNotHandledWhenItsConsumerEnds holds that the end of a consumer, which lifts what holds it, gives nothing that was held to the
// handler: whichever of both a goroutine hears of first.
func TestWhatIsHeldIsNotHandledWhenItsConsumerEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHeld(t)
		h.pause(true, 0)
		var handled, back atomic.Int64
		handle := h.holdBack("orders", func(context.Context, ...*primitive.MessageExt) (rmqconsumer.ConsumeResult, error) {
			handled.Add(1)
			return rmqconsumer.ConsumeSuccess, nil
		})
		for range 200 {
			go func() {
				if got, _ := handle(t.Context(), &primitive.MessageExt{}); got == rmqconsumer.ConsumeRetryLater {
					back.Add(1)
				}
			}()
		}
		synctest.Wait()
		h.Close()
		synctest.Wait()
		if handled.Load() != 0 || back.Load() != 200 {
			t.Errorf("%d of 200 messages that were held are handled, %d handed back", handled.Load(), back.Load())
		}
		if got, _ := handle(t.Context(), &primitive.MessageExt{}); got != rmqconsumer.ConsumeRetryLater || handled.Load() != 0 {
			t.Error("a message that was on its way is handled")
		}
	})
}

// limit has what is sent to a topic limited to a message per second.
func (h *held) limit(topic string) {
	h.t.Helper()
	h.ask(topic, func(c *control.Command) { c.SendLimit = &control.SendLimit{MessagesPerSecond: 1, ColdFactor: 1} })
}

// ask has a command be in force for what is sent to a topic.
func (h *held) ask(topic string, ask func(*control.Command)) {
	h.t.Helper()
	now := time.Now().UTC()
	c := control.Command{Schema: control.Schema, Name: "sends", Revision: 1, Scope: control.Scope{Topic: topic}, Author: "li", Reason: "r", CreatedAt: now,
		ExpiresAt: now.Add(time.Hour), Percent: 100}
	ask(&c)
	value, err := c.Encode()
	if err != nil {
		h.t.Fatal(err)
	}
	h.commands.Feed([]control.Record{{Key: []byte(c.Key()), Value: value, Offset: h.offset, AppendedAt: now}}, true, now)
	h.offset++
	h.commands.Refresh(now)
}

// TestABatchThatIsNotSent holds that a batch with no message in one place waits, and fails as others do, also where its messages name the
// topic with its namespace already, as the library leaves them.
func TestABatchThatIsNotSent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHeld(t)
		p := &producer[func(context.Context, *primitive.Message, error)]{commands: h.commands, client: h.client, namespace: "shop"}
		h.limit("shop%orders")
		for _, topic := range []string{"orders", "shop%orders"} {
			batch := []*primitive.Message{{Topic: topic, Body: []byte("one")}, nil}
			ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
			_ = p.admit(ctx, batch...) // takes what is free
			if err := p.admit(ctx, batch...); !errors.Is(err, applied.ErrSendLimited) {
				t.Errorf("a batch to %s that cannot wait: got %v, want %v", topic, err, applied.ErrSendLimited)
			}
			cancel()
		}
	})
}

// TestWhatIsWithheldIsCounted holds that each message counts as failed that whoever sends it is told of so: of a batch, all.
func TestWhatIsWithheldIsCounted(t *testing.T) {
	t.Parallel()
	for class, ask := range map[string]func(*control.Command){
		"too_large": func(c *control.Command) {
			c.LargeMessages = &control.LargeMessages{RefuseBytes: control.MinRefuseBytes}
		},
		"timeout": func(c *control.Command) { c.SendLimit = &control.SendLimit{MessagesPerSecond: 1, ColdFactor: 1} },
	} {
		synctest.Test(t, func(t *testing.T) {
			h := newHeld(t)
			p := &producer[func(context.Context, *primitive.Message, error)]{commands: h.commands, client: h.client}
			h.ask("orders", ask)
			ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
			defer cancel()
			_ = p.admit(ctx, &primitive.Message{Topic: "orders"}) // takes what is free
			batch := []*primitive.Message{{Topic: "orders", Body: []byte("small")}, {Topic: "orders", Body: make([]byte, control.MinRefuseBytes+1)}, {Topic: "orders"}}
			if err := p.admit(ctx, batch...); err == nil {
				t.Error("it is sent")
			}
			failed := map[string]uint64{}
			for m := range h.measured.All {
				var taken meter.Taken
				m.Take(&taken, h.measured, h.measured.WallMillis())
				for _, e := range taken.Report.Errors {
					failed[e.Class] += e.Count
				}
			}
			if len(failed) != 1 || failed[class] != uint64(len(batch)) {
				t.Errorf("of a batch of %d messages that is not sent %v are counted, want all as %s", len(batch), failed, class)
			}
		})
	}
}

// TestNamespaces holds that topics are held by the names that brokers know them by.
func TestNamespaces(t *testing.T) {
	h := newHold(nil)
	h.namespace = "shop"
	for given, want := range map[string]string{"orders": "shop%orders", "shop%orders": "shop%orders"} {
		if got := h.qualified(given); got != want {
			t.Errorf("%s: got %s, want %s", given, got, want)
		}
	}
}

// TestOnlyMeasuredClientsAreSteered holds what wrapping says of others.
func TestOnlyMeasuredClientsAreSteered(t *testing.T) {
	if _, err := newHold(nil).PushConsumer(nil); !errors.Is(err, ErrUnmeasured) {
		t.Errorf("got %v, want %v", err, ErrUnmeasured)
	}
	if _, err := WrapProducer(nil, nil); !errors.Is(err, ErrUnmeasured) {
		t.Errorf("got %v, want %v", err, ErrUnmeasured)
	}
}
