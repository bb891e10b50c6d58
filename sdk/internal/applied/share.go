package applied

import (
	"time"

	"github.com/weirmq/weir/control"
)

// smallestShare is that of a release that has just begun. Not 0: it is a pause no longer.
const smallestShare = 1e-9

// Share is how much of a topic's messages may be handled at a time: 0 while a pause holds all its partitions, 1 while nothing does, and what lies
// between while such a pause is being released. It is for clients that let more and more messages through, and not one partition after the other.
func (c *Client) Share(topic string, now time.Time) float64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	h := c.holds[topic]
	switch {
	case h == nil:
		return 1
	case h.whole != nil && len(h.named) == 0:
		return 0
	}
	return h.opening(now)
}

// PartitionShare is Share of one partition. One that a command has named is let go at once, at its place in the ramp.
func (c *Client) PartitionShare(topic string, partition int32, now time.Time) float64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	h := c.holds[topic]
	if h == nil {
		return 1
	}
	if h.pauses(partition) != nil {
		return 0
	}
	for i := range h.releasing {
		if r := &h.releasing[i]; r.only[partition] && r.due(topic, partition).After(now) {
			return 0
		}
	}
	return h.opening(now)
}

// HoldsAny says whether a pause in force holds any partition of a topic.
func (c *Client) HoldsAny(topic string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	h := c.holds[topic]
	if h == nil {
		return false
	}
	for _, pause := range h.named {
		if pause != nil {
			return true
		}
	}
	return h.whole != nil
}

// pauses is the command that pauses a partition; nil where none does.
func (h *hold) pauses(partition int32) *control.Command {
	if pause, named := h.named[partition]; named {
		return pause
	}
	return h.whole
}

// opening is how far pauses of all partitions are released.
func (h *hold) opening(now time.Time) float64 {
	share := 1.0
	for i := range h.releasing {
		if r := &h.releasing[i]; r.only == nil {
			share = min(share, max(now.Sub(r.from).Seconds()/r.ramp.Seconds(), smallestShare))
		}
	}
	return share
}
