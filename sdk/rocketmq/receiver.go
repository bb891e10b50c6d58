package rocketmq

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	rmq "github.com/apache/rocketmq-client-go/v2"
	rmqconsumer "github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"

	"github.com/weirmq/weir/sdk"
	steer "github.com/weirmq/weir/sdk/agent/rocketmq"
	"github.com/weirmq/weir/sdk/internal/inplace"
	"github.com/weirmq/weir/sdk/internal/meter"
)

// receiver receives a group's messages of one topic. The library calls it with one message at a time, several at
// once unless they are kept in order; workers gather those into batches.
type receiver struct {
	config   weir.ReceiverConfig
	access   Access
	ask      *asker
	left     *mark     // of what Outstanding asked last; of one goroutine
	measured *consumer // nil where nothing is measured
	told     *client   // its client, or one of which only is told what commands do to it; nil where nothing is told

	mu     sync.Mutex
	client rmq.PushConsumer // nil before Run

	// ordered is held for reading while a message is handled in place, by a goroutine of the library, and for writing when all are waited for.
	ordered sync.RWMutex

	line     line          // messages for the workers
	leaving  atomic.Bool   // the consumer takes no queues any more
	released chan struct{} // closed when the library has let go of what is not handled
}

// OpenReceiver makes a receiver; the library's consumer is opened by Run.
func (s *system) OpenReceiver(config weir.ReceiverConfig) (weir.Receiver, error) {
	access := s.access(config.Route)
	return &receiver{config: config, access: access, ask: newAsker(&config.Route, access)}, nil
}

// Ready waits until the name server knows the topic.
func (r *receiver) Ready(ctx context.Context) error {
	_, err := r.ask.masters(ctx, r.ask.topic)
	if errors.Is(err, errNotAsked) {
		return nil
	}
	return err
}

// forever is how often a message is tried that never is a dead letter.
const forever = 1 << 30

// timesAgain is how often the broker gives a message that failed again.
func timesAgain(of *weir.Consumption) int32 {
	if of.Exhausted == weir.KeepTrying {
		return forever
	}
	return int32(min(of.Attempts-1, forever)) // the library has 32 bits
}

// open opens the library's consumer.
func (r *receiver) open() (*steeredConsumer, error) {
	route, instance := &r.config.Route, ownInstance(&r.config.Route)
	from, calls := rmqconsumer.ConsumeFromFirstOffset, min(r.config.MaxBatch*r.config.Concurrency, mostCalls)
	if r.config.FromNewest {
		from = rmqconsumer.ConsumeFromLastOffset
	}
	if r.config.Ordered {
		calls = 1
	}
	given := []rmqconsumer.Option{rmqconsumer.WithGroupName(r.config.Group), rmqconsumer.WithInstance(instance),
		rmqconsumer.WithNsResolver(primitive.NewPassthroughResolver(route.Endpoints)), rmqconsumer.WithNamespace(route.Namespace),
		rmqconsumer.WithCredentials(r.access.Credentials), rmqconsumer.WithConsumeFromWhere(from),
		rmqconsumer.WithConsumeMessageBatchMaxSize(1), rmqconsumer.WithConsumeGoroutineNums(calls), rmqconsumer.WithMaxReconsumeTimes(timesAgain(&r.config.Consumption))}
	given = append(append(given, flowControl(calls)...), rmqconsumer.WithStrategy(r.allocate))
	out := &steeredConsumer{}
	if r.config.Control != nil {
		out.hold = steer.NewHold(r.config.Control)
		if r.config.Ordered {
			given = append(given, rmqconsumer.WithLimiter(out.hold.Limit))
		} else {
			given = append(given, out.hold.Options(calls, r.allocate)...)
		}
	}
	plain, err := rmq.NewPushConsumer(given...)
	if err != nil {
		return nil, fmt.Errorf("open a consumer of RocketMQ: %w", err)
	}
	out.PushConsumer = plain
	switch options := measuring(route, instance); {
	case r.config.Reporter != nil:
		r.measured = newConsumer(r.config.Reporter, plain, r.config.Group, options)
		r.told = r.measured.client
	case out.hold != nil:
		r.told = newClient(r.config.Control.Telemetry(), r.config.Group, options, nil)
	}
	if r.told != nil {
		out.PushConsumer = &toldConsumer{plain, r.told}
	}
	if out.hold != nil {
		steering := []steer.Option{steer.Namespace(route.Namespace)}
		if r.config.Ordered {
			steering = append(steering, steer.OneHandler())
		}
		if out.PushConsumer, err = out.hold.PushConsumer(out.PushConsumer, steering...); err != nil {
			return nil, fmt.Errorf("have commands apply to a consumer of RocketMQ: %w", err)
		}
	}
	r.mu.Lock()
	r.client = plain
	r.mu.Unlock()
	return out, nil
}

