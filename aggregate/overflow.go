package aggregate

import (
	"fmt"

	"github.com/weirmq/weir/telemetry"
)

// Labels of overflow series, with the value "true". Applications do not use the first
// one; the second was written before topics had a limit of their own.
const (
	OverflowLabel       = "_overflow"
	formerOverflowLabel = "overflow"
)

// topicSeries counts the series of one topic: of one env, cluster, system, topic and op.
// That is what rules ask about a topic, and its overflow series keeps all five.
type topicSeries struct {
	key      string // its labels, encoded
	segment  uint32 // the table's segment that live is of
	live     int
	overflow uint32 // its overflow series; noSeries before there is one
}

// noTopic is one that no remembered series has.
const noTopic = noSeries

// readTopic reads the topic of labels into topicKey.
func (t *seriesTable) readTopic(l *telemetry.Labels) {
	topic := telemetry.Labels{Env: l.Env, Cluster: l.Cluster, System: l.System, Topic: l.Topic, Op: l.Op}
	t.topicKey = telemetry.AppendLabels(t.topicKey[:0], &topic)
}

// topic returns the topic read last.
func (t *seriesTable) topic() uint32 {
	if at, ok := t.topicAt[string(t.topicKey)]; ok {
		return at
	}
	return noTopic
}

// makeTopic returns the topic read last, made where there is none.
func (t *seriesTable) makeTopic() uint32 {
	at := t.topic()
	if at == noTopic {
		at = uint32(len(t.topics))
		t.topics = append(t.topics, topicSeries{key: string(t.topicKey), overflow: noSeries})
		t.topicAt[t.topics[at].key] = at
	}
	return at
}

// liveOf counts the series of a topic in the open segment.
func (t *seriesTable) liveOf(topic uint32) int {
	if topic == noTopic || t.topics[topic].segment != t.segment {
		return 0
	}
	return t.topics[topic].live
}

// claims says that labels are an overflow series' by what they say themselves: a client
// sent them. They are folded into the true one.
func (t *seriesTable) claims(l *telemetry.Labels) bool {
	return t.ofTopic > 0 && l.Get(OverflowLabel) != ""
}

// admits says whether the limits let a series of a topic into the open segment.
func (t *seriesTable) admits(topic uint32, claims bool) bool {
	return t.live < t.limit && !claims && (t.ofTopic == 0 || t.liveOf(topic) < t.ofTopic)
}

// admit takes a series into the open segment, or returns the overflow series that its
// report is folded into. Either depends on the segment's log alone, not on which series
// are remembered.
func (f *Fold) admit(id uint32) uint32 {
	t := &f.series
	var topic uint32
	if id == noSeries {
		topic = t.topic()
	} else if topic = t.series[id].topic; t.admits(topic, t.series[id].claims) {
		of := &t.topics[topic]
		if of.segment != t.segment {
			of.segment, of.live = t.segment, 0
		}
		t.live++
		of.live++
		return id
	}
	f.counters.Overflowed++
	f.noteExcess(id)
	into := t.overflowOf(topic)
	if !t.isLive(into) {
		t.overflows++
	}
	return into
}

// overflowOf returns the overflow series of a topic. A topic has one of its own where a
// series of it is in the segment, so that there are no more of them than of those; else
// it is the one of all.
func (t *seriesTable) overflowOf(topic uint32) uint32 {
	if t.ofTopic == 0 || t.liveOf(topic) == 0 {
		return overflowSeries
	}
	if t.topics[topic].overflow == noSeries {
		labels, err := telemetry.UnmarshalLabels([]byte(t.topics[topic].key))
		if err != nil {
			panic(fmt.Sprintf("labels of a topic that this fold encoded do not decode: %v", err))
		}
		id := t.newOverflow(labels)
		t.topics[topic].overflow = id
	}
	return t.topics[topic].overflow
}

// newOverflow makes the overflow series of a topic's labels, or of none.
func (t *seriesTable) newOverflow(topic telemetry.Labels) uint32 {
	name := OverflowLabel
	if t.ofTopic == 0 {
		name = formerOverflowLabel
	}
	t.readTopic(&topic)
	topic.Extra = []telemetry.Label{{Name: name, Value: "true"}}
	encoded := telemetry.AppendLabels(nil, &topic)
	if id, ok := t.encodings.find(encoded, t.encodings.hash(encoded)); ok {
		return id
	}
	return t.newSeries(&topic, encoded)
}
