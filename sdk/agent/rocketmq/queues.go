package rocketmq

import (
	"context"

	rmqconsumer "github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"

	"github.com/weirmq/weir/remoting"
)

// mostHandlers is the library's own bound of handlers of a topic where the Hold has one. Not fewer: a handler that is held counts, and each queue has up to a
// thousand; not more: the library takes no more.
const mostHandlers = 100_000

// Options are those to make a consumer with of which single queues can be held: give them to rmq.NewPushConsumer after the program's own, of
// which they take the place of WithLimiter, WithConsumeGoroutineNums and WithStrategy.
//
// handlers is how many handlers of a topic run at once, 0 the library's 20; strategy shares queues out among the consumers of the group, nil is the
// library's. The library knows queues only when it calls a handler, so that a handler waits for each message of a queue that is held: some KiB of
// memory for each that the library may cache (WithPullThresholdForQueue, 1,024 unless told otherwise). When the queue becomes another consumer's,
// they are forgotten here, and given there.
func (h *Hold) Options(handlers int, strategy rmqconsumer.AllocateStrategy) []rmqconsumer.Option {
	if handlers <= 0 {
		handlers = concurrency
	}
	if strategy == nil {
		strategy = rmqconsumer.AllocateByAveragely
	}
	h.handlers, h.strategy = handlers, strategy
	return []rmqconsumer.Option{rmqconsumer.WithLimiter(h.Limit), rmqconsumer.WithConsumeGoroutineNums(mostHandlers), rmqconsumer.WithStrategy(h.allocate)}
}

// allocate shares out the queues of a topic, and notes which are this consumer's. The library drops those that are not right after.
func (h *Hold) allocate(group, client string, all []*primitive.MessageQueue, members []string) []*primitive.MessageQueue {
	mine := h.strategy(group, client, all, members)
	if len(all) == 0 {
		return mine
	}
	h.mu.Lock()
	leaveOut := h.leaveOut
	h.mu.Unlock()
	if leaveOut != nil {
		return leaveOut(all[0].Topic, mine)
	}
	h.own(all[0].Topic, mine)
	return mine
}

// own notes which queues of a topic are this consumer's.
func (h *Hold) own(topic string, mine []*primitive.MessageQueue) {
	h.mu.Lock()
	defer h.mu.Unlock()
	keep := map[primitive.MessageQueue]bool{}
	for _, queue := range mine {
		keep[*queue] = true
	}
	for queue, lost := range h.owned {
		if queue.Topic == topic && !keep[queue] {
			close(lost)
			delete(h.owned, queue)
		}
	}
	if h.owned == nil {
		h.owned = map[primitive.MessageQueue]chan struct{}{}
	}
	for queue := range keep {
		if h.owned[queue] == nil {
			h.owned[queue] = make(chan struct{})
		}
	}
}

// alreadyLost is of queues that are lost.
var alreadyLost = func() <-chan struct{} {
	lost := make(chan struct{})
	close(lost)
	return lost
}()

// placeOf is where messages come from that the library gives a handler.
func (h *Hold) placeOf(ctx context.Context, topic string) place {
	at := place{topic: topic, line: topic}
	queue := primitive.MessageQueue{}
	if of, ok := primitive.GetOrderlyCtx(ctx); ok {
		queue, at.ordered = of.MQ, true
	} else if of, ok := primitive.GetConcurrentlyCtx(ctx); ok {
		queue = of.MQ
	}
	at.queue = int32(queue.QueueId)
	if h.handlers > 0 && remoting.IsRetryTopic(queue.Topic) {
		at.retried, at.line = true, remoting.RetryTopicPrefix+topic
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.owned != nil && queue.Topic != "" { // nobody shares out queues that all consumers have
		at.lost = alreadyLost
		if lost := h.owned[queue]; lost != nil {
			at.lost = lost
		}
	}
	return at
}
