package rocketmq

import (
	"context"
	"errors"
	"math"
	"runtime"
	"strings"
	"sync"
	"time"

	rmq "github.com/apache/rocketmq-client-go/v2"
	rmqconsumer "github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"

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
	// retryPrefix is what the names of topics begin with whose messages are tried again.
	retryPrefix = "%RETRY%"
)

// handler is what an application consumes messages with.
type handler = func(context.Context, ...*primitive.MessageExt) (rmqconsumer.ConsumeResult, error)

// measured is a client that the package sdk/rocketmq measures.
type measured interface{ Measured() *meter.Client }

// Hold holds back what one push consumer's handlers are given. Its methods may be called from any goroutine.
type Hold struct {
	commands *applied.Commands
	ended    chan struct{} // closed when the consumer is shut down
	end      func()

	mu        sync.Mutex
	client    *applied.Client // nil before PushConsumer
	namespace string
	topics    map[string]bool // that are subscribed, as brokers know them
	running   map[string]int  // handlers, by topic
}

// NewHold returns a Hold of one push consumer, which holds nothing yet.
func NewHold(by *agent.Agent) *Hold { return newHold(by.Commands()) }

func newHold(commands *applied.Commands) *Hold {
	h := &Hold{commands: commands, ended: make(chan struct{}), topics: map[string]bool{}, running: map[string]int{}}
	h.end = sync.OnceFunc(func() { close(h.ended) })
	return h
}

// Limit is the library's limiter of a consumer whose handlers run concurrently: give it to consumer.WithLimiter. Without it a
// pause is held by the handlers themselves, and what they hold longer than the consumer's timeout (15 min unless it was
// given another) is sent back to the broker and counts as an attempt.
//
// Messages that are tried again come in one topic of the group (%RETRY%), whatever topic they were of: while any of the
// consumer's topics is held, all of those wait.
func (h *Hold) Limit(topic string) {
	topics := []string{h.qualified(topic)}
	if strings.HasPrefix(topic, retryPrefix) {
		topics = h.consumed()
	}
	if !h.await(topics, func(share float64) bool { return share > 0 }) {
		// The library has no way to tell its loop that the consumer was shut down, and would have the message handled.
		runtime.Goexit()
	}
}

// pushConsumer is a push consumer that commands hold back.
type pushConsumer struct {
	rmq.PushConsumer
	hold *Hold
}

// PushConsumer returns a consumer that commands hold back, to be used in place of c from Subscribe on. The error is ErrUnmeasured.
func (h *Hold) PushConsumer(c rmq.PushConsumer, options ...Option) (rmq.PushConsumer, error) {
	of, ok := c.(measured)
	if !ok {
		return nil, ErrUnmeasured
	}
	var o given
	for _, option := range options {
		option(&o)
	}
	client := h.commands.NewClient(of.Measured(), h.consumed).HoldsWhole()
	h.mu.Lock()
	h.client, h.namespace = client, o.namespace
	h.mu.Unlock()
	of.Measured().HeldBack(func(topic string) bool { return client.Share(topic, time.Now()) == 0 })
	h.commands.Add(client)
	return &pushConsumer{c, h}, nil
}

// Subscribe has a topic's messages handled, as far as no command holds them.
func (c *pushConsumer) Subscribe(topic string, selector rmqconsumer.MessageSelector, handle handler) error {
	name := c.hold.qualified(topic)
	if err := c.PushConsumer.Subscribe(topic, selector, c.hold.holdBack(name, handle)); err != nil {
		return err
	}
	c.hold.mu.Lock()
	c.hold.topics[name] = true
	c.hold.mu.Unlock()
	c.hold.commands.Kick()
	return nil
}

// Unsubscribe has a topic's messages no longer handled.
func (c *pushConsumer) Unsubscribe(topic string) error {
	err := c.PushConsumer.Unsubscribe(topic)
	if err == nil {
		c.hold.mu.Lock()
		delete(c.hold.topics, c.hold.name(topic))
		c.hold.mu.Unlock()
	}
	return err
}

// Shutdown ends the consumer. What is held is not handled any more.
func (c *pushConsumer) Shutdown() error {
	err := c.PushConsumer.Shutdown()
	c.hold.Close()
	return err
}

// Close has commands no longer apply to the consumer; what is held is not handled any more. Shutdown of the consumer calls it; who
// never starts that must.
func (h *Hold) Close() {
	h.end()
	h.mu.Lock()
	client := h.client
	h.mu.Unlock()
	if client != nil {
		h.commands.Remove(client)
	}
}

// holdBack is a handler that waits while a command holds its topic.
func (h *Hold) holdBack(topic string, handle handler) handler {
	return func(ctx context.Context, messages ...*primitive.MessageExt) (rmqconsumer.ConsumeResult, error) {
		if !h.await([]string{topic}, func(share float64) bool { return h.begin(topic, share) }) {
			if _, ordered := primitive.GetOrderlyCtx(ctx); ordered {
				return rmqconsumer.SuspendCurrentQueueAMoment, nil
			}
			return rmqconsumer.ConsumeRetryLater, nil
		}
		defer h.done(topic)
		return handle(ctx, messages...)
	}
}

// begin counts a handler where one more may run.
func (h *Hold) begin(topic string, share float64) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if share < 1 && (share <= 0 || h.running[topic] >= int(math.Ceil(share*concurrency))) {
		return false
	}
	h.running[topic]++
	return true
}

func (h *Hold) done(topic string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.running[topic]--; h.running[topic] == 0 {
		delete(h.running, topic)
	}
}

// await waits until so much of topics may be handled, of the one of which least may, as a function wants; false says that the
// consumer was shut down before.
func (h *Hold) await(topics []string, enough func(share float64) bool) bool {
	h.mu.Lock()
	client := h.client
	h.mu.Unlock()
	if client == nil {
		return true
	}
	for {
		changed := client.Changed()
		select { // what is lifted by then is lifted since the consumer was shut down
		case <-h.ended:
			return false
		default:
		}
		share := 1.0
		for _, topic := range topics {
			share = min(share, client.Share(topic, time.Now()))
		}
		if enough(share) {
			return true
		}
		if !h.pass(changed, share) {
			return false
		}
	}
}

// pass waits until what is held may have changed; false says that the consumer was shut down.
func (h *Hold) pass(changed <-chan struct{}, share float64) bool {
	var later <-chan time.Time
	if share > 0 {
		timer := time.NewTimer(step)
		defer timer.Stop()
		later = timer.C
	}
	select {
	case <-h.ended:
		return false
	case <-changed:
	case <-later:
	}
	return true
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
	return h.name(topic)
}

// name is qualified; h.mu is held.
func (h *Hold) name(topic string) string { return qualified(h.namespace, topic) }
