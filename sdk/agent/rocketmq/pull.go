package rocketmq

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	rmq "github.com/apache/rocketmq-client-go/v2"
	rmqconsumer "github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"

	"github.com/weirmq/weir/sdk/internal/applied"
)

// ErrPaused is what Pull and PullFrom of a pull consumer return where their context ends while a command holds what is pulled, with its error, or the
// consumer is shut down.
var ErrPaused = errors.New("consumption is paused by a command")

// errShutDown is why nobody waits any more for what is held.
var errShutDown = errors.New("the consumer was shut down")

const (
	// mostKept bounds the batches of one queue that are kept while a command holds it. Not fewer: the library may have some in hand for each queue
	// when a pause begins; not more: each has up to 32 messages.
	mostKept = 64
	// lookEvery is how often a poll looks after what is held. Not more often: pauses end by a second's clock; not less: that would be seen.
	lookEvery = 500 * time.Millisecond
	// atOnce is how many queues that are held Pull passes over before it waits. Not fewer: those behind them would wait; not more: each is asked of the broker.
	atOnce = 16

	assigned   = "the queues of this consumer are assigned by its program: name the topic alone"
	broadcasts = "this consumer has all queues, as all of its group have: name the topic alone"
)

// pullGate is a pull consumer that is measured, and measures what comes through a gate.
type pullGate interface {
	GatePull(func(rmq.PullConsumer) rmq.PullConsumer)
}

// PullConsumer has commands hold back what a pull consumer gives, and returns it; the package sdk/rocketmq measures it. It is used from Subscribe on.
//
// While a command holds all that is consumed, Poll gives nothing, and the library's ErrNoNewMsg when its time is over; Pull and PullFrom wait, and
// return ErrPaused when their context ends. Offsets stay where they are. Of a consumer that was made with Options and subscribes, a queue or topic that is
// held beside others is none of its own meanwhile: what the library has fetched of it is dropped when the batches that the program was given of it are
// acknowledged, and comes again from the group's offset. The error is ErrUnmeasured.
func (h *Hold) PullConsumer(c rmq.PullConsumer, options ...Option) (rmq.PullConsumer, error) {
	of, ok := c.(measured)
	gate, gates := c.(pullGate)
	if !ok || !gates {
		return nil, ErrUnmeasured
	}
	client := h.newClient(of.Measured(), givenBy(options).namespace)
	p := &pullConsumer{hold: h, client: client, unacknowledged: map[primitive.MessageQueue]int{}, out: map[primitive.MessageQueue]bool{}}
	h.mu.Lock()
	h.leaveOut = p.leaveOut
	h.mu.Unlock()
	gate.GatePull(func(plain rmq.PullConsumer) rmq.PullConsumer {
		p.PullConsumer = plain
		if model, ok := plain.(interface{ GetModel() string }); ok && model.GetModel() == rmqconsumer.BroadCasting.String() {
			client.HoldsWhole(broadcasts)
		}
		return p
	})
	h.commands.Add(client)
	return c, nil
}

// pullConsumer is a pull consumer that commands hold back.
type pullConsumer struct {
	rmq.PullConsumer
	hold   *Hold
	client *applied.Client

	mu             sync.Mutex
	kept           []*rmqconsumer.ConsumeRequest   // that the library gave of what is held
	unacknowledged map[primitive.MessageQueue]int  // batches that the program has
	out            map[primitive.MessageQueue]bool // queues that the consumer should have and leaves out
	looked         time.Time                       // when queues were shared out because of what is held
}

// Subscribe consumes a topic, as far as no command holds it.
func (p *pullConsumer) Subscribe(topic string, selector rmqconsumer.MessageSelector) error {
	return p.hold.consume(topic, func() error { return p.PullConsumer.Subscribe(topic, selector) })
}

// Assign consumes queues of a topic, as far as no command holds that.
func (p *pullConsumer) Assign(topic string, queues []*primitive.MessageQueue) error {
	p.client.HoldsWhole(assigned)
	return p.hold.consume(topic, func() error { return p.PullConsumer.Assign(topic, queues) })
}

