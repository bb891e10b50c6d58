package applied

import (
	"maps"
	"slices"
	"time"

	"github.com/weirmq/weir/control"
)

// hold is what is held back of one topic that a client consumes. It follows commands and not assignments: a
// partition that moves away and comes back is held as long as its command says, and nothing is left held when
// that ends, whoever has the partition then.
type hold struct {
	whole *control.Command           // pauses all partitions; nil is none
	named map[int32]*control.Command // that commands name: the pause, or nil where it is taken out of one
	// releasing are pauses that have ended: their partitions come back one after the other.
	releasing []release
}

// held says whether a partition is held at a time, and if so until when, where that is known.
func (h *hold) held(topic string, partition int32, now time.Time) (held bool, until time.Time) {
	if h.pauses(partition) != nil {
		return true, time.Time{}
	}
	for i := range h.releasing {
		r := &h.releasing[i]
		if r.only != nil && !r.only[partition] {
			continue
		}
		if due := r.due(topic, partition); due.After(now) && due.After(until) {
			held, until = true, due
		}
	}
	return held, until
}

// hold finds what is held of each topic that the client consumes.
func (r *round) hold() {
	c := r.client
	if len(c.holds) == 0 && !r.has(control.CapabilityPause) {
		return
	}
	known := map[string]bool{}
	changed := false
	for _, topic := range c.consumed() {
		known[topic] = true
		before := c.holds[topic]
		after := r.holdOf(topic)
		if before == nil && after == nil {
			continue
		}
		if before == nil {
			before = &hold{}
		}
		if after == nil {
			after = &hold{}
		}
		after.releasing = r.release(topic, before, after)
		changed = changed || !before.equal(after)
		c.holds[topic] = after
		if after.idle() {
			delete(c.holds, topic)
		}
	}
	for topic := range c.holds {
		if !known[topic] { // it is consumed no longer
			delete(c.holds, topic)
			changed = true
		}
	}
	if changed {
		c.notify()
	}
}

// holdOf is what commands pause of a topic; nil is nothing.
func (r *round) holdOf(topic string) *hold {
	who := r.about(topic, true)
	if who.Exempt() {
		return nil
	}
	h := &hold{whole: pauseOf(r.resolve(control.CapabilityPause, &who))}
	for _, partition := range r.namedPartitions(who) {
		who.Partition = partition
		if h.named == nil {
			h.named = map[int32]*control.Command{}
		}
		if pause := pauseOf(r.resolve(control.CapabilityPause, &who)); pause != h.whole {
			h.named[partition] = pause
		}
	}
	if h.whole == nil && len(h.named) == 0 {
		return nil
	}
	return h
}

// pauseOf is the command that pauses; nil where none does, or one takes its scope out of a pause.
func pauseOf(of control.Resolution) *control.Command {
	if of.Applies == nil || of.Applies.Pause == nil {
		return nil
	}
	return of.Applies
}

// namedPartitions are those that commands in force name of a topic.
func (r *round) namedPartitions(who control.Who) []int32 {
	var out []int32
	for _, command := range r.all {
		if command.Capability() != control.CapabilityPause || len(command.Scope.Partitions) == 0 {
			continue
		}
		who.Partition = command.Scope.Partitions[0]
		switch {
		case !command.Touches(&who) || !command.InForce(r.now):
		case r.client.whole != "":
			r.refuses[command.String()] = r.client.whole
		default:
			out = append(out, command.Scope.Partitions...)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func (h *hold) idle() bool { return h.whole == nil && len(h.named) == 0 && len(h.releasing) == 0 }

func (h *hold) equal(o *hold) bool {
	return (h.whole == nil) == (o.whole == nil) && len(h.releasing) == len(o.releasing) &&
		maps.EqualFunc(h.named, o.named, func(a, b *control.Command) bool { return (a == nil) == (b == nil) })
}

// Holds are the topics of which something is held, or being let go.
func (c *Client) Holds() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Sorted(maps.Keys(c.holds))
}

// HeldWhole says whether a pause holds all partitions of a topic, whichever there are.
func (c *Client) HeldWhole(topic string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	h := c.holds[topic]
	return h != nil && h.whole != nil && len(h.named) == 0
}

// HeldNamed are the partitions of a topic that may be held, where it has so many: all of them where a pause of the whole topic is
// in force or has just ended, and those that commands name.
func (c *Client) HeldNamed(topic string, count int32) []int32 {
	c.mu.Lock()
	defer c.mu.Unlock()
	h := c.holds[topic]
	if h == nil {
		return nil
	}
	out := slices.Collect(maps.Keys(h.named))
	whole := h.whole != nil
	for i := range h.releasing {
		whole = whole || h.releasing[i].only == nil
		out = slices.AppendSeq(out, maps.Keys(h.releasing[i].only))
	}
	if whole {
		for partition := range count {
			out = append(out, partition)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Held says whether a partition of a topic is held at a time, and if so until when, where that is known.
func (c *Client) Held(topic string, partition int32, now time.Time) (held bool, until time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	h := c.holds[topic]
	if h == nil {
		return false, time.Time{}
	}
	return h.held(topic, partition, now)
}
