package weir

import (
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Keys of the requests whose going and coming the hooks follow.
const (
	produceKey = 0
	// syncGroupKey is what a member sends once in each generation of its group, after it
	// was told the generation.
	syncGroupKey = 14
)

// OnBrokerWrite notes that records may end soon that ask for no acknowledgement; kgo
// calls it.
func (h *Hooks) OnBrokerWrite(_ kgo.BrokerMetadata, key int16, _ int, _, _ time.Duration, _ error) {
	if key == produceKey {
		h.answers.Add(1)
	}
}

// OnBrokerE2E notes that records may end soon, and looks at the group when the client
// has asked for its share of a new generation: the callbacks that tell of it belong to
// the application. kgo calls it before it handles the answer.
func (h *Hooks) OnBrokerE2E(_ kgo.BrokerMetadata, key int16, _ kgo.BrokerE2E) {
	switch key {
	case produceKey:
		h.answers.Add(1)
	case syncGroupKey:
		h.lookAtGroup(h.clock.wallMillis(h.clock.now()))
	}
}

// ending is a time at which records ended. All that one answer acknowledges share one
// reading of the clock, which costs a quarter of what a record does, and a record does
// not count the callbacks of those before it.
//
// A record ends after its answer was counted. So where no answer was counted since the
// clock was read, the record's own came before that, and the reading is no earlier than
// the answer and no later than now.
type ending struct {
	nanos   int64 // of clock.now
	answers int64 // counted before the clock was read
}

// at is when a record ended that began at a time, where so many answers are counted.
func (e *ending) at(began, answers int64, clock *clock) int64 {
	if e.answers != answers || e.nanos < began || e.nanos == 0 {
		e.nanos, e.answers = clock.now(), answers
	}
	return e.nanos
}
