package applied

import (
	"context"
	"errors"
	"maps"
	"time"

	"github.com/weirmq/weir/control"
	"github.com/weirmq/weir/sdk/internal/meter"
)

// topicSends is what commands say of messages that a client sends to one topic.
type topicSends struct {
	queue   *queue
	shadow  *limiter // counts who would wait; nil is none
	sizes   control.LargeMessages
	sizedBy string // command
	// shadowSizes are only counted.
	shadowSizes    control.LargeMessages
	limited, sized bool
}

// touched says that any command is about the topic.
func (s *topicSends) touched() bool { return s.limited || s.shadow != nil || s.sized }

// sends is what commands say of messages that a client sends. It is replaced as a whole.
type sends struct {
	topics map[string]*topicSends
	beyond *topicSends // of topics beyond maxTopics
}

// of is what commands say of a topic.
func (s *sends) of(topic string) *topicSends {
	if of := s.topics[topic]; of != nil {
		return of
	}
	if who := (control.Who{Topic: topic}); who.Exempt() {
		return nil
	}
	return s.beyond
}

// limiterKey names a limiter of a client.
type limiterKey struct {
	command string // name
	shadow  bool
}

// limit finds what applies to each topic that the client has sent to.
func (r *round) limit() {
	c := r.client
	if !r.has(control.CapabilitySendLimit, control.CapabilityLargeMessages) {
		if c.sends.Swap(nil) != nil {
			c.lift()
		}
		return
	}
	c.beyond = r.sendsOf("", c.beyond) // commands that name no topic
	for topic, sends := range c.senders {
		c.senders[topic] = r.sendsOf(topic, sends)
	}
	maps.DeleteFunc(c.limiters, func(key limiterKey, _ *limiter) bool { return !r.limiters[key] })
	c.sends.Store(&sends{maps.Clone(c.senders), c.beyond})
}

// lift lets all through that wait; c.mu is held.
func (c *Client) lift() {
	for _, sends := range c.senders {
		sends.queue.use(nil)
	}
	if c.beyond != nil {
		c.beyond.queue.use(nil)
	}
	clear(c.limiters)
}

// has says whether commands of these capabilities are in force.
func (r *round) has(capabilities ...control.Capability) bool {
	for _, command := range r.all {
		for _, capability := range capabilities {
			if command.Capability() == capability && command.InForce(r.now) {
				return true
			}
		}
	}
	return false
}

// sendsOf is what applies to a topic; before is what did, nil for one that is new.
func (r *round) sendsOf(topic string, before *topicSends) *topicSends {
	s := &topicSends{}
	if before != nil {
		s.queue = before.queue
	} else {
		s.queue = newQueue()
	}
	who := r.about(topic, false)
	if who.Exempt() {
		return s
	}
	limit := r.resolve(control.CapabilitySendLimit, &who)
	s.limited = limit.Applies != nil
	s.queue.use(r.limiterOf(limit.Applies, false))
	s.shadow = r.limiterOf(limit.Shadow, true)
	sizes := r.resolve(control.CapabilityLargeMessages, &who)
	s.sizes, s.sizedBy = sizesOf(sizes.Applies)
	s.shadowSizes, _ = sizesOf(sizes.Shadow)
	s.sized = sizes != control.Resolution{}
	return s
}

// limiterOf is the limiter of a command: all topics of the client that it is for have the same. nil is none.
func (r *round) limiterOf(command *control.Command, shadow bool) *limiter {
	if command == nil {
		return nil
	}
	c, key := r.client, limiterKey{command.Name, shadow}
	r.limiters[key] = true
	if l := c.limiters[key]; l != nil {
		l.change(limitOf(command))
	} else {
		c.limiters[key] = newLimiter(limitOf(command))
	}
	return c.limiters[key]
}

func limitOf(command *control.Command) sendLimit {
	l := command.SendLimit
	return sendLimit{command: command.String(), perSecond: l.PerClientMessagesPerSecond(), coldFactor: l.PerClientColdFactor(),
		ramp: time.Duration(l.RampSeconds * float64(time.Second))}
}

// sendsTo is what commands say of a topic; nil is nothing.
func (c *Client) sendsTo(topic string) *topicSends {
	if sentTo := *c.sentTo.Load(); !sentTo[topic] && len(sentTo) < maxTopics {
		c.learn(topic)
	}
	known := c.sends.Load()
	if known == nil {
		return nil
	}
	s := known.of(topic)
	if s == nil || !s.touched() {
		return nil
	}
	return s
}

// learn notes a topic that is sent to for the first time, and finds what applies to it.
func (c *Client) learn(topic string) {
	defer c.measured.Recover()
	c.commands.mu.Lock()
	defer c.commands.mu.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.senders[topic] != nil || len(c.senders) >= maxTopics {
		return
	}
	c.senders[topic] = newRound(c, time.Now()).sendsOf(topic, nil)
	if c.sends.Load() != nil {
		c.sends.Store(&sends{maps.Clone(c.senders), c.beyond})
	}
	known := maps.Clone(*c.sentTo.Load())
	known[topic] = true
	c.sentTo.Store(&known) // last: whoever finds the topic here looks for what applies to it
	c.commands.Kick()      // it is told of
}

// Admit waits until so many messages of a topic may be sent. The error says that ctx has ended before, and why it waited.
// A panic of the SDK's own lets them through.
func (c *Client) Admit(ctx context.Context, topic string, messages int) (err error) {
	defer c.measured.Recover()
	s := c.sendsTo(topic)
	if s == nil {
		return nil
	}
	c.shadow(s, messages)
	if !s.limited || s.queue.allow(messages) {
		return nil
	}
	c.counts.delayed.Add(uint64(messages))
	return s.queue.wait(ctx, messages)
}

// shadow counts messages that a limit in shadow would touch.
func (c *Client) shadow(s *topicSends, messages int) {
	if s.shadow != nil && !s.shadow.allow(messages) {
		c.counts.wouldTouch.Add(uint64(messages))
	}
}

// AdmitNow is Admit that does not wait.
func (c *Client) AdmitNow(topic string, messages int) (err error) {
	defer c.measured.Recover()
	s := c.sendsTo(topic)
	if s == nil {
		return nil
	}
	c.shadow(s, messages)
	if !s.limited || s.queue.allow(messages) {
		return nil
	}
	return s.queue.refusal(context.DeadlineExceeded)
}

// SendsTouched says that a command is about what is sent to a topic. While none is about any, it costs one load.
func (c *Client) SendsTouched(topic string) bool { return c.sendsTo(topic) != nil }

// Withheld counts a message that is not sent, as one that failed.
func (c *Client) Withheld(topic string, bytes uint64, err error) {
	defer c.measured.Recover()
	class := meter.ClassTimeout
	switch {
	case errors.Is(err, ErrTooLarge):
		class = meter.ClassTooLarge
	case errors.Is(err, context.Canceled):
		class = meter.ClassCancelled
	}
	c.measured.Withheld(&meter.Message{Topic: topic, Offset: -1, Bytes: bytes}, class)
}
