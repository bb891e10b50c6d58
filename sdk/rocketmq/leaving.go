package rocketmq

import (
	"fmt"
	"time"

	rmq "github.com/apache/rocketmq-client-go/v2"
	rmqconsumer "github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"
)

// settleWait is between Suspend, after which the library begins no rebalance, and Shutdown, which writes without a lock what
// rebalances read. Not shorter: one that is under way asks brokers for offsets; not longer: who ends a program waits.
const settleWait = time.Second

// leave ends the library's consumer. What waits is let go of when the library has dropped its queues: then it
// does not look at what is said of it, and gives it to another member.
func (r *receiver) leave(client rmq.PushConsumer) error {
	client.Suspend()
	<-time.After(settleWait) // what was handled is noted meanwhile
	adapter.lines.Load()     // the library's pulls have told that they stand still
	r.giveBack()
	err := client.Shutdown()
	r.letGo()
	if err != nil {
		return fmt.Errorf("end a consumer of RocketMQ: %w", err)
	}
	return nil
}

// letGo answers the library's calls of which nothing comes, those that wait and those that come late. ctx of Run has ended.
func (r *receiver) letGo() {
	close(r.released)
	r.line.end()
}

// awaitOrdered waits for what is handled in place. ctx of Run has ended: none begins behind it.
func (r *receiver) awaitOrdered() {
	r.ordered.Lock()
	defer r.ordered.Unlock()
}

// allocate shares a topic's queues out as the library does unless told otherwise, until the consumer leaves. The brokers are told first how far each queue
// is: once the library drops one it tells of that alone, and forgets how far the others are.
func (r *receiver) allocate(group, client string, all []*primitive.MessageQueue, members []string) []*primitive.MessageQueue {
	if c, ok := r.plain().(interface{ PersistConsumerOffset() error }); ok {
		_ = c.PersistConsumerOffset() // it fails before the start alone
	}
	if r.leaving.Load() {
		return nil
	}
	return rmqconsumer.AllocateByAveragely(group, client, all, members)
}

// giveBack has the library drop all queues by a rebalance of its own. Left with queues, Shutdown closes their channels while pulls may write to them: a pull
// waits to do so wherever the handler is that far behind. Where the brokers cannot be asked who is in the group, queues stay.
func (r *receiver) giveBack() {
	r.leaving.Store(true)
	if c, ok := r.plain().(interface{ Rebalance() }); ok {
		c.Rebalance()
	}
}

// plain is the library's consumer; nil before there is one.
func (r *receiver) plain() rmq.PushConsumer {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.client
}
