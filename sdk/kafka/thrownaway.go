package kafka

import (
	"context"
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"
)

// OnPollStart notes that what was paused may be another now, and that it is later; kgo calls it.
func (h *Hooks) OnPollStart(context.Context) { h.polls.Add(1) }

// isThrownAway says whether the client throws a record of a poll away as its partition is paused. kgo says of those, too, that they were polled
// (takeBuffered of v1.22), and fetches them again after the pause. The client is asked once for all records of a partition in a poll, as its answer
// is a map. A pause that begins or ends just while a poll takes its records is seen on the wrong side of it: nothing tells what that poll saw.
func (h *Hooks) isThrownAway(r *kgo.Record) bool {
	h.mu.Lock()
	client, connected := h.client, h.connected
	h.mu.Unlock()
	return connected && client != nil &&
		(slices.Contains(client.PauseFetchPartitions(nil)[r.Topic], r.Partition) || slices.Contains(client.PauseFetchTopics(), r.Topic))
}
