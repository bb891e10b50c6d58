package lag

import (
	"slices"
	"time"
)

const (
	// Forever is the retention of a topic that no message expires from by time, as with Kafka's retention.ms=-1 or with compaction
	// alone.
	Forever time.Duration = -1

	// StaleAfter is how old the newest poll may be for its values to count. Not shorter: polls may be a minute apart, and one of
	// them may take as long. Not longer: a value that stands still reads like a group that does.
	StaleAfter = 2 * time.Minute

	// writesMillis is the time over which the speed of writing is taken: a burst of minutes is not foreseen for ever, and an alert
	// on the last hour of retention sees what that hour is like.
	writesMillis = 3_600_000

	// leastWritesMillis is the least time for it. Not shorter: one batch would be a speed. Not longer: nothing is said for as long.
	leastWritesMillis = 300_000
)

// Ends is what one poll found out about a log.
type Ends struct {
	// At is when it was read, by the collector's clock. A time with a monotonic reading, as of time.Now, is proof against steps of
	// the clock; without one a step back counts as no time at all.
	At time.Time
	// Start is the first offset that can still be read, End the one that the next message will get: Kafka's high watermark,
	// RocketMQ's maxOffset.
	Start, End int64
	// Open is how much of End is of transactions that are still open: Kafka's high watermark less the last stable offset. 0 where
	// there are none, or nobody asked.
	Open int64
	// Retention is how long the topic keeps a message; 0 where nobody read it, else Forever or more than 0.
	Retention time.Duration
	// RetentionBytes is how many bytes the log may have, and Bytes how many it has: Kafka's retention.bytes, and the size that
	// DescribeLogDirs says of the leader. 0 or less where it has no such limit, or nobody read it: nothing is foreseen by size then.
	RetentionBytes, Bytes int64
	// Topic is the topic's id, zero where the broker has none. Another id is another log.
	Topic [16]byte
	// Failed says why nothing could be read. The zero value says that it could.
	Failed Reason
}

// Log is the history of one partition of a Kafka topic, or of one queue of a RocketMQ broker. All groups that read it share it.
// The zero value is ready.
type Log struct {
	origin time.Time // times are kept in milliseconds since it
	ring   ring
	ends   Ends // of the newest poll that could be read
	at     int64
	failed Reason
	polled bool
	// renewed counts how often the log went back, and low is the end that it went back to: -1 where nothing is left of the old one.
	renewed uint32
	low     int64
}

// Poll takes in what a poll found out. Feed a log before the groups that read it.
func (l *Log) Poll(e Ends) {
	if e.Failed != NotPolled {
		l.failed = e.Failed
		return
	}
	l.failed = NotPolled
	if !l.polled {
		l.origin, l.polled = e.At, true
	} else if l.millis(e.At) < l.at {
		// The clock was set back. What is kept moves along, so that ages stay as they were.
		l.origin = e.At.Add(-time.Duration(l.at) * time.Millisecond)
	}
	if len(l.ring) > 0 {
		l.goBack(e)
	}
	l.at, l.ends = l.millis(e.At), e
	l.ring.add(point{l.at, e.End})
	l.ring.trim(e.Start)
}

// goBack looks whether this is the log that it was. A start that falls, an end below the old start or another id is another log: a
// topic deleted and made again. An end that falls is one that lost its newest messages: a leader elected that did not have them.
func (l *Log) goBack(e Ends) {
	switch {
	case e.Topic != l.ends.Topic || e.Start < l.ends.Start || e.End < l.ends.Start:
		l.ring, l.low = l.ring[:0], -1
	case e.End < l.ends.End:
		l.ring.cut(e.End)
		l.low = e.End
	default:
		return
	}
	l.renewed++
}

// millis is a time as it is kept.
func (l *Log) millis(at time.Time) int64 { return at.Sub(l.origin).Milliseconds() }

// stored is a time by a broker's clock, which has no monotonic reading, as it is kept: it is as long before a poll as the two
// clocks say, and never after it.
func (l *Log) stored(at, poll time.Time) int64 {
	age := max(0, poll.Round(0).Sub(at.Round(0)))
	return l.millis(poll) - age.Milliseconds()
}

// writes is how many messages a second were written in the last hour of polls, or in the newest stretch where that is longer; ok is
// false where polls span less than a few minutes.
func (l *Log) writes() (perSecond float64, ok bool) {
	newest := l.ring[len(l.ring)-1]
	at := slices.IndexFunc(l.ring, func(p point) bool { return newest.at-p.at <= writesMillis })
	if newest.at-l.ring[at].at < leastWritesMillis && at > 0 {
		at--
	}
	span := newest.at - l.ring[at].at
	return float64(newest.end-l.ring[at].end) / seconds(span), span >= leastWritesMillis
}

// readable is the end for a reader: of committed messages alone, or of all.
func (l *Log) readable(uncommitted bool) int64 {
	if uncommitted {
		return l.ends.End
	}
	return l.ends.End - l.ends.Open
}
