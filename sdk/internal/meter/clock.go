package meter

import (
	"sync/atomic"
	"time"
)

const nanosPerMilli = 1_000_000

// Clock gives time by the monotonic clock alone, which costs half of what time.Now
// does, and remembers how far the wall clock is from it.
type Clock struct {
	epoch  time.Time
	offset atomic.Int64 // wall clock less now(), nanoseconds
}

func newClock() *Clock {
	c := &Clock{epoch: time.Now()}
	c.Adjust()
	return c
}

// Now is monotonic time in nanoseconds since the clock was made, for several messages at once: ReceivedAt, BeginAt.
func (c *Client) Now() int64 { return c.clock.now() }

// now is monotonic time in nanoseconds since the clock was made.
func (c *Clock) now() int64 { return int64(time.Since(c.epoch)) }

// Adjust follows the wall clock; called in every interval. Both clocks are read at
// once: between two readings the process may lose the processor.
func (c *Clock) Adjust() {
	now := time.Now()
	c.offset.Store(now.UnixNano() - int64(now.Sub(c.epoch)))
}

// WallMillis is the time of the wall clock, Unix milliseconds.
func (c *Clock) WallMillis() int64 { return c.wallMillis(c.now()) }

func (c *Clock) wallNanos(now int64) int64  { return now + c.offset.Load() }
func (c *Clock) wallMillis(now int64) int64 { return c.wallNanos(now) / nanosPerMilli }
