package pipeline

import "time"

// maxMarks bounds the marks of one partition. Not smaller: two and a half
// hours of seconds are 9,000; not larger: marks beyond it only make a restart replay more.
const maxMarks = 10_000

// replayMarks remembers, for stretches of a log, the newest event time in each, so
// that the oldest record still needed is known.
type replayMarks struct {
	marks []replayMark
}

type replayMark struct {
	offset int64     // first of the stretch
	newest time.Time // event time in the stretch
}

// markSpan is the event time that one stretch may cover.
const markSpan = time.Second

// note adds a record that holds an event time.
func (m *replayMarks) note(offset int64, eventTime time.Time) {
	if n := len(m.marks); n > 0 {
		last := &m.marks[n-1]
		if eventTime.Before(last.newest.Add(markSpan)) || n >= maxMarks {
			if eventTime.After(last.newest) {
				last.newest = eventTime
			}
			return
		}
	}
	m.marks = append(m.marks, replayMark{offset, eventTime})
}

// trim drops the stretches that end before oldest and returns the offset of the
// first one left; ok is false where nothing was dropped.
func (m *replayMarks) trim(oldest time.Time) (offset int64, ok bool) {
	drop := 0
	for drop < len(m.marks)-1 && m.marks[drop].newest.Before(oldest) {
		drop++
	}
	if drop == 0 {
		return 0, false
	}
	m.marks = append(m.marks[:0], m.marks[drop:]...)
	return m.marks[0].offset, true
}
