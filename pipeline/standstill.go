package pipeline

import (
	"sync"
	"time"
)

// Bounds of a standstill.
const (
	// standstillAfter is how long a process runs nothing before it counts as having stood
	// still. Not larger: its group may take it for dead from then on, as its newest heartbeat
	// was before; not smaller: a busy machine lets a process wait for seconds.
	standstillAfter = sessionTimeout - heartbeatInterval
	// wakeTime is how long a process then says nothing in the name of its partitions. Not
	// smaller: a heartbeat tells it meanwhile whether they are another's; not larger: alerts
	// wait for it.
	wakeTime = 2 * heartbeatInterval
	// standstillInterval is how often it looks. Not smaller: it is woken for it; not larger:
	// what is between two looks counts as a standstill.
	standstillInterval = time.Second
)

// standstill notices that the process has stood still, as under SIGSTOP or with its machine.
type standstill struct {
	mu     sync.Mutex
	looked time.Time
	awake  time.Time // when it is to be over
}

func newStandstill(now time.Time) *standstill { return &standstill{looked: now.Round(0)} }

// over says whether the process runs, and has for a while. It must be asked at least every
// standstillInterval. The wall clock counts: another stands still with the machine.
func (s *standstill) over(now time.Time) bool {
	now = now.Round(0)
	s.mu.Lock()
	defer s.mu.Unlock()
	if now.Sub(s.looked) > standstillAfter {
		s.awake = now.Add(wakeTime)
	}
	s.looked = now
	if s.awake.Sub(now) > wakeTime { // the clock was set back
		s.awake = now
	}
	return !now.Before(s.awake)
}
