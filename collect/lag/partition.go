package lag

import "time"

// NoOffset is the commit of a partition that the group never committed: Kafka's OffsetFetch answers with it.
const NoOffset = -1

// Owner says whether a live member of the group owns the partition.
type Owner uint8

// The owners.
const (
	OwnerUnknown Owner = iota
	Owned
	Unowned
)

// Commit is what one poll found out about a group in a partition.
type Commit struct {
	// At is when it was read, by the collector's clock. Read commits before ends: lag is then too high by what came in between,
	// never negative.
	At time.Time
	// Offset is the first offset that the group has not consumed, NoOffset where it never committed. Of a share group it is the start
	// offset of its partition: what lies behind may be acknowledged in part, and messages are an upper bound.
	Offset int64
	// Made is when the group committed, by the broker's clock, where that is known: records of __consumer_offsets have it,
	// OffsetFetch and RocketMQ do not.
	Made time.Time
	// Owner tells commits that repeat an offset from no commits where Made is not known. Many consumers repeat theirs as long as they
	// live (Java's every auto.commit.interval.ms, RocketMQ's every persistConsumerOffsetInterval, 5 s both); others commit only
	// what moved, and a live one that stands still is stalled all the same.
	Owner Owner
	// Paused says that the group has paused, or is suspended.
	Paused bool
	// LastStored is when the last consumed message was stored, by the broker's clock: RocketMQ's lastTimestamp. Zero where unknown.
	LastStored time.Time
	// Failed says why the commit could not be read. The zero value says that it could.
	Failed Reason
}

// Partition is what a group does with one log. Make it with Of or Spaced.
type Partition struct {
	log     *Log
	commit  int64
	at      int64 // of the newest poll that could be read
	seen    int64 // when this commit was first seen, or the group resumed
	mark    mark
	window  window
	pace    pace
	lost    int64 // at the newest poll
	spacing int64 // milliseconds
	// renewed is the log's, as it was when this was last fed.
	renewed uint32
	failed  Reason
	polled  bool
	paused  bool
	// uncommitted says that the group has committed past the last stable offset: it does not wait for transactions.
	uncommitted bool
	// missed says that the commit moved while nothing was known of its lag: it is sampled as soon as something is.
	missed bool
	// losing says that the log's start passed unread messages while somebody looked.
	losing bool
}

// mark is what is known of single messages: none lies from asked up to offset, and the one there was stored at a time.
type mark struct {
	asked, offset, at int64
	set, timed        bool
	read              bool // somebody has looked whether there is a message at offset
}

// Spaced is a group's state in a log that was not polled yet, whose commits are judged ten at a time, each at least spacing after the one
// before: MinSpacing to MaxSpacing.
func Spaced(log *Log, spacing time.Duration) *Partition {
	return &Partition{log: log, renewed: log.renewed, spacing: spacing.Milliseconds()}
}

// span is the least time in milliseconds that a full window takes. For as long a group is not said to have stopped, also where the window
// is not full.
func (p *Partition) span() int64 { return (Window - 1) * p.spacing }

// Poll takes in what a poll found out. Its log was fed before.
func (p *Partition) Poll(c Commit) {
	if c.Failed != NotPolled {
		p.failed = c.Failed
		return
	}
	p.failed = NotPolled
	if !p.log.polled {
		return
	}
	p.follow()
	p.see()
	fell := c.Offset < p.commit || p.commit == NoOffset
	moved, resumed := !p.polled || c.Offset != p.commit, p.paused && !c.Paused
	lost := p.lost
	p.at, p.commit, p.paused = max(p.log.millis(c.At), p.at), c.Offset, c.Paused
	first := !p.polled
	if moved || resumed {
		p.seen = p.at
	}
	if c.Offset == NoOffset {
		p.window, p.pace, p.mark, p.lost, p.losing, p.polled = window{}, pace{}, mark{}, 0, false, true
		return
	}
	p.see()
	p.lost = max(0, p.log.ends.Start-c.Offset)
	p.losing = p.lost > 0 && (p.losing || p.polled && !fell && p.lost > lost)
	p.polled = true
	if !c.LastStored.IsZero() {
		p.keep(mark{asked: c.Offset - 1, offset: c.Offset - 1, at: p.log.stored(c.LastStored, c.At), set: true, timed: true, read: true})
	}
	p.paces(c, first, fell, moved)
	if p.paused || p.trouble() == CommitPastEnd {
		p.window = window{} // what was committed before a pause, or of another log, says nothing about what comes
		return
	}
	p.sample(c, moved)
}

// paces takes in how the group goes on. One that is new, or fell back, begins anew.
func (p *Partition) paces(c Commit, first, fell, moved bool) {
	sound := p.trouble() == known
	if moved {
		since := p.at
		if !c.Made.IsZero() {
			since = p.log.stored(c.Made, c.At)
		}
		p.pace.stands(since, !first)
	}
	if sound && p.unread() == 0 {
		p.pace.stands(p.at, true)
	}
	if first || fell || !sound {
		p.pace.begun = false
	}
	if sound {
		p.pace.take(p.at, max(p.commit, p.log.ends.Start))
	}
}

