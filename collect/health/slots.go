package health

import (
	"slices"
	"time"
)

const (
	// slotSeconds is how long a slot is: a pane, as rules have it.
	slotSeconds = 10
	// slotCount is how many are kept: five minutes, the window of the rules on change rates.
	slotCount   = 30
	minuteSlots = 6
	// leastSlots is how many of them must have something. Not fewer: the extremes would be missed; not more: polls of a slow cluster are up to a
	// minute apart, and of a pane of half a minute one slot in three has something.
	leastSlots = 5
)

// slots are five minutes of a number, by ten seconds.
type slots struct {
	since, newest int64 // numbers of slots
	values        [slotCount]float32
	counts        [slotCount]uint16
}

// at finds the slot of a moment. Where a clock stepped by more than what is kept, the five minutes begin again.
func (s *slots) at(moment time.Time) int64 {
	number := moment.Unix() / slotSeconds
	if s.newest == 0 || number-s.newest >= slotCount || s.newest-number >= slotCount {
		*s = slots{since: number, newest: number}
	}
	for ; s.newest < number; s.newest++ {
		s.counts[(s.newest+1)%slotCount] = 0
	}
	return number % slotCount
}

// add takes a number into the mean of its slot.
func (s *slots) add(moment time.Time, value float64) {
	i := s.at(moment)
	if s.counts[i]++; s.counts[i] == 1 {
		s.values[i] = 0
	}
	s.values[i] += (float32(value) - s.values[i]) / float32(s.counts[i])
}

// raise takes a number in where it is the greatest of its slot.
func (s *slots) raise(moment time.Time, value float64) {
	i := s.at(moment)
	if s.counts[i]++; s.counts[i] == 1 || float32(value) > s.values[i] {
		s.values[i] = float32(value)
	}
}

// greatest is that of so many of the newest slots; ok is false where nothing came.
func (s *slots) greatest(now time.Time, count int64) (value float64, ok bool) {
	number := now.Unix() / slotSeconds
	for at := max(number-count+1, s.newest-slotCount+1, s.since); at <= s.newest; at++ {
		if i := at % slotCount; s.counts[i] > 0 {
			value, ok = max(value, float64(s.values[i])), true
		}
	}
	return value, ok
}

// sorted are the numbers of the five minutes in ascending order; nil while they are not over.
func (s *slots) sorted() []float64 {
	if s.newest-s.since < slotCount-1 {
		return nil
	}
	var out []float64
	for i, count := range s.counts {
		if count > 0 {
			out = append(out, float64(s.values[i]))
		}
	}
	if len(out) < leastSlots {
		return nil
	}
	slices.Sort(out)
	return out
}

// median is the middle of what is sorted, and not empty.
func median(sorted []float64) float64 {
	half := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[half]
	}
	return (sorted[half-1] + sorted[half]) / 2
}

// gone says that nothing came for as long as slots are kept.
func (s *slots) gone(at time.Time) bool { return at.Unix()/slotSeconds-s.newest >= slotCount }
