package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"strconv"
	"sync"

	"github.com/weirmq/weir/sdk"
	"github.com/weirmq/weir/sdk/kafka"
)

// overheadReceiver is a member of a group of its own, which is given messages while its block runs and holds them at other times.
type overheadReceiver struct {
	mu      sync.Mutex
	changed *sync.Cond
	left    int // of the block; below 0 where more came
	given   int // in the block
	err     error
	ended   bool

	stop context.CancelFunc
	done chan struct{}
}

// atOnce is how many messages are counted as given at once, at most. Not fewer: counting would be a cost; not more: turns would differ by
// what a library has polled at once, which is tens of thousands.
const atOnce = weir.DefaultMaxBatch

// receiver joins a new group that reads what was filled in from its start.
func (s *overheadSide) receiver(ctx context.Context, way string) (overheadWay, error) {
	consume := func(ctx context.Context, group string, given func(int)) error {
		return s.consumeRocketMQ(ctx, way, group, given)
	}
	switch {
	case way == wayUnified:
		consume = s.consumeUnified
	case s.System == kafka.SystemName:
		consume = func(ctx context.Context, group string, given func(int)) error {
			return s.consumeKafka(ctx, way, group, given)
		}
	}
	r := &overheadReceiver{done: make(chan struct{})}
	r.changed = sync.NewCond(&r.mu)
	ctx, r.stop = context.WithCancel(ctx)
	go func() {
		defer close(r.done)
		err := consume(ctx, "overhead-"+way+"-"+strconv.FormatUint(rand.Uint64(), 36), r.take)
		r.mu.Lock()
		defer r.mu.Unlock()
		r.ended, r.err = true, errors.Join(err, context.Cause(ctx))
		r.changed.Broadcast()
	}()
	context.AfterFunc(ctx, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.ended = true
		r.changed.Broadcast()
	})
	return r, nil
}

// run has a block consumed.
func (r *overheadReceiver) run(ctx context.Context, messages int) (int, error) {
	if err := r.consume(messages); err != nil {
		return 0, err
	}
	return r.given, settle(ctx)
}

func (r *overheadReceiver) consume(messages int) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.left += messages
	r.given = 0
	r.changed.Broadcast()
	for r.left > 0 && !r.ended {
		r.changed.Wait()
	}
	if r.ended {
		return errors.Join(errors.New("it ended before its block was over"), r.err)
	}
	return nil
}

// take is called by the application with what it was given, and waits while another way has its block.
func (r *overheadReceiver) take(messages int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.left <= 0 && !r.ended {
		r.changed.Wait()
	}
	r.left -= messages
	r.given += messages
	if r.left <= 0 {
		r.changed.Broadcast()
	}
}

func (r *overheadReceiver) close() {
	r.stop()
	<-r.done
}

// consumeUnified consumes by package weir until ctx ends.
func (s *overheadSide) consumeUnified(ctx context.Context, group string, given func(messages int)) error {
	consumer, err := s.unified.Consumer(overheadResource, group)
	if err != nil {
		return err
	}
	return consumer.Run(ctx, func(_ context.Context, batch []*weir.Delivery) error {
		given(len(batch))
		return nil
	})
}
