package rocketmq

import (
	"context"
	"maps"
	"math"
	"slices"
	"time"

	rmqconsumer "github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"

	"github.com/weirmq/weir/remoting"
)

// share is how much of a queue's messages may be given.
func (p *pullConsumer) share(queue *primitive.MessageQueue, now time.Time) float64 {
	if !remoting.IsRetryTopic(queue.Topic) {
		return p.client.PartitionShare(p.hold.qualified(queue.Topic), int32(queue.QueueId), now)
	}
	share := 1.0
	for _, topic := range p.hold.consumed() {
		share = min(share, retryShare(p.client, topic, now))
	}
	return share
}

// allHeld says whether all is held that is consumed.
func (p *pullConsumer) allHeld(now time.Time) bool {
	topics := p.hold.consumed()
	for _, topic := range topics {
		if p.client.Share(topic, now) > 0 {
			return false
		}
	}
	return len(topics) > 0
}

// keep notes a batch of the library's. The next that may be given is given.
func (p *pullConsumer) keep(request *rmqconsumer.ConsumeRequest) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.kept = append(p.kept, request)
}

// next is the first batch that may be given; nil where none may.
func (p *pullConsumer) next() *rmqconsumer.ConsumeRequest {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	// What was dropped another consumer is given, or this one when it has the queue again.
	p.kept = slices.DeleteFunc(p.kept, func(request *rmqconsumer.ConsumeRequest) bool { return request.GetPQ().IsDroppd() })
	for i, request := range p.kept {
		queue := request.GetMQ()
		share := p.share(queue, now)
		if share <= 0 || share < 1 && p.given() >= int(math.Ceil(share*concurrency)) {
			continue
		}
		p.kept = slices.Delete(p.kept, i, i+1)
		p.unacknowledged[*queue]++
		return request
	}
	return nil
}

// given are the batches that the program has; p.mu is held.
func (p *pullConsumer) given() (sum int) {
	for _, count := range p.unacknowledged {
		sum += count
	}
	return sum
}

// full says that no more is taken of the library: where queues are not left out, what is held may fill what it has in hand.
func (p *pullConsumer) full() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.kept) >= mostKept
}

// ACK says what came of messages that were polled.
func (p *pullConsumer) ACK(ctx context.Context, request *rmqconsumer.ConsumeRequest, result rmqconsumer.ConsumeResult) {
	p.PullConsumer.ACK(ctx, request, result)
	if request == nil || request.GetMQ() == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	queue := *request.GetMQ()
	if p.unacknowledged[queue]--; p.unacknowledged[queue] <= 0 {
		delete(p.unacknowledged, queue)
	}
}

// leaveOut are the queues of a topic that the consumer should have, without those that are held.
func (p *pullConsumer) leaveOut(topic string, mine []*primitive.MessageQueue) []*primitive.MessageQueue {
	now := time.Now()
	all := p.allHeld(now)
	p.mu.Lock()
	defer p.mu.Unlock()
	out := map[primitive.MessageQueue]bool{}
	var has []*primitive.MessageQueue
	for _, queue := range mine {
		if p.leaves(queue, all, now) {
			out[*queue] = true
		} else {
			has = append(has, queue)
		}
	}
	maps.DeleteFunc(p.out, func(queue primitive.MessageQueue, _ bool) bool { return queue.Topic == topic })
	maps.Copy(p.out, out)
	return has
}

// leaves says whether a queue is to be left out: once the program has acknowledged what it was given of it, or more is kept of it than may be.
func (p *pullConsumer) leaves(queue *primitive.MessageQueue, all bool, now time.Time) bool {
	if all || p.share(queue, now) > 0 {
		return false
	}
	kept := 0
	for _, request := range p.kept {
		if *request.GetMQ() == *queue {
			kept++
		}
	}
	return p.out[*queue] || p.unacknowledged[*queue] == 0 || kept >= mostKept/2
}

// shareOut has the library share out the queues anew where what is held has changed which are left out.
func (p *pullConsumer) shareOut(all bool) {
	by, ok := p.PullConsumer.(interface{ Rebalance() })
	if !ok || p.hold.handlers == 0 {
		return
	}
	now := time.Now()
	p.mu.Lock()
	differs := false
	for queue := range p.out {
		differs = differs || !p.leaves(&queue, all, now)
	}
	for _, request := range p.kept {
		differs = differs || !p.out[*request.GetMQ()] && p.leaves(request.GetMQ(), all, now)
	}
	differs = differs && now.Sub(p.looked) >= lookEvery // one that did not help is not repeated at once
	if differs {
		p.looked = now
	}
	p.mu.Unlock()
	if differs {
		by.Rebalance()
	}
}

// leavesSome says that queues are left out.
func (p *pullConsumer) leavesSome() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.out) > 0
}
