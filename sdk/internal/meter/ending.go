package meter

// ending is a time at which messages ended. All that one answer acknowledges share one
// reading of the clock, which costs a quarter of what a message does, and a message does
// not count the callbacks of those before it.
//
// A message ends after its answer was counted. So where no answer was counted since the
// clock was read, the message's own came before that, and the reading is no earlier than
// the answer and no later than now.
type ending struct {
	nanos   int64 // of Clock.now
	answers int64 // counted before the clock was read
}

// at is when a message ended that began at a time, where so many answers are counted.
func (e *ending) at(began, answers int64, clock *Clock) int64 {
	if e.answers != answers || e.nanos < began || e.nanos == 0 {
		e.nanos, e.answers = clock.now(), answers
	}
	return e.nanos
}
