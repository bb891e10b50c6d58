package meter

// together are messages that an application was given by one poll, of one partition: they come one after the other, and what is
// asked of the client, and of the clock, is asked once for them.
type together struct {
	poll       uint64 // 0 is none
	topic      string // which is not the meter's own where topics share one
	partition  int32
	thrownAway bool
	nowNanos   int64 // of the wall clock, Unix time
}

// ReceivedTogether is Received of a message that came with those before it, by the same poll and of the same partition: it counts at their
// time, or not at all where they were thrown away. It returns false, and counts nothing, where it is the first of them. Polls have
// numbers above 0.
func (c *Client) ReceivedTogether(poll uint64, of *Message) bool {
	m := c.consumes.latest(of.Topic)
	if m == nil {
		m = c.meter(&c.consumes, of.Topic)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	t := &m.together
	if t.poll != poll || t.partition != of.Partition || t.topic != of.Topic {
		return false
	}
	m.receiveTogether(of, c.clock)
	return true
}

// ReceivedFirst is Received of a message that is the first of those of a poll and a partition; thrownAway says that the
// application is not given them.
func (c *Client) ReceivedFirst(poll uint64, of *Message, thrownAway bool) {
	m := c.meter(&c.consumes, of.Topic)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.together = together{poll, of.Topic, of.Partition, thrownAway, c.clock.wallNanos(c.clock.now())}
	m.receiveTogether(of, c.clock)
}

// receiveTogether counts a message of those that are together. Where one poll waits while another is given messages, it has that
// reading of the clock: so one that is before a message's own time is read anew. m.mu is held.
func (m *Meter) receiveTogether(of *Message, clock *Clock) {
	t := &m.together
	if t.thrownAway {
		return
	}
	if t.nowNanos/nanosPerMilli < of.StampMillis {
		t.nowNanos = clock.wallNanos(clock.now())
	}
	m.receive(of, t.nowNanos)
}
