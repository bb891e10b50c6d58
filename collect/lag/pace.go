package lag

import "math"

const (
	// paceMillis is the least time over which consumption is measured once polls span it; the most is twice that. Not shorter:
	// consumers that commit once in half a minute would stand still and run in turns. Not longer: a consumer that slows down must
	// show within the minutes in which somebody looks.
	paceMillis = 60_000

	// leastPaceMillis is the least time for it at the begin. Not shorter: many consumers commit every 5 s, and of two polls as far
	// apart one may see two commits and one none. Not longer: nothing is said for as long.
	leastPaceMillis = 10_000
)

// pace is how fast a group goes on in a log, and since when it does not.
type pace struct {
	old, next point // what was consumed at two times; old is what is compared with
	begun     bool
	stood     int64 // since when the commit has stood still while something was unread, as far as polls know
	seen      bool  // that it moved then, or that nothing was unread
}

// take takes a poll in: the first offset that is unread, where there was a message to read.
func (s *pace) take(at, position int64) {
	if !s.begun {
		*s = pace{old: point{at, position}, next: point{at, position}, begun: true, stood: s.stood, seen: s.seen}
	}
	if at-s.next.at >= paceMillis {
		s.old, s.next = s.next, point{at, position}
	}
}

// stands keeps since when the commit stands: it moved at a time, or nothing was unread, or this is the first poll.
func (s *pace) stands(since int64, seen bool) { s.stood, s.seen = since, seen }

// perSecond is how many messages a second the group consumed up to a commit, over one to two minutes. What retention took was not
// consumed.
func (s *pace) perSecond(at, commit int64) Value[float64] {
	span := at - s.old.at
	if !s.begun || span < leastPaceMillis {
		return Unknown[float64](TooFewCommits)
	}
	return Known(float64(max(0, commit-s.old.end)) / seconds(span))
}

// standing is how long the commit has not moved while something was unread. What stood still already at the first poll has done so for
// longer: it is said once that is long enough to count.
func (s *pace) standing(now, unread int64) Value[float64] {
	if unread == 0 {
		return Known(0.0)
	}
	age := seconds(now - s.stood)
	if !s.seen && age < BoundCounts.Seconds() {
		return Unknown[float64](BeforeFirstPoll)
	}
	return Known(max(0, age))
}

// ends says that a drain has an end that is known.
func ends(drain Value[float64]) bool {
	seconds, ok := drain.Get()
	return ok && !math.IsInf(seconds, 1)
}
