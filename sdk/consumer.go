package weir

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"time"
)

// Handler handles messages. Those that an error names fail: all, or those in a *BatchError about the batch. They are given
// again, and with them the later ones of their keys in the batch, whatever is said of those. The context
// ends when the consumer has been told to end and Grace is over.
type Handler func(ctx context.Context, batch []*Delivery) error

// Each is a handler of one message after the other. Where one fails, the later ones of its key in the batch are
// left for the next time.
func Each(handle func(context.Context, *Delivery) error) Handler {
	return func(ctx context.Context, batch []*Delivery) error {
		var failed *BatchError
		held := map[string]bool{}
		for i, d := range batch {
			if len(d.Key) > 0 && held[string(d.Key)] {
				failed = failed.Fail(i, len(batch), errBehind)
				continue
			}
			if err := handle(ctx, d); err != nil {
				failed = failed.Fail(i, len(batch), err)
				held[string(d.Key)] = true
			}
		}
		if failed == nil {
			return nil
		}
		return failed
	}
}

// errBehind is of a message that Each did not handle, since one of its key before it failed.
var errBehind = errors.New("a message of its key before it failed")

// IsBehind says that a message was not handled at all since one of its key before it failed: that is no
// attempt of its own.
func IsBehind(err error) bool {
	for ; err != nil; err = errors.Unwrap(err) { // not in a BatchError about other messages
		if err == errBehind {
			return true
		}
	}
	return false
}

// Consumer consumes a resource for a group.
type Consumer struct {
	following
	group       string
	consumption Consumption

	ended context.Context
	end   context.CancelFunc
	idle  chan struct{} // holds one value while Run does not run

	receiver Receiver // of the newest place; under mu; nil before Run
	places   []Route  // that are read, while it runs; under mu
}

// reads are the places that it reads; before Run the one that it is to read.
func (c *Consumer) reads() []Route {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.places) == 0 {
		return []Route{c.state.Route}
	}
	return slices.Clone(c.places)
}

// Consumer opens a consumer of a resource for a group. It does not wait for the cluster, and receives
// nothing before Run. The error is ErrUnknownResource, or ErrLacks for what the resource's system cannot do,
// and then names the alternatives.
func (c *Client) Consumer(id, group string, options ...ConsumerOption) (*Consumer, error) {
	fail := func(err error) (*Consumer, error) {
		return nil, fmt.Errorf("open a consumer of %q for group %q: %w", id, group, err)
	}
	if group == "" {
		return fail(errors.New("the group has no name: give it one"))
	}
	consumption, err := consumptionOf(options)
	if err != nil {
		return fail(err)
	}
	route, _, err := c.config.Directory.Resolve(c.query(id))
	if err != nil {
		return fail(err)
	}
	out := &Consumer{group: group, consumption: consumption, idle: make(chan struct{}, 1)}
	out.idle <- struct{}{}
	out.following = following{client: c, id: id, log: c.log.With("resource", id, "group", group), state: State{Route: route, Settled: true}}
	out.ended, out.end = context.WithCancel(context.Background())
	system, err := c.system(&route)
	if err == nil {
		err = system.CheckReceiver(out.receiverConfig(route))
	}
	if err == nil {
		err = c.add(out)
	}
	if err != nil {
		out.end()
		return fail(err)
	}
	return out, nil
}

func (c *Consumer) receiverConfig(at Route) ReceiverConfig {
	return ReceiverConfig{Resource: c.id, Route: at, Group: c.group, Reporter: c.client.reporter, Control: c.client.config.Control, Log: c.log, Consumption: c.consumption}
}

// Run gives messages to handle until ctx ends or the consumer is closed. It then waits for handlers that
// are at work, notes what they handled, leaves the group and returns nil. The error says why it cannot go on.
//
// A message that fails is given again up to Attempts times, and then is a dead letter, unless the consumer
// was opened otherwise. Messages may be given more than once: after a crash, and where partitions or queues go from one
// member of the group to another while they are handled.
//
//   - On Kafka, messages of one key are given in order; one that fails holds up those behind it in its batch
//     that have its key, and the partition until the batch is through.
//   - On RocketMQ the broker gives a message that failed again later, after others of its key; messages of one
//     key are in no order. With Ordered they are, while their queue stays with the member: one at a time, and one that fails holds up its queue.
//
// Where the resource moves, what is in the old place is finished first: see docs/sdk.md.
func (c *Consumer) Run(ctx context.Context, handle Handler) error {
	select {
	case <-c.idle:
	default:
		return fmt.Errorf("run the consumer of %q: it runs already; open another one", c.id)
	}
	defer func() { c.idle <- struct{}{} }()
	if c.ended.Err() != nil {
		return fmt.Errorf("run the consumer of %q: %w", c.id, ErrClosed)
	}
	if handle == nil { // each batch would fail until it is dead letters
		return fmt.Errorf("run the consumer of %q: the handler is nil: give it one", c.id)
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	defer context.AfterFunc(c.ended, stop)()
	work, expire := context.WithCancel(context.WithoutCancel(ctx))
	defer expire()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(c.consumption.Grace, expire) })()
	r := newRun(c, c.guarded(work, handle))
	if err := r.conduct(ctx); err != nil {
		return fmt.Errorf("consume %q for group %q: %w", c.id, c.group, err)
	}
	return nil
}

// givenKey is of the function of WhenGiven in a context.
type givenKey struct{}

// WhenGiven is for packages that bring a [System], to count by: the handler that Run of a [Receiver] is given, called with the context that is
// returned, calls given just before messages are with the program's own handler, and not where it returns ErrNotHandled. Until then they may wait.
func WhenGiven(ctx context.Context, given func()) context.Context {
	return context.WithValue(ctx, givenKey{}, given)
}

// Given calls what WhenGiven was told to call. It is for whoever makes a handler for Run of a [Receiver].
func Given(ctx context.Context) {
	if given, ok := ctx.Value(givenKey{}).(func()); ok {
		given()
	}
}

// guarded is the handler that receivers call: of all of them no more are at work than Concurrency allows. A panic is a
// failure of the whole batch, so that a message which brings it about ends as a dead letter and not the program.
func (c *Consumer) guarded(work context.Context, handle Handler) Handler {
	slots := make(chan struct{}, c.consumption.Concurrency)
	return func(ctx context.Context, batch []*Delivery) (err error) {
		if ctx.Err() != nil { // a slot may be free, too
			return ErrNotHandled
		}
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			return ErrNotHandled
		}
		defer func() { <-slots }()
		defer func() {
			if v := recover(); v != nil {
				c.log.Error("the handler panics", "panic", v, "stack", string(debug.Stack()))
				err = fmt.Errorf("the handler panics: %v", v)
			}
		}()
		Given(ctx)
		return handle(work, batch)
	}
}

// Native is the client that messages are received with, of the system's library: *kgo.Client or
// rocketmq.PushConsumer; nil before Run. A move replaces it.
func (c *Consumer) Native() any {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.receiver == nil {
		return nil
	}
	return c.receiver.Native()
}

// Close has Run end, and waits until it has. Where ctx ends before, the error says so, and Run goes on
// ending. A second Close does nothing.
func (c *Consumer) Close(ctx context.Context) error {
	c.client.forget(c)
	c.end()
	select {
	case <-c.idle: // also where ctx has ended
		c.idle <- struct{}{}
		return nil
	default:
	}
	select {
	case <-c.idle:
		c.idle <- struct{}{}
		return nil
	case <-ctx.Done():
		return fmt.Errorf("close the consumer of %q: %w while messages were being handled", c.id, context.Cause(ctx))
	}
}
