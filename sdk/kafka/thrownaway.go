package kafka

import (
	"context"
	"slices"
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"
)

// thrownAway tells which records of a poll the client throws away as they are paused. kgo says of those, too, that they were polled
// (takeBuffered of v1.22), and fetches them again after the pause. A pause that begins or ends just while a poll takes its records is seen on the
// wrong side of it: nothing tells what that poll saw.
type thrownAway struct {
	mu        sync.Mutex
	known     bool // of the records of this poll that come one after the other
	topic     string
	partition int32
	paused    bool
	now       int64 // meter.Client.Now of the poll
	nowMillis int64 // the same by the wall clock, Unix milliseconds
}

// OnPollStart forgets what was paused in the poll before; kgo calls it.
func (h *Hooks) OnPollStart(context.Context) {
	h.thrown.mu.Lock()
	h.thrown.known = false
	h.thrown.mu.Unlock()
}

// isThrownAway says whether a record is, and when it was polled. The client is asked once for all records of a partition in a poll, as its answer is a
// map, and the clock is read once for them. Where one poll waits while another is given records, it has that reading: so one that is before a
// record's own time is read anew.
func (h *Hooks) isThrownAway(r *kgo.Record, stampMillis int64) (thrownAway bool, now int64) {
	of := &h.thrown
	of.mu.Lock()
	defer of.mu.Unlock()
	known := of.known && of.partition == r.Partition && of.topic == r.Topic
	if !known || of.nowMillis < stampMillis {
		of.now = h.measured.Now()
		of.nowMillis = h.measured.WallMillisAt(of.now)
	}
	if known {
		return of.paused, of.now
	}
	h.mu.Lock()
	client, connected := h.client, h.connected
	h.mu.Unlock()
	of.known, of.topic, of.partition, of.paused = true, r.Topic, r.Partition, false
	if connected && client != nil {
		of.paused = slices.Contains(client.PauseFetchPartitions(nil)[r.Topic], r.Partition) || slices.Contains(client.PauseFetchTopics(), r.Topic)
	}
	return of.paused, of.now
}
