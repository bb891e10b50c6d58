package rocketmq

import (
	"testing"
	"testing/synctest"

	"github.com/apache/rocketmq-client-go/v2/primitive"

	"github.com/weirmq/weir/control"
)

// TestAQueueIsLeftOutAsLongAsItIsHeld has a queue be left out of which the program has messages yet, since more was fetched of it than is kept. It stays so
// when queues are shared out again: it would be fetched from where the group is, and dropped again, as often as that happens.
func TestAQueueIsLeftOutAsLongAsItIsHeld(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHeldByQueue(t, 2)
		p := h.puller(nil)
		free, paused := queueOf("orders", 0), queueOf("orders", 1)
		both := []*primitive.MessageQueue{&free, &paused}
		has := func(when string, want int) {
			t.Helper()
			if got := p.leaveOut("orders", both); len(got) != want {
				t.Errorf("%s the consumer has %v, want %d queues", when, got, want)
			}
		}
		h.put(func(c *control.Command) { c.Scope.Partitions, c.Pause = []int32{1}, &control.Pause{} })
		p.unacknowledged[paused] = 1
		has("while the program has messages of the queue that is paused", 2)
		p.out[paused] = true // as too much was fetched
		for range 2 {
			has("once it is left out", 1)
		}
		_ = p.leaveOut("orders", []*primitive.MessageQueue{&free})
		has("when it comes back from another consumer", 2)
	})
}
