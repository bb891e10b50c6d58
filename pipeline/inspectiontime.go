package pipeline

import (
	"fmt"
	"time"

	"github.com/weirmq/weir/rules"
)

// Times of inspections.
const (
	// DefaultInspectionAt is when the day before is inspected, in UTC. Not earlier: storage may be behind by what a night's
	// outage left; not later: people read it when their day begins.
	DefaultInspectionAt = "06:00"
	// inspectionPatience is for how long a day waits for a store that does not have all of it. Not less: storage comes after an
	// outage of hours; not more: the findings are for the day on which they are read.
	inspectionPatience = 6 * time.Hour
	// maxInspectedDays is how many days are caught up with at once. Not fewer: a process may be away over a weekend; not more:
	// each reads weeks of the store, and what is older was found again since.
	maxInspectedDays = 3
	// digestStays is for how long Alertmanager is told of a digest. Not less: it may be away for a night; not more: the next
	// one comes.
	digestStays = 24 * time.Hour
)

// clockForm is how inspection.at is written.
const clockForm = "15:04"

// sinceMidnight reads inspection.at.
func (c InspectionConfig) sinceMidnight() (time.Duration, error) {
	at, err := time.Parse(clockForm, c.At)
	if err != nil {
		return 0, fmt.Errorf("got %q, want hours and minutes in UTC as %s", c.At, DefaultInspectionAt)
	}
	return time.Duration(at.Hour())*time.Hour + time.Duration(at.Minute())*time.Minute, nil
}

// schedule says when days are inspected.
type schedule struct{ at time.Duration } // since midnight, in UTC

// due is when a day is to be inspected.
func (s schedule) due(day time.Time) time.Time { return day.Add(rules.Day + s.at) }

// newest is the newest day that is due.
func (s schedule) newest(now time.Time) time.Time {
	return now.UTC().Add(-s.at).Truncate(rules.Day).Add(-rules.Day)
}

// next is the day to be inspected now, where those up to done were: the oldest of the last few that are due. ok is false where none
// is. Where none ever was, only the newest one is due.
func (s schedule) next(done, now time.Time) (day time.Time, ok bool) {
	newest := s.newest(now)
	oldest := newest.Add(-(maxInspectedDays - 1) * rules.Day)
	switch {
	case done.IsZero():
		return newest, true
	case !done.Before(newest):
		return time.Time{}, false
	case done.Before(oldest):
		return oldest, true
	}
	return done.UTC().Truncate(rules.Day).Add(rules.Day), true
}

// late says that a day is not waited for any longer.
func (s schedule) late(day, now time.Time) bool { return now.After(s.due(day).Add(inspectionPatience)) }
