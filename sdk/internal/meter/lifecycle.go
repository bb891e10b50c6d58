package meter

import (
	"time"

	"github.com/weirmq/weir/telemetry"
)

const (
	// ForgetAfter is how long a closed client is kept. Not shorter: handlers may still be
	// at work; not longer: a program that opens clients without end holds them all.
	ForgetAfter = time.Minute
	// KeepAtMost is how long it is kept where something is left to report. Not
	// shorter: that is what one report can hold; not longer: see ForgetAfter.
	KeepAtMost = 10 * time.Minute
)

// Named says what the client and its group are called, before it has started: commands are asked for by its labels before it does anything.
func (c *Client) Named(clientID, group string) {
	settings := &c.registry.settings
	c.mu.Lock()
	defer c.mu.Unlock()
	c.labels = settings.named(settings.labelsOf(c.identity), clientID, group)
}

// Started notes the client's start, and how it names itself and its group. One that has
// stopped may start again, as another client.
func (c *Client) Started(clientID, group string) {
	started := telemetry.Event{Kind: telemetry.EventStarted, TimeUnixMillis: c.clock.WallMillis()}
	settings := &c.registry.settings
	c.mu.Lock()
	c.open, c.closedAt = true, 0
	c.labels = settings.named(settings.labelsOf(c.identity), clientID, group)
	c.events = []telemetry.Event{started}
	for m := range c.each {
		m.note(started)
	}
	c.mu.Unlock()
	c.registry.register(c)
}

// Stopped notes the client's end: what is reported from now on are remains. Of a client
// that is not open it notes nothing.
func (c *Client) Stopped() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.open {
		return
	}
	c.open, c.closedAt = false, c.clock.WallMillis()
	stopped := telemetry.Event{Kind: telemetry.EventStopped, TimeUnixMillis: c.closedAt}
	c.events = append(c.events, stopped)
	for m := range c.each {
		m.note(stopped)
	}
}

// ClosedFor is how long the client has been closed, 0 while it is open.
func (c *Client) ClosedFor(nowMillis int64) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closedAt == 0 {
		return 0
	}
	return max(time.Duration(nowMillis-c.closedAt)*time.Millisecond, 1)
}

// spent says that the client is closed and need not be kept.
func (c *Client) spent(nowMillis int64) bool {
	closedFor := c.ClosedFor(nowMillis)
	return closedFor > KeepAtMost || closedFor > ForgetAfter && c.waiting.Load() == 0 && c.unreported() == 0
}

// unreported is how many meters have counted something since their last report.
func (c *Client) unreported() int {
	count := 0
	for m := range c.All {
		if m.hasCounted() {
			count++
		}
	}
	return count
}

// Look asks the client for what it does not tell by itself.
func (c *Client) Look(nowMillis int64) {
	if c.look != nil {
		c.look(nowMillis)
	}
}

// HeldBack has topics reported as paused that somebody else than the client holds back.
func (c *Client) HeldBack(held func(topic string) bool) { c.held.Store(&held) }

// Consumed notes which topics are consumed, and which of them are paused. Those beyond
// Settings.MaxTopics are paused together: when all of them are.
func (c *Client) Consumed(topics []string, paused map[string]bool, nowMillis int64) {
	states := map[*Meter]bool{}
	held := c.held.Load()
	for _, topic := range topics {
		m := c.meter(&c.consumes, topic)
		others, shared := states[m]
		is := paused[topic] || held != nil && (*held)(topic)
		states[m] = is && (others || !shared)
	}
	for m, state := range states {
		m.setPaused(state, nowMillis)
	}
}

// InGroup notes that the client is a member of its group, and that the group has
// rebalanced so often since it was called last.
func (c *Client) InGroup(rebalances uint64, nowMillis int64) {
	if group := c.meter(&c.groups, ""); rebalances > 0 {
		group.rebalanced(rebalances, nowMillis)
	}
}
