package applied

import (
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/weirmq/weir/control"
	"github.com/weirmq/weir/sdk/internal/meter"
	"github.com/weirmq/weir/telemetry"
)

// maxTopics bounds the topics that a client is known to send to. Not smaller: hardly anybody has more; not larger: each
// is asked of each command, and has a queue. To those beyond it applies what
// names no topic: what is for another topic is not for them.
const maxTopics = 1000

// Client is one client of a message queue to which commands apply. Its methods may be called from any goroutine.
type Client struct {
	commands *Commands
	measured *meter.Client
	consumed func() []string // topics
	whole    string          // why single partitions cannot be held back; empty where they can

	counts counts
	sends  atomic.Pointer[sends]           // nil: no command touches what is sent
	sentTo atomic.Pointer[map[string]bool] // topics

	mu       sync.Mutex
	changed  chan struct{} // closed when what is held has changed
	who      control.Who
	holds    map[string]*hold       // by topic
	senders  map[string]*topicSends // topics that were sent to, the first maxTopics
	beyond   *topicSends            // those after them; nil before a command was in force
	limiters map[limiterKey]*limiter
	applies  map[string]Applied // by command's name
	refuses  map[string]string  // commands that touch the client and may not be applied: why
	outdated *control.Command   // wants a newer SDK
	interval time.Duration      // between two reports, as commands have it; 0 is none
}

// counts are those of messages since the client was opened.
type counts struct {
	delayed, flagged, compressed, tooLarge, wouldTouch atomic.Uint64
}

// Counts are those of messages since the client was opened.
type Counts struct{ Delayed, Flagged, Compressed, TooLarge, WouldTouch uint64 }

// Counts are the counts so far.
func (c *Client) Counts() Counts {
	of := &c.counts
	return Counts{of.delayed.Load(), of.flagged.Load(), of.compressed.Load(), of.tooLarge.Load(), of.wouldTouch.Load()}
}

// Applied is a command that applies to a client.
type Applied struct {
	Command control.Command
	Shadow  bool     // it is only counted
	Topics  []string // that it applies to, where it is asked of topics
}

// NewClient returns a client to which no command applies yet. consumed says which topics it consumes, as its
// reports name them; nil is none.
func (c *Commands) NewClient(measured *meter.Client, consumed func() []string) *Client {
	if consumed == nil {
		consumed = func() []string { return nil }
	}
	client := &Client{commands: c, measured: measured, consumed: consumed, changed: make(chan struct{}),
		holds: map[string]*hold{}, senders: map[string]*topicSends{}, limiters: map[limiterKey]*limiter{}, applies: map[string]Applied{}, refuses: map[string]string{}}
	client.sentTo.Store(&map[string]bool{})
	return client
}

// Measured is the client as it is measured.
func (c *Client) Measured() *meter.Client { return c.measured }

// HoldsWhole says that whoever holds messages back for the client cannot do so for single partitions, and why: commands that
// name some are refused.
func (c *Client) HoldsWhole(why string) *Client {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.whole = why
	return c
}

// Changed is closed when what is held changes. Ask for it before what is held.
func (c *Client) Changed() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.changed
}

// Applies are the commands that apply, by name.
func (c *Client) Applies() []Applied {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := make([]Applied, 0, len(c.applies))
	for _, name := range slices.Sorted(maps.Keys(c.applies)) {
		out = append(out, c.applies[name])
	}
	return out
}

// Refuses are commands that touch the client and may not be applied, with why.
func (c *Client) Refuses() map[string]string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.refuses)
}

// free lifts all that holds the client back, and tells of it.
func (c *Client) free(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var events []telemetry.Event
	for _, name := range slices.Sorted(maps.Keys(c.applies)) {
		one := c.applies[name]
		events = append(events, telemetry.Event{Kind: telemetry.EventReverted, TimeUnixMillis: now.UnixMilli(),
			Detail: one.Command.String() + ": the client or its agent was closed"})
	}
	c.measured.Controlled(nil, events...)
	clear(c.applies)
	clear(c.refuses)
	c.sends.Store(nil)
	c.lift()
	clear(c.holds)
	c.notify()
}

// notify tells whoever holds messages back; c.mu is held.
func (c *Client) notify() {
	close(c.changed)
	c.changed = make(chan struct{})
}

// refresh applies what is in force at a time. c.commands.mu is held.
func (c *Client) refresh(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.who = whoOf(c.measured.Labels())
	r := newRound(c, now)
	r.hold()
	r.limit()
	r.steer()
	r.tell()
	c.applies, c.refuses = r.applies, r.refuses
}

// whoOf is a client as commands ask for it.
func whoOf(l telemetry.Labels) control.Who {
	return control.Who{Env: l.Env, Cluster: l.Cluster, System: l.System, Client: l.Client, Lane: l.Lane, Tier: l.Tier, Group: l.Group,
		SDKLang: l.SDKLang, Partition: control.AllPartitions}
}

// round is one refresh of one client.
type round struct {
	client  *Client
	now     time.Time
	set     *control.Set
	all     []control.Command // of the set
	applies map[string]Applied
	refuses map[string]string
	// limiters are those that anything waits for.
	limiters map[limiterKey]bool
	events   []telemetry.Event
}

func newRound(c *Client, now time.Time) *round {
	set := c.commands.inForce(now)
	if c.who.Exempt() { // a client in a group of Weir's own
		set = nothing
	}
	return &round{client: c, now: now, set: set, all: set.Commands(), applies: map[string]Applied{}, refuses: map[string]string{},
		limiters: map[limiterKey]bool{}}
}

// about is the client and a topic of it. What is sent is in no group.
func (r *round) about(topic string, consumes bool) control.Who {
	who := r.client.who
	who.Topic = topic
	if !consumes {
		who.Group = ""
	}
	if topic != "" {
		who.Resource = r.client.commands.resource(&who, r.now)
	}
	return who
}

// resolve is what applies, and notes that it does.
func (r *round) resolve(capability control.Capability, who *control.Who) control.Resolution {
	got := r.set.Resolve(capability, who, r.now)
	if got.Applies == nil && got.Shadow == nil {
		return got
	}
	if why := r.client.commands.permit(capability); why != "" {
		for _, command := range []*control.Command{got.Applies, got.Shadow} {
			if command != nil {
				r.refuses[command.String()] = why
			}
		}
		return control.Resolution{}
	}
	r.note(got.Applies, who.Topic, false)
	r.note(got.Shadow, who.Topic, true)
	return got
}

func (r *round) note(command *control.Command, topic string, shadow bool) {
	if command == nil {
		return
	}
	of := r.applies[command.Name]
	of.Command, of.Shadow = *command, shadow
	if topic != "" && !slices.Contains(of.Topics, topic) {
		of.Topics = append(of.Topics, topic)
	}
	r.applies[command.Name] = of
}