// Unsubscribe consumes a topic no longer.
func (p *pullConsumer) Unsubscribe(topic string) error {
	return p.hold.leave(topic, p.PullConsumer.Unsubscribe)
}

// Shutdown ends the consumer.
func (p *pullConsumer) Shutdown() error {
	err := p.PullConsumer.Shutdown()
	p.hold.Close()
	return err
}

// Poll returns messages of one queue that nothing holds.
func (p *pullConsumer) Poll(ctx context.Context, timeout time.Duration) (*rmqconsumer.ConsumeRequest, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	for {
		changed := p.client.Changed()
		all := p.allHeld(time.Now())
		p.shareOut(all)
		if request := p.next(); request != nil {
			return request, nil
		}
		if all || p.full() {
			if p.pass(ctx, changed) != nil {
				return nil, rmqconsumer.ErrNoNewMsg
			}
			continue
		}
		wait := timeout
		if len(p.client.Holds()) > 0 || p.leavesSome() {
			wait = min(timeout, lookEvery)
		}
		request, err := p.poll(ctx, wait, changed)
		switch {
		case err == nil && request != nil:
			p.keep(request)
		case ctx.Err() != nil:
			return nil, rmqconsumer.ErrNoNewMsg
		case err != nil && !rmqconsumer.IsNoNewMsgError(err):
			return nil, err
		}
	}
}

// poll is the library's Poll, which ends as well when what is held has changed.
func (p *pullConsumer) poll(ctx context.Context, wait time.Duration, changed <-chan struct{}) (*rmqconsumer.ConsumeRequest, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	over := make(chan struct{})
	var watching sync.WaitGroup
	watching.Go(func() {
		select {
		case <-changed:
			cancel()
		case <-over:
		}
	})
	request, err := p.PullConsumer.Poll(ctx, wait)
	close(over)
	watching.Wait()
	return request, err
}

// pass waits until what is held may have changed; the error says that ctx has ended, or the consumer.
func (p *pullConsumer) pass(ctx context.Context, changed <-chan struct{}) error {
	timer := time.NewTimer(lookEvery)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-p.hold.ended:
	case <-changed:
	case <-timer.C:
	}
	select { // what is lifted by then is lifted since the consumer was shut down
	case <-p.hold.ended:
		return errShutDown
	default:
		return nil
	}
}

// Pull returns messages of the next queue that is not held.
func (p *pullConsumer) Pull(ctx context.Context, numbers int) (*primitive.PullResult, error) {
	return p.pull(ctx, func(all bool) bool { return all },
		func() (*primitive.PullResult, error) { return p.PullConsumer.Pull(ctx, numbers) })
}

// PullFrom returns messages of a queue when it is not held.
func (p *pullConsumer) PullFrom(ctx context.Context, queue *primitive.MessageQueue, offset int64, numbers int) (*primitive.PullResult, error) {
	return p.pull(ctx, func(bool) bool { return queue != nil && p.share(queue, time.Now()) == 0 },
		func() (*primitive.PullResult, error) { return p.PullConsumer.PullFrom(ctx, queue, offset, numbers) })
}

// pull pulls when nothing holds all that could come; held is told whether all is held that is consumed. What comes of a queue that is held is thrown away: no
// offset has moved.
func (p *pullConsumer) pull(ctx context.Context, held func(all bool) bool, pull func() (*primitive.PullResult, error)) (*primitive.PullResult, error) {
	for tries := 1; ; tries++ {
		changed := p.client.Changed()
		all := p.allHeld(time.Now())
		p.shareOut(all)
		if !held(all) {
			result, err := pull()
			if err != nil || result == nil || !p.holds(result) {
				return result, err
			}
			if tries%atOnce != 0 && ctx.Err() == nil {
				continue // the next queue
			}
		}
		if err := p.pass(ctx, changed); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrPaused, err)
		}
	}
}

// holds says whether what was pulled is of a queue that is held by now.
func (p *pullConsumer) holds(result *primitive.PullResult) bool {
	messages := result.GetMessageExts()
	return len(messages) > 0 && messages[0].Queue != nil && p.share(&primitive.MessageQueue{Topic: messages[0].Topic, QueueId: messages[0].Queue.QueueId}, time.Now()) == 0
}
