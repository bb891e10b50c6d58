package weir

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestWhatComesAtTheEndIsNotHandled ends the context of a receiver in each place where messages wait for the handler. It is told by the one error
// that leaves messages as they are, whatever the context's cause is, and the handler is not called.
func TestWhatComesAtTheEndIsNotHandled(t *testing.T) {
	t.Parallel()
	called := func(context.Context, []*Delivery) error { t.Error("the handler was called"); return nil }
	batch := []*Delivery{{}}
	guarded := func(handle Handler) Handler {
		c := &Consumer{consumption: Consumption{Concurrency: 1}}
		c.log = slog.New(slog.DiscardHandler)
		return c.guarded(context.Background(), handle)
	}
	for name, wait := range map[string]func(ctx context.Context, end func()) error{
		"before a slot that is free": func(ctx context.Context, end func()) error {
			end()
			for range 50 { // a choice between both would be made by chance
				if err := guarded(called)(ctx, batch); !errors.Is(err, ErrNotHandled) {
					return err
				}
			}
			return ErrNotHandled
		},
		"while the only slot is taken": func(ctx context.Context, end func()) (err error) {
			var busy Handler
			work := 0
			busy = guarded(func(context.Context, []*Delivery) error {
				if work++; work > 1 {
					t.Error("the handler was called")
					return nil
				}
				time.AfterFunc(time.Millisecond, end)
				err = busy(ctx, batch)
				return nil
			})
			if first := busy(context.Background(), batch); first != nil {
				t.Error(first)
			}
			return err
		},
		"while what came late waits": func(ctx context.Context, end func()) error {
			p := &place{}
			p.lateAfter.Store(int64(time.Hour))
			time.AfterFunc(time.Millisecond, end)
			return p.late(called)(ctx, batch)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancelCause(t.Context())
			err := wait(ctx, func() { cancel(errors.New("interrupt signal received")) })
			if !errors.Is(err, ErrNotHandled) || !IsNotHandled(ctx, err) {
				t.Errorf("got %v, want %v", err, ErrNotHandled)
			}
		})
	}
}

// TestOnlyTheEndLeavesMessages has a handler return what only a consumer that ends means: while it goes on, that is a failure like another.
func TestOnlyTheEndLeavesMessages(t *testing.T) {
	t.Parallel()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for _, c := range []struct {
		ctx  context.Context
		err  error
		want bool
	}{
		{ended, ErrNotHandled, true},
		{t.Context(), ErrNotHandled, false},
		{ended, context.Canceled, false},
		{ended, nil, false},
	} {
		if got := IsNotHandled(c.ctx, c.err); got != c.want {
			t.Errorf("%v, while the context says %v: got %v, want %v", c.err, c.ctx.Err(), got, c.want)
		}
	}
}

// TestAConsumerThatDoesNotRunIsClosedAtOnce has the context of Close have ended: there is nothing to wait for.
func TestAConsumerThatDoesNotRunIsClosedAtOnce(t *testing.T) {
	t.Parallel()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for range 50 { // a choice between both would be made by chance
		c := &Consumer{idle: make(chan struct{}, 1)}
		c.client = &Client{open: map[closer]struct{}{}}
		c.ended, c.end = context.WithCancel(t.Context())
		c.idle <- struct{}{}
		if err := c.Close(ended); err != nil {
			t.Fatal(err)
		}
	}
}

// TestConsumersEndTogether has a client be closed whose consumers' handlers wait for each other: all are told to end before any is waited for, so that they
// take as long as the slowest and not as all of them.
func TestConsumersEndTogether(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const consumers = 3
		client := &Client{open: map[closer]struct{}{}}
		var told sync.WaitGroup
		told.Add(consumers)
		for range consumers {
			c := &Consumer{idle: make(chan struct{}, 1)}
			c.client = client
			c.ended, c.end = context.WithCancel(t.Context())
			client.open[c] = struct{}{}
			go func() { // Run
				<-c.ended.Done()
				told.Done()
				told.Wait()
				c.idle <- struct{}{}
			}()
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := client.Close(ctx); err != nil {
			t.Error(err)
		}
	})
}
