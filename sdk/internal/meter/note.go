package meter

import (
	"sync"

	"github.com/weirmq/weir/telemetry"
)

const (
	// countAt is how many notes are counted at once. Not fewer: whoever adds the last of them counts all, on a stack that is copied to a larger one for it;
	// not more: they hold their messages' ids until then, or until a report.
	countAt = 128
	// maxNotes bounds the notes that wait. Not fewer: others are added while some are counted; not more: see countAt.
	maxNotes = 2 * countAt
)

// Note is a Handling of which it is noted that it began and that it ended, which is counted later, together with others. Noting calls next
// to nothing: it is for handlers that are called where the stack is nearly used up. Once its end is noted it is of the client, until Counted.
type Note struct {
	Handling
	// Traceparent is the value of the message's header, instead of Message.Trace.
	Traceparent string
	// Counted is called once the note is counted, when it may be used for another message.
	Counted interface{ Counted() }

	trace          traceID // that Message.Trace is
	endedNanos     int64
	beganWallNanos int64 // Unix time
	endedWallNanos int64
	step           telemetry.Step
	failed         bool
}

// noted is that a message's handling began or ended.
type noted struct {
	of    *Note
	ended bool
}

// notes are those that wait to be counted, in order.
type notes struct {
	mu      sync.Mutex
	waiting []noted

	counting sync.Mutex // held while some are counted, so that all are counted in order
	free     []noted    // memory for others
}

// Of fills in whose note it is, and returns the message, to be filled in.
func (n *Note) Of(c *Client) *Message {
	n.client = c
	return &n.message
}

// MoreBytes adds to the message's size.
func (n *Note) MoreBytes(bytes int) { n.message.Bytes += uint64(bytes) }

// Begin notes that the message is received, and that its handler begins now.
func (n *Note) Begin() {
	c := n.client
	n.began = c.clock.now()
	n.beganWallNanos = c.clock.wallNanos(n.began)
	c.note(noted{of: n})
}

// Now notes the time for End.
func (n *Note) Now() { n.endedNanos = n.client.clock.now() }

// End notes that the message's handler had ended when Now was called, and what came of it. Where it is given up it is not tried again.
func (n *Note) End(failed, givenUp bool) {
	n.failed, n.step = failed, telemetry.StepHandled
	if givenUp {
		n.step = telemetry.StepDeadLettered
	}
	c := n.client
	n.endedWallNanos = c.clock.wallNanos(n.endedNanos)
	if c.note(noted{n, true}) >= countAt && c.notes.counting.TryLock() {
		c.countLocked()
	}
}

// note adds a note, and returns how many wait.
func (c *Client) note(of noted) int {
	s := &c.notes
	for {
		s.mu.Lock()
		if len(s.waiting) < maxNotes {
			s.waiting = append(s.waiting, of)
			waiting := len(s.waiting)
			s.mu.Unlock()
			return waiting
		}
		s.mu.Unlock()
		c.countNotes()
	}
}

// countNotes counts what was noted.
func (c *Client) countNotes() {
	c.notes.counting.Lock()
	c.countLocked()
}

// countLocked is countNotes; it unlocks counting.
func (c *Client) countLocked() {
	s := &c.notes
	defer s.counting.Unlock()
	s.mu.Lock()
	batch := s.waiting
	if len(batch) > 0 {
		s.waiting, s.free = s.free, nil
	}
	s.mu.Unlock()
	for at := 0; at < len(batch); {
		at = c.countFrom(batch, at)
	}
	if len(batch) > 0 {
		clear(batch)
		s.free = batch[:0]
	}
}

// countFrom counts those that are of the topic of the first, and returns where the next begin. One that the SDK panics at is left out.
func (c *Client) countFrom(batch []noted, first int) (next int) {
	next = first + 1
	defer c.Recover()
	topic := batch[first].of.message.Topic
	m := c.consumes.latest(topic)
	if m == nil {
		m = c.meter(&c.consumes, topic)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.count(batch[first])
	for next < len(batch) && batch[next].of.message.Topic == topic {
		next++
		m.count(batch[next-1])
	}
	return next
}

// count counts what was noted; m.mu is held.
func (m *Meter) count(noted noted) {
	n := noted.of
	if noted.ended {
		m.handle(&n.Handling, outcome{n.step, n.failed, n.endedNanos, n.endedWallNanos, n.beganWallNanos})
		n.Counted.Counted()
		return
	}
	if id := TraceOf(n.Traceparent); id != "" {
		n.message.Trace = n.trace[:copy(n.trace[:], id)]
	}
	m.receive(&n.message, n.beganWallNanos)
}