// Run has the library call until ctx ends.
func (r *receiver) Run(ctx context.Context, handle weir.Handler) error {
	if r.config.FromNewest {
		if err := r.beginAtEnd(ctx); err != nil {
			return err
		}
	}
	client, err := r.open()
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	r.line.more, r.released = make(chan struct{}, 1), make(chan struct{})
	called := r.each(ctx)
	if r.config.Ordered {
		called = func(of context.Context, messages ...*primitive.MessageExt) (rmqconsumer.ConsumeResult, error) {
			return r.called(ctx, of, messages[0], handle) // batches of the library are of one
		}
	}
	if err := r.start(client, called); err != nil {
		stop() // the library may have called meanwhile
		r.awaitOrdered()
		r.letGo()
		client.abandon()
		return err
	}
	if r.told != nil {
		r.told.started()
	}
	if r.measured != nil {
		r.measured.subscribed(r.config.Route.Topic)
	}
	var working sync.WaitGroup
	for range r.config.Concurrency {
		working.Go(func() { r.gather(ctx, handle) })
	}
	<-ctx.Done()
	working.Wait()
	r.awaitOrdered()
	return r.leave(client)
}

// start has the library's consumer call from now on.
func (r *receiver) start(client rmq.PushConsumer, called handler) error {
	if err := client.Subscribe(r.config.Route.Topic, rmqconsumer.MessageSelector{}, called); err != nil {
		return fmt.Errorf("subscribe to %s: %w", r.config.Route.Topic, err)
	}
	err := client.Start()
	switch {
	case err == nil:
		return nil
	case classOf(err) == meter.ClassUnknownTopic: // also where no name server answers: what else the library says lies with the program
		err = fmt.Errorf("%w: %w", weir.ErrAway, err)
	}
	return fmt.Errorf("start a consumer of RocketMQ: %w", err)
}

// called is what the library calls with a message that is handled in order, and waits for.
func (r *receiver) called(ctx, of context.Context, message *primitive.MessageExt, handle weir.Handler) (rmqconsumer.ConsumeResult, error) {
	d := deliveryOf(r.config.Resource, message)
	b := &one{receiver: r, to: handle}
	r.inPlace(ctx, b, &d)
	if b.done {
		return rmqconsumer.ConsumeSuccess, nil
	}
	if b.dead {
		return r.again(of, deadLetterLevel)
	}
	<-r.released
	return rmqconsumer.ConsumeRetryLater, nil
}

// inPlace handles a message, which awaitOrdered waits for; for no longer where it panics.
func (r *receiver) inPlace(ctx context.Context, b *one, d *weir.Delivery) {
	r.ordered.RLock()
	defer r.ordered.RUnlock()
	inplace.Handle(ctx, &r.config.Consumption, b, []*weir.Delivery{d})
}

// deadLetterLevel has the broker put a message away at once.
const deadLetterLevel = -1

// again gives a message back to the broker, for later.
func (r *receiver) again(of context.Context, level int) (rmqconsumer.ConsumeResult, error) {
	if how, ok := primitive.GetConcurrentlyCtx(of); ok {
		how.DelayLevelWhenNextConsume = level
	}
	return rmqconsumer.ConsumeRetryLater, nil
}

// CaughtUp asks the brokers. They learn of what is handled every few seconds.
func (r *receiver) CaughtUp(ctx context.Context) (bool, error) {
	got, err := r.ask.progress(ctx, inNamespace(&r.config.Route, r.config.Group), r.ask.topic)
	return got.handled, err
}

// Close ends what asks: Run has ended what it began.
func (r *receiver) Close() { r.ask.close() }

// Native is the library's consumer; nil before Run.
func (r *receiver) Native() any {
	if plain := r.plain(); plain != nil {
		return plain
	}
	return nil
}
