package collect

import (
	"slices"
	"time"
)

// Minutes remembers of the ten newest polls that were a minute apart whether they found something.
type Minutes struct {
	found []bool
	last  time.Time
}

// As the rule ReplicaHealth wants it: 8 of 10 polls, a minute apart.
const (
	remembered  = 10
	pollsMinute = time.Minute
	// gapForgets is how long nobody may look before what was seen is forgotten. Not smaller: a poll may be late by its pause, a minute;
	// not larger: the ten would be of another outage.
	gapForgets = 5 * time.Minute
)

// Add takes a poll in, and returns the share of the ten; ok is false until there are ten.
func (m *Minutes) Add(at time.Time, found bool) (share float64, ok bool) {
	since := at.Sub(m.last)
	if since > gapForgets {
		m.found = m.found[:0]
	}
	if len(m.found) == 0 || since >= pollsMinute {
		m.found, m.last = append(m.found, found), at
		m.found = m.found[max(len(m.found)-remembered, 0):]
	}
	count := 0
	for range slices.DeleteFunc(slices.Clone(m.found), func(found bool) bool { return !found }) {
		count++
	}
	return float64(count) / remembered, len(m.found) == remembered
}
