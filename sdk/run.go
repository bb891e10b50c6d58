package weir

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// run is one Run of a consumer: the places that it reads, oldest first. All but the newest are
// left over from moves.
type run struct {
	consumer *Consumer
	handle   Handler
	places   []*place
	failed   chan error // why a receiver cannot go on
}

// place is one topic that is read.
type place struct {
	route    Route
	receiver Receiver
	stop     context.CancelFunc
	done     chan struct{} // closed when the receiver has ended
}

func newRun(c *Consumer, handle Handler) *run {
	return &run{consumer: c, handle: handle, failed: make(chan error, 1)}
}

// conduct reads where the directory says until ctx ends.
func (r *run) conduct(ctx context.Context) error {
	defer r.close()
	first, err := r.open(r.consumer.State().Route)
	if err != nil {
		return err
	}
	r.start(ctx, first)
	select {
	case <-ctx.Done():
		return nil
	case err := <-r.failed:
		return err
	}
}

// open opens a receiver.
func (r *run) open(at Route) (*place, error) {
	c := r.consumer
	system, err := c.client.system(&at)
	if err != nil {
		return nil, err
	}
	config := c.receiverConfig(at)
	if err := system.CheckReceiver(config); err != nil {
		return nil, err
	}
	receiver, err := system.OpenReceiver(config)
	if err != nil {
		return nil, err
	}
	p := &place{route: at, receiver: receiver}
	r.places = append(r.places, p)
	c.mu.Lock()
	c.receiver = receiver
	c.mu.Unlock()
	return p, nil
}

// start has a place be read.
func (r *run) start(ctx context.Context, p *place) {
	ctx, p.stop = context.WithCancel(ctx)
	p.done = make(chan struct{})
	go func() {
		defer close(p.done)
		if err := r.read(ctx, p); err != nil && ctx.Err() == nil {
			select {
			case r.failed <- fmt.Errorf("topic %s of cluster %s: %w", p.route.Topic, p.route.Cluster, err):
			default: // one is told
			}
		}
	}()
}

// read reads a place until ctx ends, as soon as it can be read.
func (r *run) read(ctx context.Context, p *place) error {
	for {
		ready, cancel := context.WithTimeout(ctx, readyWait)
		err := p.receiver.Ready(ready)
		cancel()
		if err == nil {
			break
		}
		if errors.Is(err, ErrLacks) {
			return err
		}
		r.consumer.note(fmt.Errorf("consume topic %s of cluster %s: %w", p.route.Topic, p.route.Cluster, err))
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(moveRetry):
		}
	}
	r.consumer.note(nil)
	return p.receiver.Run(ctx, r.handle)
}

// close ends what is read.
func (r *run) close() {
	for _, p := range r.places {
		if p.done != nil {
			p.stop()
			<-p.done
		}
		p.receiver.Close()
	}
	c := r.consumer
	c.mu.Lock()
	c.receiver = nil
	c.mu.Unlock()
}
