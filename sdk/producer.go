package weir

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// flushWait is how long a move waits for what is being sent to the old place. Not shorter: a broker that
// is restarted is away for so long; not longer: a cluster that is left because it is dead holds up all that follows.
const flushWait = 30 * time.Second

// production is what a producer needs.
type production struct{ maxDelay time.Duration }

// ProducerOption says what a producer needs.
type ProducerOption func(*production)

// MaxDelay says that the producer sends delayed messages, and how long they are delayed at most. Of
// systems, RocketMQ has delays; it rounds them up to the broker's levels.
func MaxDelay(most time.Duration) ProducerOption { return func(p *production) { p.maxDelay = most } }

// Producer sends to one resource. Its methods may be called from any goroutine.
type Producer struct {
	following
	needs production
	stop  context.CancelFunc
	done  sync.WaitGroup
	gate  gate
	// sender is read inside of the gate, and changed while nobody is: or, beside, under mu.
	sender Sender
}

// Producer opens a producer of a resource. It does not wait for the cluster. The error is ErrUnknownResource,
// or ErrLacks for what the resource's system cannot do, and then names the alternatives.
func (c *Client) Producer(id string, options ...ProducerOption) (*Producer, error) {
	p := &Producer{}
	for i, option := range options {
		if option == nil {
			return nil, fmt.Errorf("open a producer of %q: %w", id, errNilOption(i))
		}
		option(&p.needs)
	}
	route, _, err := c.config.Directory.Resolve(c.query(id))
	if err != nil {
		return nil, fmt.Errorf("open a producer: %w", err)
	}
	p.following = following{client: c, id: id, log: c.log.With("resource", id), state: State{Route: route, Settled: true}}
	if p.sender, err = p.openSender(route); err != nil {
		return nil, fmt.Errorf("open a producer of %q: %w", id, err)
	}
	if err := c.add(p); err != nil {
		p.sender.Close()
		return nil, fmt.Errorf("open a producer of %q: %w", id, err)
	}
	ctx, stop := context.WithCancel(context.Background())
	p.stop = stop
	p.done.Go(func() { p.follow(ctx, p.move) })
	return p, nil
}

func (p *Producer) openSender(at Route) (Sender, error) {
	system, err := p.client.system(&at)
	if err != nil {
		return nil, err
	}
	config := SenderConfig{Route: at, Reporter: p.client.reporter, Control: p.client.config.Control, Log: p.log, MaxDelay: p.needs.maxDelay}
	if err := system.CheckSender(config); err != nil {
		return nil, err
	}
	return system.OpenSender(config)
}

// Send sends messages and waits until each is acknowledged or has failed. The error is a *BatchError that
// names those that failed, or says why none was sent. Whether a message that failed by the end of ctx or
// by a connection that broke is in the topic nobody knows.
//
// Messages of one key are sent in the order in which they are given; those of several calls at once are in any.
func (p *Producer) Send(ctx context.Context, messages ...*Message) error {
	if len(messages) == 0 {
		return nil
	}
	if err := p.check(messages); err != nil {
		return fmt.Errorf("send to %q: %w", p.id, err)
	}
	if err := p.gate.enter(ctx); err != nil {
		return fmt.Errorf("send to %q: %w", p.id, err)
	}
	defer p.gate.leave()
	if failed := p.sender.Send(ctx, messages); failed != nil {
		return fmt.Errorf("send to %q: %w", p.id, failed)
	}
	return nil
}

// check holds that all messages can be sent; none is where one cannot.
func (p *Producer) check(messages []*Message) error {
	var failed *BatchError
	for i, m := range messages {
		switch {
		case m == nil:
			failed = failed.Fail(i, len(messages), errors.New("it is nil"))
		case m.Delay > p.needs.maxDelay:
			failed = failed.Fail(i, len(messages), fmt.Errorf("its delay is %s: the producer was opened for at most %s; open it with weir.MaxDelay", m.Delay, p.needs.maxDelay))
		case m.Delay < 0:
			failed = failed.Fail(i, len(messages), fmt.Errorf("its delay is %s: 0 is the least", m.Delay))
		}
	}
	if failed == nil {
		return nil
	}
	return failed
}

// move has what comes sent to another place: what is being sent is finished first.
func (p *Producer) move(ctx context.Context, to Route) error {
	next, err := p.openSender(to)
	if err != nil {
		return err
	}
	ready, cancel := context.WithTimeout(ctx, readyWait)
	defer cancel()
	if err := next.Ready(ready); err != nil {
		next.Close()
		return err
	}
	p.gate.close()
	flush, cancel := context.WithTimeout(ctx, flushWait)
	flushed := p.gate.wait(flush)
	cancel()
	if !flushed && ctx.Err() != nil { // the producer is closed
		p.gate.open()
		next.Close()
		return ctx.Err()
	}
	last := p.sender
	if !flushed {
		p.log.Warn("the old place did not acknowledge in time what was sent: it is told as failed", "waited", flushWait)
		last.Close()
		p.gate.wait(context.Background())
	}
	p.mu.Lock()
	p.sender = next
	p.mu.Unlock()
	p.moved(to)
	p.gate.open()
	if flushed {
		last.Close()
	}
	return nil
}

// Native is the client that messages are sent with, of the system's library: *kgo.Client or
// rocketmq.Producer. A move replaces it.
func (p *Producer) Native() any {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.sender.Native()
}

// Close waits until what is being sent is acknowledged or has failed, and ends the producer. Where ctx
// ends before, what is left fails. A second Close does nothing.
func (p *Producer) Close(ctx context.Context) error {
	if !p.gate.end() {
		return nil
	}
	p.client.forget(p)
	p.stop()
	p.done.Wait()
	flushed := p.gate.wait(ctx)
	p.sender.Close()
	if !flushed {
		p.gate.wait(context.Background())
		return fmt.Errorf("close the producer of %q: %w while messages were being sent; they failed", p.id, context.Cause(ctx))
	}
	return nil
}
