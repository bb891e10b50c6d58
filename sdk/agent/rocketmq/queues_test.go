package rocketmq

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	rmqconsumer "github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"

	"github.com/weirmq/weir/control"
	"github.com/weirmq/weir/sdk/internal/applied"
)

// newHeldByQueue is a Hold with so many handlers, which the library was given the options of.
func newHeldByQueue(t *testing.T, handlers int) *held {
	t.Helper()
	h := newHeld(t)
	h.Options(handlers, nil)
	h.client.HoldsWhole("")
	return h
}

// handled notes of which queues messages were handled.
type handled struct {
	mu     sync.Mutex
	queues []int
}

func (n *handled) of(queue int) (count int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, other := range n.queues {
		if other == queue {
			count++
		}
	}
	return count
}

// library calls a handler as the library does, with a message of a queue, and returns the message.
func library(handle handler, queue primitive.MessageQueue) *primitive.MessageExt {
	m := &primitive.MessageExt{}
	m.WithProperty(primitive.PropertyConsumeStartTime, "1")
	concurrently := primitive.NewConsumeConcurrentlyContext()
	concurrently.MQ = queue
	go func() { _, _ = handle(primitive.WithConcurrentlyCtx(context.Background(), concurrently), m) }()
	return m
}

func queueOf(topic string, id int) primitive.MessageQueue {
	return primitive.MessageQueue{Topic: topic, BrokerName: "b", QueueId: id}
}

// TestQueuesAreHeldApart holds that messages of a paused queue wait, however many they are, without a handler's place and without the time by which the
// library would give them back, while others are handled; that those which are tried again wait, too; and that all are handled afterwards.
func TestQueuesAreHeldApart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const handlers, messages = 2, 50
		h, got := newHeldByQueue(t, handlers), &handled{}
		running, most := 0, 0
		handle := h.holdBack("orders", func(ctx context.Context, of ...*primitive.MessageExt) (rmqconsumer.ConsumeResult, error) {
			at, _ := primitive.GetConcurrentlyCtx(ctx)
			got.mu.Lock()
			running++
			most = max(most, running)
			got.queues = append(got.queues, at.MQ.QueueId)
			if of[0].GetProperty(primitive.PropertyConsumeStartTime) == "" {
				t.Error("a message has no time since which it is handled: it would never be given back")
			}
			got.mu.Unlock()
			<-time.NewTimer(time.Second).C
			got.mu.Lock()
			running--
			got.mu.Unlock()
			return rmqconsumer.ConsumeSuccess, nil
		})
		h.put(func(c *control.Command) {
			c.Scope.Partitions, c.Pause, c.Release = []int32{1}, &control.Pause{}, &control.Release{RampSeconds: 20}
		})
		var waits []*primitive.MessageExt
		for range messages {
			waits = append(waits, library(handle, queueOf("orders", 1)))
		}
		synctest.Wait()
		library(handle, queueOf("%RETRY%billing", 0))
		for range 10 {
			library(handle, queueOf("orders", 2))
		}
		<-time.NewTimer(time.Minute).C
		if got.of(1) != 0 || got.of(0) != 0 || got.of(2) != 10 || most != handlers {
			t.Fatalf("%d of the paused queue are handled, %d that are tried again, %d of 10 of another, %d at once", got.of(1), got.of(0), got.of(2), most)
		}
		if slices.ContainsFunc(waits, func(m *primitive.MessageExt) bool { return m.GetProperty(primitive.PropertyConsumeStartTime) != "" }) {
			t.Error("what is held has the time by which the library gives it back to the broker, as an attempt")
		}
		h.put(func(c *control.Command) {
			c.Scope.Partitions, c.Pause, c.Release = []int32{1}, &control.Pause{}, &control.Release{RampSeconds: 20}
			c.Ended = &control.Ended{Author: "li", Reason: "done", At: time.Now()}
		})
		synctest.Wait()
		if got.of(0) != 1 || got.of(1) != 0 {
			t.Errorf("when the pause has ended %d that are tried again are handled, and %d of the queue before its place in the ramp", got.of(0), got.of(1))
		}
		<-time.NewTimer(20*time.Second + messages*time.Second).C
		if got.of(1) != messages || most != handlers {
			t.Errorf("%d of %d that waited are handled, %d at once", got.of(1), messages, most)
		}
	})
}

// TestWhatIsPausedIsNotWokenByOthers holds that a message which waits for the end of a pause is not asked again for each one of another queue that is handled
// meanwhile: a queue has a thousand that wait.
func TestWhatIsPausedIsNotWokenByOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, asked := newHeldByQueue(t, 2), 0
		h.pause(true, 0)
		waits := wait{share: func(c *applied.Client, now time.Time) float64 { return c.Share("orders", now) }, enough: func(share float64) bool { asked++; return share > 0 }}
		go h.await(&waits)
		synctest.Wait()
		for range 100 {
			at := place{line: "others"}
			h.begin(&at, 1)
			h.done(&at)
			synctest.Wait()
		}
		if asked != 1 {
			t.Errorf("it is asked %d times whether the message may go, want 1", asked)
		}
		h.pause(false, 0)
		synctest.Wait()
		if asked != 2 {
			t.Errorf("when the pause has ended it is asked %d times, want 2", asked)
		}
	})
}

// TestAQueueThatIsLostIsLetGo holds that what is held of a queue is forgotten when that is another consumer's, and not handled when the pause ends,
// and that a queue which comes back is handled.
func TestAQueueThatIsLostIsLetGo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, got := newHeldByQueue(t, 2), &handled{}
		handle := h.holdBack("orders", func(ctx context.Context, _ ...*primitive.MessageExt) (rmqconsumer.ConsumeResult, error) {
			at, _ := primitive.GetConcurrentlyCtx(ctx)
			got.mu.Lock()
			defer got.mu.Unlock()
			got.queues = append(got.queues, at.MQ.QueueId)
			return rmqconsumer.ConsumeSuccess, nil
		})
		both := []*primitive.MessageQueue{{Topic: "orders", BrokerName: "b", QueueId: 0}, {Topic: "orders", BrokerName: "b", QueueId: 1}}
		share := func(members ...string) { h.allocate("billing", "me", both, members) }
		h.pause(true, 0)
		share("me")
		for range 5 {
			library(handle, queueOf("orders", 0))
			library(handle, queueOf("orders", 1))
		}
		synctest.Wait()
		share("me", "other") // has the second
		h.own("returns", nil)
		library(handle, queueOf("orders", 1)) // was on its way
		synctest.Wait()
		h.pause(false, 0)
		<-time.NewTimer(time.Second).C
		if got.of(0) != 5 || got.of(1) != 0 {
			t.Errorf("%d of 5 messages of the queue that stays are handled, and %d of that which is another's", got.of(0), got.of(1))
		}
		share("me")
		library(handle, queueOf("orders", 1))
		synctest.Wait()
		if got.of(1) != 1 {
			t.Errorf("%d of 1 messages are handled of the queue that came back", got.of(1))
		}
	})
}

// TestOnlyWhatIsMadeForItHoldsQueues holds why others refuse commands that name queues.
func TestOnlyWhatIsMadeForItHoldsQueues(t *testing.T) {
	t.Parallel()
	h := newHeld(t)
	h.put(func(c *control.Command) { c.Scope.Partitions, c.Pause = []int32{1}, &control.Pause{} })
	if got := h.client.Refuses()["asked@1"]; got != withoutOptions {
		t.Errorf("the command is refused with %q, want %q", got, withoutOptions)
	}
}
