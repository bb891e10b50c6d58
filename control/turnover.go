package control

import "time"

// FormerFor is for how long at most what a topic said counts after it was deleted and made anew, while the new one is empty. Not shorter: the role control takes seconds to hear of it
// and to write what is in force, half a minute where it begins again; not longer: who makes the topic anew to be rid of all commands waits for it.
const FormerFor = 30 * time.Second

// Turnover says whether what was read of weir.control counts: when it was read to its end, for what comes later may take back what came first. Where the topic was made anew it
// must not be empty either, until FormerFor has passed: until it counts, what the former topic said does, each command as long as it says itself. The zero value is of a topic of which nothing was read.
type Turnover struct {
	whole, some bool
	emptyUntil  time.Time // an empty topic does not count before; zero: it counts
}

// Anew begins with a topic that was made anew. While the one before it does not count it follows the same former one, and for no longer.
func (t *Turnover) Anew(now time.Time) {
	if t.Counts(now) {
		t.emptyUntil = now.Add(FormerFor)
	}
	t.whole, t.some = false, false
}

// Read notes that so many records were read, and whether the end of the topic was behind them.
func (t *Turnover) Read(records int, end bool) {
	t.some = t.some || records > 0
	t.whole = t.whole || end
}

// Counts says whether what was read counts. Once it does it goes on to.
func (t *Turnover) Counts(now time.Time) bool {
	if !t.whole || !t.some && now.Before(t.emptyUntil) {
		return false
	}
	t.emptyUntil = time.Time{}
	return true
}
