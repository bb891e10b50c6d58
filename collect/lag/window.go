package lag

import "time"

const (
	// Window is how many commits of a partition are judged: Burrow's default of intervals, 10 (core/internal/storage/inmemory.go).
	Window = 10

	// DefaultSpacing is how far apart the commits of a window are at least: Burrow's min-distance. Not shorter: ten commits span 4.5 min
	// with it, and a consumer may keep still that long, as max.poll.interval.ms is 5 min. Not longer: a stalled partition would be
	// found later still. MinSpacing and MaxSpacing bound what may be chosen in its place. Not shorter: polls are not closer, and
	// hardly any consumer commits more often; not longer: a window of three quarters of an hour tells of the past.
	DefaultSpacing = 30 * time.Second
	MinSpacing     = time.Second
	MaxSpacing     = 5 * time.Minute

	// AllowedLag is the lag up to which nothing is wrong: Burrow's default of allowed-lag, 0 (core/internal/evaluator/caching.go).
	AllowedLag = 0
)

// commit is one of the window. Commits less than the spacing after it are merged into it: it keeps its time, and has their
// offset, as in Burrow; and it keeps that lag was gone at one of them, which Burrow forgets. Its lag is as of the newest that was made for
// sure: lag rises between two commits, and an offset that was found standing still in between must not make the next one a fall.
type commit struct {
	at, offset, end, lag int64
	caughtUp, made       bool
	later                int32 // how many ms after at the offset was committed
}

// last is when the offset was committed.
func (c *commit) last() int64 { return c.at + int64(c.later) }

// behind is how far the offset is from the end, lost messages included.
func (c *commit) behind() int64 { return c.end - c.offset }

// window is the newest commits of a partition, in order.
type window struct {
	commits [Window]commit
	n       int
	last    int64 // when the group committed last; the newest of commits may be older, by what was merged into it
}

// all are the commits, the oldest first.
func (w *window) all() []commit { return w.commits[:w.n] }

// add adds a commit, which is merged into the newest one where it is less than spacing after it. One that falls is never merged: what fell must be seen.
func (w *window) add(c commit, spacingMillis int64) {
	c.caughtUp = c.lag <= AllowedLag
	if w.n > 0 {
		last := &w.commits[w.n-1]
		c.at = max(c.at, w.last)
		if c.at-last.at < spacingMillis && c.offset >= last.offset {
			w.last = c.at
			c.at, c.later, c.caughtUp = last.at, int32(c.at-last.at), c.caughtUp || last.caughtUp
			if last.made && !c.made {
				c.lag, c.made = last.lag, true
			}
			*last = c
			return
		}
	}
	if w.n == Window {
		copy(w.commits[:], w.commits[1:])
		w.n--
	}
	w.commits[w.n], w.last = c, c.at
	w.n++
}

// highest is the highest offset that was committed, or NoOffset.
func (w *window) highest() int64 {
	highest := int64(NoOffset)
	for i := range w.all() {
		highest = max(highest, w.commits[i].offset)
	}
	return highest
}

// span is the time that the commits took.
func (w *window) span() int64 { return w.commits[w.n-1].at - w.commits[0].at }

// everCaughtUp says that lag was gone at some commit: Burrow's rule 1.
func (w *window) everCaughtUp() bool {
	for i := range w.all() {
		if w.commits[i].caughtUp {
			return true
		}
	}
	return false
}

// rewound says that an offset fell and none since has reached what it was: Burrow's rule 2. It is so where the newest is below the
// highest; Burrow itself looks at the first fall alone.
func (w *window) rewound() bool { return w.commits[w.n-1].offset < w.highest() }

// moved says that the commits are not all equal: the reverse of Burrow's rule 4.
func (w *window) moved() bool {
	for i := range w.all() {
		if w.commits[i].offset != w.commits[0].offset {
			return true
		}
	}
	return false
}

// everFell says that lag fell from one commit to the next: the reverse of Burrow's rule 5.
func (w *window) everFell() bool {
	for i := 1; i < w.n; i++ {
		if w.commits[i].lag < w.commits[i-1].lag {
			return true
		}
	}
	return false
}

// steady are the commits since an offset fell last.
func (w *window) steady() []commit {
	commits := w.all()
	for i := len(commits) - 1; i > 0; i-- {
		if commits[i].offset < commits[i-1].offset {
			return commits[i:]
		}
	}
	return commits
}
