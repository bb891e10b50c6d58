package lag

import (
	"math"
	"time"
)

const (
	// preciseMillis is how far apart the bounds of an age may be for the age to be known, whatever it is. Not less: polls may be a
	// minute apart. Not more: the shortest limit that rules.d/policy.yaml has is a minute.
	preciseMillis = 60_000

	// preciseShare is how far apart they may be as a share of the upper one. Not less: points a day old are a fifth of their age
	// apart. Not more: the age could be off by more than twice.
	preciseShare = 0.5

	// standsMillis is for how long a commit must not have moved before a reader is asked whether there is a message at all. Not shorter: of a
	// group that goes on nobody need look. Not longer: the shortest limit of rules.d/policy.yaml is a minute, and markers of
	// transactions must not reach it.
	standsMillis = 30_000

	// BoundCounts is the age from which a lower bound is reported where the age is not known. Not shorter: an alert on the longest
	// limit of rules.d/policy.yaml, 30 min, must not resolve because a collector began anew and knows less. Not longer: of a group
	// that was far behind before the first poll nothing would be said for as long.
	BoundCounts = time.Hour
)

// Assessment is what is known of a group in a partition at one time.
type Assessment struct {
	// Messages is the lag: those that are unread and can be read. Of a compacted topic it is an upper bound: offsets are
	// counted, and some have no message.
	Messages Value[int64]
	// Lost is how many expired, or were deleted, before the group had read them: those between its commit and the log's start.
	Lost Value[int64]
	// Open is how many are of open transactions, and lie past the last stable offset. They are not in Messages, unless the group
	// does not wait.
	Open int64
	// Seconds is the age of the oldest unread message, in seconds; 0 where nothing is unread. AtLeast and AtMost are bounds, which
	// may be known where it is not.
	Seconds, AtLeast, AtMost Value[float64]
	// Drain is in how many seconds nothing will be unread, if all goes on as over the window; +Inf where lag does not fall.
	Drain Value[float64]
	// CommitAge is for how many seconds the commit has not moved while something was unread, as far as polls know; 0 where nothing is.
	CommitAge Value[float64]
	// ConsumedPerSecond is how many messages a second the group consumed in the last one to two minutes, by its commits.
	ConsumedPerSecond Value[float64]
	// RetentionLeft is in how many seconds the oldest unread message may expire, by time or by size; the whole retention by time where
	// nothing is unread.
	RetentionLeft Value[float64]
	// State is how the group gets on, and Why says why that is not known.
	State State
	Why   Reason

	ask     Value[int64]
	seen    evidence
	pending pending
}

// At is what is known at a time, by the collector's clock.
func (p *Partition) At(now time.Time) Assessment {
	why := p.trouble()
	at := int64(0)
	if p.log.polled {
		at = max(p.log.millis(now), p.log.at)
		if at-min(p.log.at, p.at) > StaleAfter.Milliseconds() && why == known {
			why = Stale
		}
	}
	if why == known {
		a := p.assess(at)
		a.pending = a.unsettled()
		return a
	}
	a := unknown(why)
	switch {
	case why != NotPolled && why != Unreachable && why != Stale: // it will not be known soon, and hides nothing that was
	case !p.polled || p.commit == NoOffset:
		a.pending = pending{messages: true, state: true, retention: true, drain: true, consumed: true,
			age: BoundCounts.Seconds(), commit: BoundCounts.Seconds()}
	default:
		was := p.assess(p.log.at)
		a.pending = was.left()
	}
	return a
}

// assess is what is known where the offsets are.
func (p *Partition) assess(at int64) Assessment {
	unread := p.unread()
	a := Assessment{Messages: Known(unread), Lost: Known(p.lost), Open: p.log.ends.End - p.log.readable(p.uncommitted)}
	p.age(&a, at, unread)
	a.RetentionLeft = p.retentionLeft(&a, unread)
	a.Drain = p.drain(unread)
	a.CommitAge, a.ConsumedPerSecond = p.pace.standing(at, unread), p.pace.perSecond(p.at, p.commit)
	if p.commit == NoOffset {
		a.ConsumedPerSecond = Known(0.0) // there is nothing to consume
	}
	p.judge(&a, at, unread)
	_, exact := a.Seconds.Get()
	stands := at-p.pace.stood >= standsMillis
	if unread > 0 && !p.asked() && (!exact || stands || a.State == STOP || a.State == STALL) {
		a.ask = Known(p.position())
	}
	return a
}

// unknown is the assessment of which nothing is known.
func unknown(why Reason) Assessment {
	count, number := Unknown[int64](why), Unknown[float64](why)
	return Assessment{
		Messages: count, Lost: count, Seconds: number, AtLeast: number, AtMost: number, Drain: number, CommitAge: number,
		ConsumedPerSecond: number, RetentionLeft: number, Why: why,
	}
}

