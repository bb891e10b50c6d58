package rocketmq

import (
	"context"
	"sync"
	"sync/atomic"

	rmqconsumer "github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"

	"github.com/weirmq/weir/sdk/internal/meter"
	"github.com/weirmq/weir/sdk/report"
)

// maxSubscriptions bounds the topics whose silence is told of. Not fewer: nobody subscribes to
// more; not more: each is a report every ten seconds.
const maxSubscriptions = 1000

// consumer is what measured consumers have.
type consumer struct {
	*client
	broadcasts bool
	paused     atomic.Bool

	mu     sync.Mutex
	topics map[string]bool // that are subscribed, as brokers know them
}

func newConsumer(to *report.Reporter, of any, group string, options []Option) *consumer {
	c := &consumer{topics: map[string]bool{}}
	if model, ok := of.(interface{ GetModel() string }); ok {
		c.broadcasts = model.GetModel() == rmqconsumer.BroadCasting.String()
	}
	c.client = newClient(to, group, options, c.look)
	return c
}

// look says which topics are consumed, and whether they are paused: all are, or none.
func (c *consumer) look(nowMillis int64) {
	c.mu.Lock()
	topics, paused := make([]string, 0, len(c.topics)), map[string]bool{}
	for topic := range c.topics {
		topics = append(topics, topic)
		paused[topic] = c.paused.Load()
	}
	c.mu.Unlock()
	c.measured.Consumed(topics, paused, nowMillis)
}

func (c *consumer) subscribed(topic string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.topics) < maxSubscriptions {
		c.topics[c.qualified(topic)] = true
	}
}

func (c *consumer) unsubscribed(topic string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.topics, c.qualified(topic))
}

// received counts messages that the application is given, and begins to time their handler.
func (c *consumer) received(handlings []meter.Handling, messages []*primitive.MessageExt) []meter.Handling {
	defer c.measured.Recover()
	c.started()
	now := c.measured.Now()
	for _, of := range messages {
		if of == nil {
			continue
		}
		handlings = append(handlings, meter.Handling{})
		h := &handlings[len(handlings)-1]
		m := h.BeginAt(c.measured, now)
		describeReceived(m, of)
		h.Attempt(int(of.ReconsumeTimes) + 1)
		c.measured.ReceivedAt(m, now)
	}
	return handlings
}

// verdict is what came of messages in their handler.
type verdict struct {
	failed bool
	// givenUpFrom is the attempt from which on a message that failed is not tried again; 0 is never.
	givenUpFrom int
}

// givesUp says that a message is not tried again.
func (v verdict) givesUp(attempt int) bool {
	return v.failed && v.givenUpFrom > 0 && attempt >= v.givenUpFrom
}

// handled ends the handling of messages. Those of a batch share its time and its verdict.
func (c *consumer) handled(handlings []meter.Handling, of verdict) {
	defer c.measured.Recover()
	if len(handlings) == 0 {
		return
	}
	now := c.measured.Now()
	for i := range handlings {
		h := &handlings[i]
		if of.givesUp(h.Number()) {
			h.GiveUp(true)
		} else {
			h.DoneAt(of.failed, now)
		}
	}
}

// judge says what the library will do with messages whose handler returned, or did not: it panicked.
func (c *consumer) judge(ctx context.Context, result rmqconsumer.ConsumeResult, err error, returned bool) verdict {
	switch {
	case !returned: // the library gives them again when they have expired
		return verdict{failed: true}
	case result == rmqconsumer.ConsumeSuccess, result == rmqconsumer.Commit:
		return verdict{failed: err != nil}
	case c.broadcasts:
		return verdict{failed: true, givenUpFrom: 1}
	}
	if _, ordered := primitive.GetOrderlyCtx(ctx); ordered {
		if c.maxReconsumeTimes < 0 || result != rmqconsumer.SuspendCurrentQueueAMoment {
			return verdict{failed: true}
		}
		return verdict{failed: true, givenUpFrom: int(c.maxReconsumeTimes) + 2} // it compares by >
	}
	if of, ok := primitive.GetConcurrentlyCtx(ctx); ok && of.DelayLevelWhenNextConsume < 0 {
		return verdict{failed: true, givenUpFrom: 1}
	}
	times := int(c.maxReconsumeTimes)
	if times < 0 {
		times = defaultMaxReconsumeTimes
	}
	return verdict{failed: true, givenUpFrom: times + 1} // the broker compares by >=
}
