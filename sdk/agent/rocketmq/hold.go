package rocketmq

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"time"

	rmqconsumer "github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"

	"github.com/weirmq/weir/remoting"
	"github.com/weirmq/weir/sdk/agent"
	"github.com/weirmq/weir/sdk/internal/applied"
	"github.com/weirmq/weir/sdk/internal/meter"
)

// ErrUnmeasured is what wrapping returns of a client that the package sdk/rocketmq does not measure: commands ask for the
// labels of reports.
var ErrUnmeasured = errors.New("the client is not measured: wrap it by sdk/rocketmq first")

const (
	// concurrency is how many handlers of a topic run at most while a pause is being released. Not fewer: the library runs 20
	// of a topic unless it is told otherwise; not more: after the ramp all run anyway.
	concurrency = 20
	// step is how often it is asked whether one more may run. Not more often: a ramp takes seconds; not less: it would be seen.
	step = 100 * time.Millisecond
	// withoutOptions is why a consumer that was made without Options refuses commands that name queues.
	withoutOptions = "this consumer cannot hold back single queues, which would keep the library's handlers from the others: name the topic alone, or make it with Hold.Options"
)

// handler is what an application consumes messages with.
type handler = func(context.Context, ...*primitive.MessageExt) (rmqconsumer.ConsumeResult, error)

// measured is a client that the package sdk/rocketmq measures.
type measured interface{ Measured() *meter.Client }

// Hold holds back what one push consumer's handlers are given, or what one pull consumer gives. Its methods may be called from any goroutine.
type Hold struct {
	commands *applied.Commands
	ended    chan struct{} // closed when the consumer is shut down
	end      func()
	handlers int // of a topic at once, where single queues are held; 0: only whole topics are
	strategy rmqconsumer.AllocateStrategy

	mu        sync.Mutex
	client    *applied.Client // nil before PushConsumer or PullConsumer
	namespace string
	topics    map[string]bool                          // that are subscribed, as brokers know them
	running   map[string]int                           // handlers, by line
	freed     chan struct{}                            // closed when one has returned
	owned     map[primitive.MessageQueue]chan struct{} // closed when the consumer loses the queue; nil before it was told of any
	// leaveOut leaves out of a topic's queues those that a pull consumer does without meanwhile; nil is of a push consumer.
	leaveOut func(topic string, mine []*primitive.MessageQueue) []*primitive.MessageQueue
}

// NewHold returns a Hold of one consumer, which holds nothing yet.
func NewHold(by *agent.Agent) *Hold { return newHold(by.Commands()) }

func newHold(commands *applied.Commands) *Hold {
	h := &Hold{commands: commands, ended: make(chan struct{}), topics: map[string]bool{}, running: map[string]int{}, freed: make(chan struct{})}
	h.end = sync.OnceFunc(func() { close(h.ended) })
	return h
}

// Limit is the library's limiter of a consumer whose handlers run concurrently: give it to consumer.WithLimiter, or use Options. Without
// it a pause is held by the handlers themselves, each of which keeps one of the library's from other topics and queues.
//
// Messages that are tried again come in one topic of the group (%RETRY%), whatever topic they were of: while any of the
// consumer's topics is held, all of those wait, unless the consumer was made with Options.
func (h *Hold) Limit(topic string) {
	name := h.qualified(topic)
	w := wait{share: func(c *applied.Client, now time.Time) float64 { return c.Share(name, now) }, enough: func(share float64) bool { return share > 0 }}
	switch retried := remoting.IsRetryTopic(topic); {
	case h.handlers > 0 && retried:
		return // the handlers know which topic they are of
	case h.handlers > 0:
		w.enough = func(share float64) bool { return share > 0 && h.room(name) }
	case retried:
		topics := h.consumed()
		w.share = func(c *applied.Client, now time.Time) float64 {
			share := 1.0
			for _, topic := range topics {
				share = min(share, c.Share(topic, now))
			}
			return share
		}
	}
	if h.await(&w) == over {
		// The library has no way to tell its loop that the consumer was shut down, and would have the message handled.
		runtime.Goexit()
	}
}

// newClient is the client that is held, as it is measured, before commands apply to it.
func (h *Hold) newClient(measured *meter.Client, namespace string) *applied.Client {
	client := h.commands.NewClient(measured, h.consumed)
	if h.handlers == 0 {
		client.HoldsWhole(withoutOptions)
	}
	h.mu.Lock()
	h.client, h.namespace = client, namespace
	h.mu.Unlock()
	measured.HeldBack(func(topic string) bool { return client.Share(topic, time.Now()) == 0 })
	return client
}

// steered is the client that is held; nil before there is one.
func (h *Hold) steered() *applied.Client {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.client
}

// consume has a topic be subscribed: commands hold it before anything of it is given.
func (h *Hold) consume(topic string, subscribe func() error) error {
	name := h.qualified(topic)
	h.consumes(name, true)
	h.commands.Apply(h.steered())
	err := subscribe()
	if err != nil {
		h.consumes(name, false)
	}
	return err
}

// leave has a topic no longer be subscribed.
func (h *Hold) leave(topic string, unsubscribe func(string) error) error {
	err := unsubscribe(topic)
	if err == nil {
		h.consumes(h.qualified(topic), false)
	}
	return err
}

// consumes notes that a topic is subscribed, or no longer.
func (h *Hold) consumes(topic string, is bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if is {
		h.topics[topic] = true
	} else {
		delete(h.topics, topic)
	}
}

// consumed are the topics that are subscribed.
func (h *Hold) consumed() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	out := make([]string, 0, len(h.topics))
	for topic := range h.topics {
		out = append(out, topic)
	}
	return out
}

// qualified is a topic's name as brokers know it, and reports.
func (h *Hold) qualified(topic string) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return remoting.InNamespace(h.namespace, topic)
}
