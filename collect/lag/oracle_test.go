package lag

import (
	"math"
	"slices"
	"testing"
	"time"
)

// age is how long the oldest unread message has been there.
func (h *history) age() float64 {
	position := max(h.commit, h.start)
	if position == int64(len(h.written)) {
		return 0
	}
	return float64(h.now-h.written[position]) / 1000
}

// check compares one assessment with the naive count.
func (h *history) check(t *testing.T) {
	t.Helper()
	a := h.group.At(at(h.now))
	fail := func(format string, args ...any) {
		t.Helper()
		t.Errorf("at %v: "+format, append([]any{time.Duration(h.now) * time.Millisecond}, args...)...)
	}
	end := int64(len(h.written))
	lag := end - max(h.commit, h.start)
	if got, ok := a.Messages.Get(); !ok || got != lag {
		fail("lag %v %v, want %d", got, ok, lag)
	}
	if got, ok := a.Lost.Get(); !ok || got != max(0, h.start-h.commit) {
		fail("lost %v %v, want %d", got, ok, max(0, h.start-h.commit))
	}
	age := h.age()
	least, _ := a.AtLeast.Get()
	most, bounded := a.AtMost.Get()
	if least > age || bounded && most < age {
		fail("age between %v and %v %v, is %v", least, most, bounded, age)
	}
	if seconds, ok := a.Seconds.Get(); ok {
		h.known++
		if seconds < least || seconds > most || math.Abs(seconds-age) > max(60, 0.5*most) {
			fail("age %v between %v and %v, is %v", seconds, least, most, age)
		}
	} else {
		h.unknown++
	}
	if want := h.state(lag, least); a.State != want {
		fail("%v (%s), want %v of %v", a.State, a.Explain(), want, h.slots())
	}
	h.states[a.State]++
	got, ok := a.Drain.Get()
	if want, can := h.drain(lag); ok != can || got != want && math.Abs(got-want) > 1e-9*want {
		fail("drain %v %v, want %v %v", got, ok, want, can)
	}
	if !inOrder(h.log.ring) {
		fail("points not in order, or too many: %v", h.log.ring)
	}
}

// slots are the ten newest slots of commits that are as far apart as they must be, each with all of its commits.
func (h *history) slots() [][]naiveCommit {
	var out [][]naiveCommit
	for _, c := range h.commits {
		n := len(out)
		if n > 0 && c.at-out[n-1][0].at < h.spacing && c.offset >= out[n-1][len(out[n-1])-1].offset {
			out[n-1] = append(out[n-1], c)
			continue
		}
		out = append(out, []naiveCommit{c})
	}
	return out[max(0, len(out)-10):]
}

// state is Burrow's, rule by rule, over all commits.
func (h *history) state(lag int64, waits float64) State {
	slots := h.slots()
	switch {
	case h.paused:
		return PAUSED
	case lag == 0:
		return OK
	case len(slots) == 0:
		return StateUnknown
	}
	newest := func(i int) naiveCommit { return slots[i][len(slots[i])-1] }
	lagAt := func(i int) int64 {
		for _, c := range slices.Backward(slots[i]) {
			if c.made {
				return c.lag
			}
		}
		return newest(i).lag
	}
	n := len(slots)
	if silent := h.now - newest(n-1).at; silent > slots[n-1][0].at-slots[0][0].at && silent > 9*h.spacing && waits*1000 > float64(9*h.spacing) {
		return STOP
	}
	for i := 1; i < n; i++ {
		regained := false
		for j := i; j < n; j++ {
			regained = regained || newest(j).offset >= newest(i-1).offset
		}
		if !regained {
			return REWIND
		}
	}
	stalled, growing := true, true
	for i := range slots {
		for _, c := range slots[i] {
			if c.lag == 0 {
				return OK
			}
		}
		stalled = stalled && newest(i).offset == newest(0).offset
		growing = growing && (i == 0 || lagAt(i) >= lagAt(i-1))
	}
	switch {
	case !stalled && !growing:
		return OK
	case n < 10:
		return StateUnknown
	case stalled:
		return STALL
	}
	return WARN
}

// drain is the lag by the speed at which the group came nearer to the end since it fell back last.
func (h *history) drain(lag int64) (seconds float64, ok bool) {
	if lag == 0 {
		return 0, true
	}
	slots := h.slots()
	var first *naiveCommit
	var since int64
	for i := range slots {
		c := &slots[i][len(slots[i])-1]
		if first == nil || c.offset < slots[i-1][len(slots[i-1])-1].offset {
			first, since = c, c.at
		}
	}
	if first == nil || h.now-since < h.spacing {
		return 0, false
	}
	nearer := (first.end - first.offset) - (int64(len(h.written)) - h.commit)
	if nearer <= 0 {
		return math.Inf(1), true
	}
	return float64(lag) * float64(h.now-since) / 1000 / float64(nearer), true
}
