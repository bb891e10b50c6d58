package lag

import (
	"fmt"
	"time"
)

// evidence is what a state was found from.
type evidence struct {
	commits           int
	span, silent      time.Duration
	offset, highest   int64
	firstLag, lastLag int64
	caughtUp          bool
	waits             time.Duration // at least, of the oldest unread message
}

// judge finds the state, in the order of calculatePartitionStatus of Burrow's core/internal/evaluator/caching.go. Burrow judges a
// window that is not full as if it were, and calls one commit stalled; here that takes ten.
func (p *Partition) judge(a *Assessment, now, unread int64) {
	w := &p.window
	a.seen = evidence{offset: p.commit, lastLag: unread, commits: w.n}
	switch {
	case p.paused:
		a.State = PAUSED
		return
	case unread <= AllowedLag:
		a.State = OK
		return
	case w.n == 0:
		a.Why = TooFewCommits
		return
	}
	waits, _ := a.AtLeast.Get()
	a.seen.span, a.seen.silent, a.seen.waits = millis(w.span()), millis(now-w.last), time.Duration(waits*float64(time.Second))
	a.seen.highest, a.seen.firstLag, a.seen.caughtUp = w.highest(), w.commits[0].lag, w.everCaughtUp()
	switch {
	case now-w.last > max(w.span(), p.span()) && a.seen.waits > millis(p.span()):
		// Rule 3. Burrow wants no stored end at or below the commit: nobody had caught up lately, or a message that has just
		// come after a quiet hour would make it a stop.
		a.State = STOP
	case w.rewound():
		a.State = REWIND
	case a.seen.caughtUp || w.moved() && w.everFell():
		a.State = OK
	case w.n < Window:
		a.Why = TooFewCommits
	case !w.moved():
		a.State = STALL
	default:
		a.State = WARN
	}
}

func millis(n int64) time.Duration { return time.Duration(n) * time.Millisecond }

// Explain says in words why the state is what it is.
func (a *Assessment) Explain() string {
	e := &a.seen
	switch a.State {
	case StateUnknown:
		if a.Why == TooFewCommits {
			return fmt.Sprintf("too few commits: %d of %d", e.commits, Window)
		}
		return a.Why.String()
	case PAUSED:
		return fmt.Sprintf("paused at offset %d, %d messages wait", e.offset, e.lastLag)
	case STOP:
		return fmt.Sprintf("no commit for %v, a message has waited for %v or longer, %d wait", e.silent, e.waits, e.lastLag)
	case REWIND:
		return fmt.Sprintf("the commit fell from offset %d, and has regained %d", e.highest, e.offset)
	case STALL:
		return fmt.Sprintf("%d commits in %v were all of offset %d, %d messages wait", e.commits, e.span, e.offset, e.lastLag)
	case WARN:
		return fmt.Sprintf("lag never fell over %d commits in %v: it was %d, and is %d", e.commits, e.span, e.firstLag, e.lastLag)
	}
	switch {
	case e.lastLag <= AllowedLag:
		return "nothing is unread"
	case e.caughtUp:
		return fmt.Sprintf("of the newest %d commits one left nothing unread", e.commits)
	}
	return fmt.Sprintf("commits move, and lag fell between some of the newest %d", e.commits)
}
