package pipeline

import (
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/weirmq/weir/telemetry"
)

// Bounds of holding a watermark back.
const (
	// awayAfter is how long nobody says where a source ends before its broker counts as away.
	// Not smaller: a busy broker takes a second to answer; not larger: what clients could not
	// send meanwhile would come late.
	awayAfter = 2 * time.Second
	// maxHoldback is how long after the broker is back its source's watermark is held back, or
	// for as long as it was away where that is less. Not smaller: clients pause for 2.5 s
	// between two tries and ask for a new leader every 5 s; not larger: alerts wait for it.
	maxHoldback = 10 * time.Second
)

// sourceEnd is where a source ended at a time, as its broker said it.
type sourceEnd struct {
	offset int64
	at     time.Time
	// held is until when the source's watermark stays where it is, because the broker was away
	// before: clients have yet to send what they could not. Else what happened meanwhile would
	// look like no traffic: the source would be at its end, or the first client that is back
	// would close the panes of the others.
	held time.Time
}

// next is where the source ends later.
func (e *sourceEnd) next(offset int64, at time.Time) *sourceEnd {
	if e == nil {
		return &sourceEnd{offset: offset, at: at}
	}
	out := &sourceEnd{offset, at, e.held}
	if away := at.Sub(e.at); away > awayAfter {
		out.held = at.Add(min(away, maxHoldback))
	}
	return out
}

// holds says that the source's watermark stays where it is, as its broker is away, or was.
func (e *sourceEnd) holds(now time.Time) bool {
	return e != nil && (now.Sub(e.at) > awayAfter || now.Before(e.held))
}

// sourceEnds are the ends of all sources, also of those that another process has: a source
// may be given to this one after its broker was away. They outlive a stage that starts again.
type sourceEnds struct {
	mu      sync.Mutex
	topicID [16]byte
	ends    map[int32]*sourceEnd // by partition
}

// tell notes what the brokers said of a topic at a time.
func (s *sourceEnds) tell(topicID [16]byte, said kadm.ListedOffsets, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ends == nil || s.topicID != topicID {
		s.topicID, s.ends = topicID, map[int32]*sourceEnd{}
	}
	for partition, end := range said[telemetry.TopicTelemetry] {
		if end.Err == nil {
			s.ends[partition] = s.ends[partition].next(end.Offset, at)
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
