package weir

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// run is one Run of a consumer: the places that it reads, oldest first. The newest is where the directory says that the resource is; the
// others are left over from moves. Only the goroutine of conduct changes it.
type run struct {
	consumer *Consumer
	handle   Handler
	places   []*place
	failed   chan failure // why a receiver cannot go on
}

// failure is why a place cannot be read any more.
type failure struct {
	at  *place
	err error
}

func newRun(c *Consumer, handle Handler) *run {
	return &run{consumer: c, handle: handle, failed: make(chan failure)}
}

// conduct reads where the directory says until ctx ends.
func (r *run) conduct(ctx context.Context) error {
	defer r.close()
	c := r.consumer
	route := c.State().Route
	moved := false
	for _, former := range r.readable(&route) {
		if err := r.add(former, moved); err != nil {
			return err
		}
		moved = true
	}
	if err := r.add(route, moved); err != nil {
		return err
	}
	r.begin(ctx)
	r.start(ctx, r.places[0])
	ticker := time.NewTicker(c.consumption.lookEach())
	defer ticker.Stop()
	var retryAt time.Time
	for {
		to, changed := c.next()
		if to != nil && !time.Now().Before(retryAt) {
			if err := r.moveTo(ctx, *to); err != nil {
				c.note(fmt.Errorf("move to topic %s of cluster %s: %w", to.Topic, to.Cluster, err))
				retryAt = time.Now().Add(moveRetry)
			} else {
				continue
			}
		}
		r.finish(ctx, time.Now())
		select {
		case <-ctx.Done():
			return nil
		case f := <-r.failed:
			if err := r.lost(ctx, f); err != nil {
				return err
			}
		case <-changed:
			retryAt = time.Time{}
		case <-ticker.C:
		}
	}
}

// set takes over which places there are, and has the group's other consumers see it.
func (r *run) set(places []*place) {
	r.places = places
	c := r.consumer
	c.mu.Lock()
	defer c.mu.Unlock()
	c.places = c.places[:0]
	for _, p := range places {
		c.places = append(c.places, p.route)
	}
}

// newest is the place that the directory names.
func (r *run) newest() *place { return r.places[len(r.places)-1] }

// readable are the former places of a route that the group may read beside it, beside each other, and beside what it reads.
func (r *run) readable(of *Route) (out []Route) {
	client := r.consumer.client
	for _, former := range of.Former {
		at := of.At(former)
		err := client.together(of, &at)
		for i := 0; i < len(out) && err == nil; i++ {
			err = client.together(&out[i], &at)
		}
		for i := 0; i < len(r.places) && err == nil; i++ {
			err = client.together(&r.places[i].route, &at)
		}
		if err != nil {
			r.consumer.log.Error("a former place is not read", "cluster", at.Cluster, "topic", at.Topic, "error", err)
			continue
		}
		out = append(out, at)
	}
	return out
}

// add opens a receiver for a place that is read when all before it are finished.
func (r *run) add(at Route, moved bool) error {
	p, err := r.open(at, moved)
	if err != nil {
		return err
	}
	r.append(p)
	return nil
}

func (r *run) append(p *place) {
	r.set(append(r.places, p))
	c := r.consumer
	c.mu.Lock()
	c.receiver = p.receiver
	c.state.Settled = len(r.places) == 1
	c.mu.Unlock()
}

// moveTo has another place read as soon as those before it are finished. The error says why it cannot be read: then nothing has changed.
func (r *run) moveTo(ctx context.Context, to Route) error {
	if err := r.consumer.client.mayRead(r.consumer, &to); err != nil {
		return err
	}
	p, err := r.open(to, true)
	if err != nil {
		return err
	}
	ready, cancel := context.WithTimeout(ctx, readyWait)
	defer cancel()
	if err := p.receiver.Ready(ready); err != nil {
		p.receiver.Close()
		return err
	}
	last := r.newest()
	switch {
	case sameTopic(&last.route, &to): // by another way: what the group has handled is known there
		r.end(last)
		r.set(r.places[:len(r.places)-1])
		r.append(p)
		if last.started {
			r.start(ctx, p)
		}
	default:
		for _, at := range r.readable(&to) {
			if !slices.ContainsFunc(r.places, func(p *place) bool { return sameTopic(&p.route, &at) }) && !sameTopic(&at, &to) {
				if err := r.add(at, true); err != nil {
					r.consumer.note(err)
				}
			}
		}
		r.returnTo(&to)
		r.append(p)
	}
	r.consumer.moved(to)
	return nil
}

