package pipeline

import (
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/weirmq/weir/telemetry"
)

// Bounds of holding a watermark back.
const (
	// endTimeout bounds asking for the ends of sources. Not smaller: a busy broker takes a
	// second to answer; not larger: one that is away holds up the answers of the others.
	endTimeout = 2 * time.Second
	// awayAfter is how long after an answer its source's broker counts as away. Not smaller
	// than endTimeout and endOffsetInterval together, so that one question without an answer
	// is no outage; not larger: what clients could not send meanwhile would come late.
	awayAfter = 3 * time.Second
	// maxHoldback is how long after the broker is back its source's watermark is held back, or
	// for as long as it was away where that is less, with what was left of holding it back
	// then. Not smaller: clients pause for 2.5 s between two tries and ask for a new leader
	// every 5 s; not larger: alerts wait for it.
	maxHoldback = 10 * time.Second
)

// sourceEnd is where a source ended at a time, as its broker said it.
type sourceEnd struct {
	offset   int64
	at       time.Time // when that was asked
	answered time.Time
	// held is until when the source's watermark stays where it is, because the broker was away
	// before: clients have yet to send what they could not. Else what happened meanwhile would
	// look like no traffic: the source would be at its end, or the first client that is back
	// would close the panes of the others.
	held time.Time
}

// then returns where the source ends later. Where nothing was said before, as at the start
// of a process, nothing is known of an outage.
func (e *sourceEnd) then(offset int64, at, answered time.Time) *sourceEnd {
	out := &sourceEnd{offset: offset, at: at, answered: answered}
	if e == nil {
		return out
	}
	out.held = e.held
	if away := at.Sub(e.answered); away > awayAfter {
		rest := max(0, e.held.Sub(e.answered)) // of holding back, when the broker went away
		out.held = answered.Add(min(away+rest, maxHoldback))
	}
	return out
}

// holds says that the source's watermark stays where it is, as its broker is away, or was.
func (e *sourceEnd) holds(now time.Time) bool {
	return e != nil && (now.Sub(e.answered) > awayAfter || now.Before(e.held))
}

// sourceEnds are the ends of all sources, also of those that another process has: a source
// may be given to this one after its broker was away. They outlive a stage that starts again.
type sourceEnds struct {
	mu      sync.Mutex
	topicID [16]byte
	ends    map[int32]*sourceEnd // by partition
}

// tell notes what the brokers said of a topic, which was asked at a time.
func (s *sourceEnds) tell(topicID [16]byte, said kadm.ListedOffsets, at time.Time) {
	answered := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ends == nil || s.topicID != topicID {
		s.topicID, s.ends = topicID, map[int32]*sourceEnd{}
	}
	for partition, end := range said[telemetry.TopicTelemetry] {
		if end.Err == nil {
			s.ends[partition] = s.ends[partition].then(end.Offset, at, answered)
		}
	}
}

// of is where a source ended, nil where nobody has said it.
func (s *sourceEnds) of(source telemetry.Source) *sourceEnd {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.topicID != source.TopicID {
		return nil
	}
	return s.ends[source.Partition]
}