// Ask is the offset at which a reader would learn more: when the message there was stored, or that there is none. It is asked for
// where the age is not known, and before an age or a state that wakes people is believed: where the commit stands. Once for each offset.
// Answer with (*Partition).Found.
func (a *Assessment) Ask() (offset int64, ok bool) { return a.ask.Get() }

// asked says that a reader has looked at the first unread message.
func (p *Partition) asked() bool {
	return p.mark.read && p.mark.asked <= p.position() && p.position() <= p.mark.offset
}

// age finds how old the oldest unread message is: it was written between two polls, or not before what a mark says.
func (p *Partition) age(a *Assessment, now, unread int64) {
	if unread == 0 {
		a.Seconds, a.AtLeast, a.AtMost = Known(0.0), Known(0.0), Known(0.0)
		return
	}
	position := p.position()
	left, right, hasLeft := p.log.ring.around(position)
	if p.mark.timed && p.mark.offset <= position {
		stored := min(p.mark.at, right.at) // nothing is written after it was seen
		if p.mark.offset == position {
			if hasLeft {
				stored = max(stored, left.at)
			}
			left, right, hasLeft = point{stored, position}, point{stored, position + 1}, true
		} else if !hasLeft || stored > left.at {
			left, hasLeft = point{stored, p.mark.offset + 1}, true
		}
	}
	a.AtLeast = Known(seconds(now - right.at))
	if !hasLeft {
		why := BeforeFirstPoll
		if p.lost > 0 {
			why = LogStartPassed
		}
		a.Seconds, a.AtMost = Unknown[float64](why), Unknown[float64](why)
		return
	}
	a.AtMost = Known(seconds(now - left.at))
	if width := float64(right.at - left.at); width > max(preciseMillis, preciseShare*float64(now-left.at)) {
		a.Seconds = Unknown[float64](PollsTooFarApart)
		return
	}
	// In the middle of the share that each message has of the time between.
	share := (float64(position-left.end) + 0.5) / float64(right.end-left.end)
	a.Seconds = Known(seconds(now-left.at) - share*seconds(right.at-left.at))
}

func seconds(millis int64) float64 { return float64(millis) / 1000 }

// retentionLeft is in how long the oldest unread message may expire, by time or by size, whichever is first.
func (p *Partition) retentionLeft(a *Assessment, unread int64) Value[float64] {
	if p.losing && unread > 0 {
		return Known(0.0) // it expires now
	}
	byTime, bySize := p.timeLeft(a), p.sizeLeft(unread)
	why, _ := byTime.Why()
	left, timed := byTime.Get()
	room, sized := bySize.Get()
	switch {
	case timed && sized:
		return Known(min(left, room))
	case sized && why == KeptForever:
		return bySize
	}
	if why, unknown := bySize.Why(); timed && unknown && why != KeptForever {
		return bySize
	}
	return byTime
}

// timeLeft is what the retention leaves of the age. Kafka deletes a segment when its newest message has expired, RocketMQ a file
// at an hour of the day: the message may be there for longer, never for less.
func (p *Partition) timeLeft(a *Assessment) Value[float64] {
	whole := p.log.ends.Retention
	age, aged := a.Seconds.Get()
	switch {
	case whole == 0:
		return Unknown[float64](RetentionNotRead)
	case whole < 0:
		return Unknown[float64](KeptForever)
	case !aged:
		why, _ := a.Seconds.Why()
		return Unknown[float64](why)
	}
	return Known(max(0, whole.Seconds()-age))
}

// sizeLeft is how long it takes to write as much as the log has room for with what is unread, if messages are as large as those
// that are there and come as in the last hour. Kafka deletes a segment once the rest has the size: the message may be there for
// longer.
func (p *Partition) sizeLeft(unread int64) Value[float64] {
	e := &p.log.ends
	if e.RetentionBytes <= 0 || e.Bytes <= 0 || unread == 0 {
		return Unknown[float64](KeptForever)
	}
	perSecond, ok := p.log.writes()
	if !ok {
		return Unknown[float64](BeforeFirstPoll)
	}
	fits := float64(e.RetentionBytes) * float64(e.End-e.Start) / float64(e.Bytes)
	room := fits - float64(e.End-p.position())
	switch {
	case room <= 0:
		return Known(0.0)
	case perSecond <= 0:
		return Unknown[float64](KeptForever)
	}
	return Known(room / perSecond)
}

// drain is the lag by the speed at which the distance from the end shrank since the window's first commit. What retention takes
// does not count as speed.
func (p *Partition) drain(unread int64) Value[float64] {
	if unread == 0 {
		return Known(0.0)
	}
	if p.paused {
		return Unknown[float64](Paused)
	}
	steady := p.window.steady()
	if len(steady) == 0 || p.log.at-steady[0].last() < p.spacing {
		return Unknown[float64](TooFewCommits)
	}
	shrunk := steady[0].behind() - (p.log.readable(p.uncommitted) - p.commit)
	if shrunk <= 0 {
		return Known(math.Inf(1))
	}
	return Known(float64(unread) * seconds(p.log.at-steady[0].last()) / float64(shrunk))
}
