package lag

import (
	"slices"
	"testing"
	"time"
)

// FuzzPolls feeds any offsets in any order, and wants numbers that can be true: none below 0, ages within their bounds, and a
// history in order.
func FuzzPolls(f *testing.F) {
	f.Add([]byte{1, 10, 5, 0, 0, 1, 20, 5, 0, 0})
	f.Add([]byte{1, 200, 100, 50, 9, 1, 100, 150, 200, 255, 200, 0, 255, 1, 3})
	f.Fuzz(func(t *testing.T, script []byte) {
		var log Log
		group := Spaced(&log, DefaultSpacing)
		now := began
		for step := range slices.Chunk(script, 5) {
			if len(step) < 5 {
				return
			}
			now = now.Add(time.Duration(int(step[0])-32) * time.Second)
			end, flags := int64(step[1])*int64(step[1]), step[4]
			log.Poll(Ends{
				At: now, Start: min(end, int64(step[3])*8), End: end, Open: min(end-min(end, int64(step[3])*8), int64(flags>>5)),
				Retention: time.Hour, Failed: Reason(flags & 1 * uint8(Unreachable)),
			})
			commit := Commit{At: now, Offset: int64(step[2])*int64(step[2]) - 1, Owner: Owner(flags >> 1 & 1), Paused: flags&4 > 0}
			if flags&8 > 0 {
				commit.Made, commit.LastStored = now.Add(-time.Duration(step[3])*time.Second), now.Add(time.Duration(step[3]))
			}
			group.Poll(commit)
			a := group.At(now)
			if offset, ok := a.Ask(); ok && flags&16 > 0 {
				group.Found(Found{At: now, Asked: offset, Offset: offset + int64(flags&1), Stored: now.Add(-time.Duration(step[2]) * time.Minute), Partly: flags&32 > 0})
				a = group.At(now)
			}
			plausible(t, &a)
			if !inOrder(log.ring) {
				t.Fatalf("points %v", log.ring)
			}
		}
	})
}

// inOrder says that points are sorted by time and by end, and are not too many.
func inOrder(r ring) bool {
	return len(r) <= RingPoints && slices.IsSortedFunc(r, func(a, b point) int { return int(min(a.at-b.at, a.end-b.end)) })
}

func plausible(t *testing.T, a *Assessment) {
	t.Helper()
	for name, value := range map[string]Value[int64]{"messages": a.Messages, "lost": a.Lost} {
		if number, ok := value.Get(); ok && number < 0 {
			t.Errorf("%s %d", name, number)
		}
	}
	for name, value := range map[string]Value[float64]{
		"age": a.Seconds, "least": a.AtLeast, "most": a.AtMost, "drain": a.Drain, "retention": a.RetentionLeft, "commit": a.CommitAge, "consumed": a.ConsumedPerSecond,
	} {
		if number, ok := value.Get(); ok && !(number >= 0) {
			t.Errorf("%s %v", name, number)
		}
	}
	age, ok := a.Seconds.Get()
	least, _ := a.AtLeast.Get()
	if most, bounded := a.AtMost.Get(); bounded && most < least || ok && (age < least || age > most) {
		t.Errorf("age %v %v, at least %v, at most %v %v", age, ok, least, most, bounded)
	}
	if (a.State == StateUnknown) != (a.Why != NotPolled) && a.Messages.reason == known {
		t.Errorf("%v because of %v", a.State, a.Why)
	}
	if a.Explain() == "" {
		t.Error("a state without a reason")
	}
}
