package weir

import (
	"sync/atomic"
	"time"
)

const nanosPerMilli = 1_000_000

// clock gives time by the monotonic clock alone, which costs half of what time.Now
// does, and remembers how far the wall clock is from it.
type clock struct {
	epoch  time.Time
	offset atomic.Int64 // wall clock less now(), nanoseconds
}

func newClock() *clock {
	c := &clock{epoch: time.Now()}
	c.adjust()
	return c
}

// now is monotonic time in nanoseconds since the clock was made.
func (c *clock) now() int64 { return int64(time.Since(c.epoch)) }

// adjust follows the wall clock; called in every interval. Both clocks are read at
// once: between two readings the process may lose the processor.
func (c *clock) adjust() {
	now := time.Now()
	c.offset.Store(now.UnixNano() - int64(now.Sub(c.epoch)))
}

func (c *clock) wallNanos(now int64) int64  { return now + c.offset.Load() }
func (c *clock) wallMillis(now int64) int64 { return c.wallNanos(now) / nanosPerMilli }