// returnTo ends the reading of a place that is finished, and is read again behind all others: what comes to it
// from now on is behind what is in those.
func (r *run) returnTo(to *Route) {
	r.set(slices.DeleteFunc(r.places, func(p *place) bool {
		again := p.finished && sameTopic(&p.route, to)
		if again {
			r.end(p)
		}
		return again
	}))
}

// lost ends the consumer where the place that the directory names cannot be read any more. A former one is given up, and those after it have their turn. One that
// was away is tried again, whichever it is.
func (r *run) lost(ctx context.Context, f failure) error {
	if errors.Is(f.err, ErrAway) {
		if f.err = r.again(ctx, f.at); f.err == nil {
			return nil
		}
	}
	if f.at == r.newest() {
		return fmt.Errorf("topic %s of cluster %s: %w", f.at.route.Topic, f.at.route.Cluster, f.err)
	}
	r.consumer.log.Error("a former place cannot be read any more", "cluster", f.at.route.Cluster, "topic", f.at.route.Topic, "error", f.err)
	r.end(f.at)
	r.set(slices.DeleteFunc(r.places, func(p *place) bool { return p == f.at }))
	if !r.places[0].started {
		r.start(ctx, r.places[0])
	}
	r.settle()
	return nil
}

// again has a place be read by another receiver.
func (r *run) again(ctx context.Context, p *place) error {
	next, err := r.open(p.route, p.moved)
	if err != nil {
		return err
	}
	r.end(p)
	p.receiver = next.receiver
	if p == r.newest() {
		r.consumer.mu.Lock()
		r.consumer.receiver = p.receiver
		r.consumer.mu.Unlock()
	}
	r.start(ctx, p)
	return nil
}

// close ends what is read.
func (r *run) close() {
	for _, p := range r.places {
		r.end(p)
	}
	c := r.consumer
	c.mu.Lock()
	c.receiver, c.places = nil, nil
	c.mu.Unlock()
}

// start has a place be read.
func (r *run) start(ctx context.Context, p *place) {
	ctx, p.stop = context.WithCancel(ctx)
	p.started, p.done = true, make(chan struct{})
	go func() {
		defer close(p.done)
		if err := r.read(ctx, p); err != nil && ctx.Err() == nil {
			select {
			case r.failed <- failure{p, err}:
			case <-ctx.Done():
			}
		}
	}()
}

// end has a place not be read any more, and waits until it is not.
func (r *run) end(p *place) {
	if p.started {
		p.stop()
		<-p.done
	}
	p.receiver.Close()
}

// read reads a place until ctx ends, as soon as it can be read. Where the cluster is away by then, it returns after a while: who tries again waits no more.
func (r *run) read(ctx context.Context, p *place) error {
	for {
		ready, cancel := context.WithTimeout(ctx, readyWait)
		err := p.receiver.Ready(ready)
		cancel()
		if err == nil {
			break
		}
		if errors.Is(err, ErrLacks) || ctx.Err() != nil {
			return err
		}
		r.away(ctx, p, err)
		if ctx.Err() != nil {
			return nil
		}
	}
	r.consumer.notePlace(nil)
	err := p.receiver.Run(ctx, p.late(r.handle))
	if errors.Is(err, ErrAway) {
		r.away(ctx, p, err)
	}
	return err
}

// away tells why a place cannot be read, and waits until it is to be tried again.
func (r *run) away(ctx context.Context, p *place, err error) {
	r.consumer.notePlace(fmt.Errorf("consume topic %s of cluster %s: %w", p.route.Topic, p.route.Cluster, err))
	select {
	case <-ctx.Done():
	case <-time.After(moveRetry):
	}
}
