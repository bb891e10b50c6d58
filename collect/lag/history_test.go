package lag

import (
	"flag"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

var (
	histories = flag.Int("histories", 300, "how many random histories are played")
	seed      = flag.Uint64("seed", 0, "play this history alone")
)

// TestHistories plays random histories of a log and a group, and holds every assessment against what a naive count over all that
// ever happened says. -histories plays more, -seed one.
func TestHistories(t *testing.T) {
	if *seed != 0 {
		play := newHistory(*seed)
		play.run(t)
		return
	}
	states, known, unknown := map[State]int{}, 0, 0
	for n := range *histories {
		h := newHistory(uint64(n + 1))
		h.run(t)
		if t.Failed() {
			t.Fatalf("play it alone with -seed %d", n+1)
		}
		for state, count := range h.states {
			states[state] += count
		}
		known, unknown = known+h.known, unknown+h.unknown
	}
	t.Logf("%v; ages known %d, unknown %d", states, known, unknown)
	for _, state := range []State{StateUnknown, OK, PAUSED, WARN, STOP, STALL, REWIND} {
		if states[state] == 0 {
			t.Errorf("no history comes to %v", state)
		}
	}
}

// history is all that happens to a log and a group, in milliseconds since the begin, and what the naive count makes of it.
type history struct {
	random *rand.Rand
	log    Log
	group  *Partition

	now, polledAt int64
	written       []int64 // when each message was written, by offset
	start, commit int64
	paused, made  bool
	queue         bool // of RocketMQ, which says when the last consumed message was stored
	owner         Owner

	commits []naiveCommit // since the log or the group began anew
	lastAt  int64         // when the group committed
	seenAt  int64         // when the commit was first seen, or the group resumed
	known   int
	unknown int
	states  map[State]int
	spacing int64
}

// naiveCommit is a commit as it was seen.
type naiveCommit struct {
	at, offset, end, lag int64
	made                 bool // and not only found standing still
}

func newHistory(seed uint64) *history {
	h := &history{random: rand.New(rand.NewPCG(seed, 0)), states: map[State]int{}, owner: Owned}
	h.spacing = []int64{1_000, 7_000, 30_000, 300_000}[h.random.IntN(4)]
	h.group = Spaced(&h.log, time.Duration(h.spacing)*time.Millisecond)
	h.made, h.queue = h.random.IntN(2) == 0, h.random.IntN(2) == 0
	return h
}

func (h *history) run(t *testing.T) {
	t.Helper()
	speed, pull := h.random.Int64N(40), h.random.Int64N(50)
	h.write(h.random.Int64N(500))
	h.commit = h.random.Int64N(int64(len(h.written)) + 1)
	first := true
	for range 50 + h.random.IntN(500) {
		h.now += 1 + h.random.Int64N(20_000)
		h.write(h.random.Int64N(speed + 1))
		before, wasPaused := h.commit, h.paused
		committed := h.consume(pull)
		renewed := h.happen(&speed, &pull)
		if !h.made {
			committed = h.owner == Owned // nobody sees commits that repeat: who owns the partition makes them
		}
		h.poll(committed)
		h.note(first || h.commit != before, wasPaused && !h.paused, committed, renewed)
		first = false
		h.read()
		if h.check(t); t.Failed() {
			return
		}
	}
}

// write writes messages at random times since the last poll.
func (h *history) write(n int64) {
	last := h.polledAt
	times := make([]int64, n)
	for i := range times {
		times[i] = last + h.random.Int64N(h.now-last+1)
	}
	slices.Sort(times)
	h.written = append(h.written, times...)
}

// consume moves the commit on, and says whether the group committed at all.
func (h *history) consume(pull int64) bool {
	if h.paused || h.owner != Owned {
		return false
	}
	h.commit = min(int64(len(h.written)), max(h.commit, h.start)+h.random.Int64N(pull+1))
	return true
}

// happen is what happens seldom. It says whether the log is another one now.
func (h *history) happen(speed, pull *int64) bool {
	end := int64(len(h.written))
	switch h.random.IntN(60) {
	case 0:
		*speed, *pull = h.random.Int64N(40), h.random.Int64N(50)
	case 1:
		*pull = 0 // a message that cannot be handled
	case 2:
		h.owner = Owner(1 + h.random.IntN(2))
	case 3:
		h.start += h.random.Int64N(end - h.start + 1)
	case 4:
		h.paused = !h.paused
	case 5:
		h.commit = h.random.Int64N(h.commit + 1)
	case 6:
		if end > 1 && h.start < end/2 {
			cut := max(h.start, end-1-h.random.Int64N(end/2+1))
			h.written = h.written[:cut]
			h.commit = min(h.commit, cut)
			return true
		}
	case 7:
		h.now += h.random.Int64N(3 * 3_600_000) // no poll for hours
	}
	return false
}

func at(millis int64) time.Time { return began.Add(time.Duration(millis) * time.Millisecond) }

func (h *history) poll(committed bool) {
	h.polledAt = h.now
	h.log.Poll(Ends{At: at(h.now), Start: h.start, End: int64(len(h.written)), Retention: 24 * time.Hour})
	c := Commit{At: at(h.now), Offset: h.commit, Owner: h.owner, Paused: h.paused}
	if h.made {
		if committed {
			h.lastAt = h.now
		}
		c.Made = at(h.lastAt)
	}
	if h.queue && h.commit > 0 {
		c.LastStored = at(h.written[h.commit-1])
	}
	h.group.Poll(c)
}

// read answers what an assessment asks, seldom.
func (h *history) read() {
	a := h.group.At(at(h.now))
	if offset, ok := a.Ask(); ok && h.random.IntN(10) == 0 {
		h.group.Found(Found{At: at(h.now), Asked: offset, Offset: offset, Stored: at(h.written[offset])})
	}
}

// note keeps the commit, if there was one, with all that were before.
func (h *history) note(moved, resumed, committed, renewed bool) {
	if renewed {
		end := int64(len(h.written))
		for _, slot := range h.slots() {
			if slot[len(slot)-1].offset > end {
				h.commits = nil
			}
		}
	}
	if h.paused {
		h.commits = nil
		if moved {
			h.seenAt = h.now
		}
		return
	}
	if moved || resumed {
		h.seenAt = h.now
	}
	when := h.now
	if h.made {
		when = h.lastAt
	}
	if len(h.commits) == 0 && !moved {
		when = h.seenAt // as it was made before the pause, or before the log went back
		if h.made {
			when = max(when, h.lastAt)
		}
	} else if !committed && !moved {
		return
	}
	if n := len(h.commits); n > 0 {
		when = max(when, h.commits[n-1].at)
	}
	end := int64(len(h.written))
	h.commits = append(h.commits, naiveCommit{when, h.commit, end, end - max(h.commit, h.start), moved || h.made})
}