// see looks for a commit past the last stable offset that was there before the log was read: who makes one reads what is not
// committed.
func (p *Partition) see() {
	if p.polled && p.at < p.log.at && p.commit > p.log.readable(false) && p.commit <= p.log.ends.End {
		p.uncommitted = true
	}
}

// follow forgets what the log that went back does not have any more.
func (p *Partition) follow() {
	if p.renewed == p.log.renewed {
		return
	}
	low := p.log.low
	if p.log.renewed != p.renewed+1 {
		low = -1
	}
	p.renewed = p.log.renewed
	if p.mark.offset >= low {
		p.mark = mark{}
	}
	if p.window.highest() > low {
		p.window = window{}
	}
	if p.commit > low {
		p.pace.begun = false
	}
	if low < 0 {
		p.lost, p.losing = 0, false
	}
	p.uncommitted = false // the last stable offset may have gone back too
}

// sample adds a commit to the window, if there was one. A window that is empty gets the commit that is there, as of when it was
// seen.
func (p *Partition) sample(c Commit, moved bool) {
	moved = moved || p.missed
	if p.missed = moved && p.trouble() != known; p.trouble() != known {
		return // no lag that could be judged
	}
	at, repeated := p.at, c.Owner == Owned
	if !c.Made.IsZero() {
		at = p.log.stored(c.Made, c.At)
		repeated = at > p.window.last
	}
	switch {
	case moved:
	case p.window.n == 0 && c.Made.IsZero():
		at = p.seen
	case p.window.n == 0:
		at = max(at, p.seen)
	case !repeated:
		return
	}
	p.window.add(commit{at: at, offset: c.Offset, end: p.log.readable(p.uncommitted), lag: p.unread(), made: moved || !c.Made.IsZero()}, p.spacing)
}

// Found says what a reader finds where it asks for the message at an offset: see Assessment.Ask.
type Found struct {
	At time.Time // when it was asked, by the collector's clock
	// Asked is the offset that was asked for, Offset that of the first message at or after it, or the end where there is none. What
	// lies between was compacted away, was aborted, or holds markers of transactions, which no consumer is given.
	Asked, Offset int64
	// Stored is when that message was stored, by the broker's clock or by its producer's. Zero where it is not known.
	Stored time.Time
	// Partly says that the reader looked no further than Offset, and knows of no message before it: it is asked for the rest.
	Partly bool
}

// Found takes in what a reader found in the log.
func (p *Partition) Found(f Found) {
	if !p.log.polled || f.Offset < f.Asked {
		return
	}
	m := mark{asked: f.Asked, offset: f.Offset, set: true, read: !f.Partly && f.Offset < p.log.readable(p.uncommitted)}
	if p.mark.set && p.mark.asked < f.Asked && p.mark.offset == f.Asked && !p.mark.read {
		m.asked = p.mark.asked // it goes on where the answer before ended
	}
	if !f.Stored.IsZero() {
		m.at, m.timed = p.log.stored(f.Stored, f.At), true
	}
	p.keep(m)
	if p.trouble() == known && p.unread() == 0 {
		p.pace.stands(p.log.at, true)
	}
}

// Uncommitted says that the group reads messages of transactions that are open or were aborted, too. A reader who looks for what it
// has not read must know.
func (p *Partition) Uncommitted() bool { return p.uncommitted }

// keep keeps the mark that is nearest below what is unread: a bound from RocketMQ never replaces what was read at the commit
// itself.
func (p *Partition) keep(m mark) {
	if !p.mark.set || p.mark.asked > max(p.commit, p.log.ends.Start) || m.offset >= p.mark.offset {
		p.mark = m
	}
}

// position is the first offset that is unread: the commit, or the log's start where that has passed it, or the first message from
// there on.
func (p *Partition) position() int64 {
	position := max(p.commit, p.log.ends.Start)
	if p.mark.set && p.mark.asked <= position && position < p.mark.offset {
		return p.mark.offset
	}
	return position
}

// unread is the lag, where nothing is in the way of knowing it.
func (p *Partition) unread() int64 { return max(0, p.log.readable(p.uncommitted)-p.position()) }

// trouble says why nothing is known of the lag, or known.
func (p *Partition) trouble() Reason {
	switch {
	case p.log.failed != NotPolled:
		return p.log.failed
	case p.failed != NotPolled:
		return p.failed
	case !p.polled:
		return NotPolled
	case p.commit == NoOffset && p.log.ends.Start == p.log.ends.End:
		return known // there is nothing that it could have left unread
	case p.commit == NoOffset:
		return NeverCommitted
	case p.commit > p.log.ends.End && p.seen < p.log.at:
		return CommitPastEnd // an end that was read before the commit may be lower
	}
	return known
}
