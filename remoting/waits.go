package remoting

import (
	"context"
	"time"
)

const codeConsumeTimeSpan = 303

// Waits is how long messages of a queue have been there, for one group.
type Waits struct {
	EarliestMillis int64 `json:"minTimeStamp"` // when the oldest message that is kept was stored, Unix ms; 0 or less where there is none
	// NextMillis is for how long the message at the group's commit has been stored, as the broker counts. 0 where there is none; as long
	// as since 1970 where it is kept no more.
	NextMillis int64 `json:"delayTime"`
}

// Waits asks for how long the messages that a group consumes next have been stored in the broker's queues of a topic. It makes no group,
// and hands out no message. A topic that is not there is refused.
func (b Broker) Waits(ctx context.Context, group, topic string) (map[Queue]Waits, error) {
	got, err := fetch[waitSpans](ctx, b.target, "how long messages of topic "+topic+" wait for group "+group,
		Request{Code: codeConsumeTimeSpan, Fields: map[string]string{"topic": topic, "group": group}})
	if err != nil {
		return nil, err
	}
	return got.byQueue(), nil
}

// plainQueue is a queue that is no key of an object.
type plainQueue Queue

// UnmarshalJSON decodes it.
func (q *plainQueue) UnmarshalJSON(text []byte) error { return (*Queue)(q).UnmarshalText(text) }

// waitSpans are Waits as they are sent.
type waitSpans struct {
	Queues []struct {
		Queue plainQueue `json:"messageQueue"`
		Waits
	} `json:"consumeTimeSpanSet"`
}

func (s *waitSpans) byQueue() map[Queue]Waits {
	out := make(map[Queue]Waits, len(s.Queues))
	for _, q := range s.Queues {
		out[Queue(q.Queue)] = q.Waits
	}
	return out
}

// oldest is more than any message is old. Not less: what is kept for years is; not more: a broker says since 1970 of what it lacks.
const oldest = 40 * 365 * 24 * time.Hour

// Next is for how long the message at the commit has been stored; known is false where there is none.
func (w Waits) Next() (waited time.Duration, known bool) {
	if w.NextMillis <= 0 || w.NextMillis > oldest.Milliseconds() {
		return 0, false
	}
	return time.Duration(w.NextMillis) * time.Millisecond, true
}

// Earliest is when the oldest message that is kept was stored; known is false where there is none.
func (w Waits) Earliest() (stored time.Time, known bool) {
	return time.UnixMilli(w.EarliestMillis), w.EarliestMillis > 0
}
