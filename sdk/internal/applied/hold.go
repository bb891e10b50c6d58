package applied

import (
	"hash/fnv"
	"maps"
	"math"
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

// release lets go of partitions that a pause has held, over a ramp.
type release struct {
	command string
	from    time.Time
	ramp    time.Duration
	only    map[int32]bool // nil: of all partitions
}

// golden is the fractional part of the golden ratio, whose multiples are spread evenly over a turn however many
// there are (Weyl's sequence; Knuth, The Art of Computer Programming, volume 3, section 6.4, on Fibonacci hashing).
const golden = 0.6180339887498949

// due is when a partition is let go. Neighbours are far from each other, and each partition has its place
// wherever it is consumed, so that the clients of a group together come back in an even ramp without talking.
func (r *release) due(topic string, partition int32) time.Time {
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(r.command + "\x00" + topic)) // never fails
	_, share := math.Modf(float64(hash.Sum32())/(1<<32) + float64(partition)*golden)
	return r.from.Add(time.Duration(share * float64(r.ramp)))
}

// held says whether a partition is held at a time, and if so until when, where that is known.
func (h *hold) held(topic string, partition int32, now time.Time) (held bool, until time.Time) {
	pause, named := h.named[partition]
	if !named {
		pause = h.whole
	}
	if pause != nil {
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
		case r.client.whole:
			r.refuses[command.String()] = "this client cannot hold back single queues: name the topic alone"
		default:
			out = append(out, command.Scope.Partitions...)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// release is what is being let go of after a change: what was before, as long as it lasts, and what is held no longer.
func (r *round) release(topic string, before, after *hold) []release {
	var out []release
	for _, old := range before.releasing {
		if r.now.Before(old.from.Add(old.ramp)) && after.whole == nil {
			out = append(out, old)
		}
	}
	if before.whole != nil && after.whole == nil {
		out = append(out, r.ended(before.whole, nil))
	}
	for partition, pause := range before.named {
		if pause == nil {
			continue
		}
		if held, _ := after.held(topic, partition, r.now); !held {
			out = append(out, r.ended(pause, map[int32]bool{partition: true}))
		}
	}
	if before.whole != nil && after.whole != nil { // partitions that were taken out of it
		for partition, pause := range after.named {
			if held, _ := before.held(topic, partition, r.now); held && pause == nil {
				out = append(out, r.ended(before.whole, map[int32]bool{partition: true}))
			}
		}
	}
	return slices.DeleteFunc(out, func(one release) bool { return one.ramp <= 0 })
}

// ended is the release of a pause that holds no longer. It begins at the same time for all clients where the pause
// expired; how long it takes is said by the newest revision, which may be the one that ended it.
func (r *round) ended(pause *control.Command, only map[int32]bool) release {
	from := r.now
	if pause.ExpiresAt.Before(from) && from.Sub(pause.ExpiresAt) < time.Minute {
		from = pause.ExpiresAt
	}
	seconds := pause.ReleaseSeconds()
	if newest, ok := r.set.Command(pause.Name); ok && newest.Pause != nil {
		seconds = newest.ReleaseSeconds()
	}
	return release{command: pause.Name, from: from, ramp: time.Duration(seconds * float64(time.Second)), only: only}
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

// Share is how much of a topic's messages may be handled at a time: 0 while a pause holds it, 1 while nothing does, and what lies
// between while a pause is being released. It is for clients that HoldsWhole.
func (c *Client) Share(topic string, now time.Time) float64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	h := c.holds[topic]
	if h == nil {
		return 1
	}
	if h.whole != nil {
		return 0
	}
	share := 1.0
	for i := range h.releasing {
		r := &h.releasing[i]
		share = min(share, max(now.Sub(r.from).Seconds()/r.ramp.Seconds(), smallestShare))
	}
	return share
}

// smallestShare is that of a release that has just begun. Not 0: it is a pause no longer.
const smallestShare = 1e-9

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
