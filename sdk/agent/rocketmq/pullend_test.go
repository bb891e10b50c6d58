package rocketmq

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	rmq "github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/primitive"
)

// puller is a pull consumer of orders that a Hold holds, in front of one of the library's.
func (h *held) puller(library rmq.PullConsumer) *pullConsumer {
	return &pullConsumer{PullConsumer: library, hold: h.Hold, client: h.client, unacknowledged: map[primitive.MessageQueue]int{}, out: map[primitive.MessageQueue]bool{}}
}

// TestAPullThatWaitsEndsWithItsConsumer holds that a pull which a command holds says why it ends when its consumer is shut down, and asks the broker for
// nothing: whichever it hears of first, that what is held is lifted or that the consumer has ended.
func TestAPullThatWaitsEndsWithItsConsumer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const pulls = 50
		h := newHeld(t)
		h.pause(true, 0)
		p := h.puller(nil) // which is not asked
		failed := make(chan error, pulls)
		for range pulls {
			go func() {
				_, err := p.Pull(context.Background(), 1)
				failed <- err
			}()
		}
		synctest.Wait()
		h.Close()
		for range pulls {
			err := <-failed
			if want := ErrPaused.Error() + ": the consumer was shut down"; !errors.Is(err, ErrPaused) || err.Error() != want {
				t.Fatalf("got %v, want %s", err, want)
			}
		}
	})
}
