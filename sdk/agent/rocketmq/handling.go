package rocketmq

import (
	"context"
	"math"
	"runtime"
	"strconv"
	"time"

	rmqconsumer "github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"

	"github.com/weirmq/weir/sdk/internal/applied"
)

// holdBack is a handler that waits while a command holds its topic, or its queue. The library counts no message as handled meanwhile, and goes on
// pulling until it has cached as many of the queue as it may.
func (h *Hold) holdBack(topic string, handle handler) handler {
	return func(ctx context.Context, messages ...*primitive.MessageExt) (rmqconsumer.ConsumeResult, error) {
		at := h.placeOf(ctx, topic)
		switch h.turn(&at, messages) {
		case moved:
			// Who has the queue now is given the message. The library is about to drop it here, and might take a result for one that
			// counts: then it would be given back to the broker, as an attempt. Without one its goroutine ends, and nothing else.
			runtime.Goexit()
		case over:
			if at.ordered {
				return rmqconsumer.SuspendCurrentQueueAMoment, nil
			}
			return rmqconsumer.ConsumeRetryLater, nil
		}
		defer h.done(&at)
		return handle(ctx, messages...)
	}
}

// place is where a handler's messages come from.
type place struct {
	topic   string // that is subscribed
	queue   int32
	line    string          // whose handlers are counted together
	retried bool            // they are tried again, and in no queue of their topic any more
	ordered bool            // the library gives one queue's messages one after the other
	lost    <-chan struct{} // closed when the queue is another consumer's; nil where nobody tells
}

// turn waits until a handler may run, and counts it.
func (h *Hold) turn(at *place, messages []*primitive.MessageExt) outcome {
	timed := true
	w := wait{lost: at.lost, share: func(c *applied.Client, now time.Time) float64 { return h.share(c, at, now) }, enough: func(share float64) bool { return h.begin(at, share) }}
	w.held = func() {
		if timed { // otherwise the library would give it back to the broker after its timeout
			timed = false
			for _, m := range messages {
				m.RemoveProperty(primitive.PropertyConsumeStartTime)
			}
		}
	}
	came := h.await(&w)
	if came == goes && !timed {
		now := strconv.FormatInt(time.Now().UnixMilli(), 10)
		for _, m := range messages {
			m.WithProperty(primitive.PropertyConsumeStartTime, now)
		}
	}
	return came
}

// share is how much may be handled of what comes from a place.
func (h *Hold) share(c *applied.Client, at *place, now time.Time) float64 {
	switch {
	case h.handlers == 0:
		return c.Share(at.topic, now)
	case at.retried:
		return retryShare(c, at.topic, now)
	}
	return c.PartitionShare(at.topic, at.queue, now)
}

// retryShare is how much may be handled of a topic's messages that are tried again. Nobody knows which queue they were in: they wait while any of the
// topic's is held.
func retryShare(c *applied.Client, topic string, now time.Time) float64 {
	if c.HoldsAny(topic) {
		return 0
	}
	return c.Share(topic, now)
}

// begin counts a handler where one more may run.
func (h *Hold) begin(at *place, share float64) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if share < 1 && (share <= 0 || h.running[at.line] >= int(math.Ceil(share*concurrency))) {
		return false
	}
	if h.handlers > 0 && !at.ordered && h.running[at.line] >= h.handlers {
		return false
	}
	h.running[at.line]++
	return true
}

// room says whether one more handler of a topic may run.
func (h *Hold) room(topic string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.running[topic] < h.handlers
}

func (h *Hold) done(at *place) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.running[at.line]--; h.running[at.line] == 0 {
		delete(h.running, at.line)
	}
	if h.handlers > 0 {
		close(h.freed)
		h.freed = make(chan struct{})
	}
}

// outcome is what came of a wait.
type outcome int

const (
	goes  outcome = iota
	over          // the consumer was shut down
	moved         // the queue is another consumer's
)

// wait is what somebody waits for: that so much of something may be handled as a function wants.
type wait struct {
	share  func(*applied.Client, time.Time) float64
	enough func(share float64) bool
	lost   <-chan struct{}
	held   func() // is told that a pause holds it; nil: nobody is
}

// await waits.
func (h *Hold) await(w *wait) outcome {
	client := h.steered()
	if client == nil {
		return goes
	}
	for {
		changed, freed := client.Changed(), h.nextFreed()
		select { // what is lifted by then is lifted since the consumer was shut down
		case <-h.ended:
			return over
		case <-w.lost:
			return moved
		default:
		}
		share := w.share(client, time.Now())
		if w.enough(share) {
			return goes
		}
		if share == 0 && w.held != nil {
			w.held()
		}
		if came := h.pass(w, share, changed, freed); came != goes {
			return came
		}
	}
}

func (h *Hold) nextFreed() <-chan struct{} {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.freed
}

// pass waits until what is held may have changed.
func (h *Hold) pass(w *wait, share float64, changed, freed <-chan struct{}) outcome {
	if share == 0 { // no handler that returns changes that, and a thousand messages of a queue may wait
		freed = nil
	}
	var later <-chan time.Time
	if share < 1 { // a ramp, or the place of a queue in one
		timer := time.NewTimer(step)
		defer timer.Stop()
		later = timer.C
	}
	select {
	case <-h.ended:
		return over
	case <-w.lost:
		return moved
	case <-changed:
	case <-freed:
	case <-later:
	}
	return goes
}
