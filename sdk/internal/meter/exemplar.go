package meter

import (
	"math"
	"strconv"
	"time"

	"github.com/weirmq/weir/telemetry"
)

// What a report tells of single messages. Those that are kept for what they are say in any
// number of services what became of one message, as far as there is room.
const (
	// maxTroubled bounds the failed and slow messages of one interval. Not smaller: what goes
	// wrong for a while goes wrong in more than one way; not larger: when everything fails,
	// each client says so in every interval, and each message is a row of the store.
	maxTroubled = 32
	// maxSampled bounds those that are sampled, so that they leave room for the others.
	// Not smaller: with one of 1,000, a client that handles 16,000 messages a second fills it;
	// not larger: see maxTroubled.
	maxSampled = 16
	// extremesInterval is how often the slowest and the largest message are told of. Not
	// smaller: they are there in each interval of each topic, whatever their time is; not
	// larger: it is the base interval of the store, which has a maximum for each.
	extremesInterval = 10 * time.Second
)

// keeping says which messages are kept. The zero value keeps none.
type keeping struct {
	slowMicros uint64 // from it on a message is slow; 0 is never
	bound      uint64 // of the hash of sampled messages
	oneOf      uint32 // are sampled; 0 is none
}

func (s Sampling) keeping() keeping {
	k := keeping{slowMicros: uint64(max(s.SlowAfter, 0).Microseconds())}
	if s.OneIn > 0 {
		k.oneOf = uint32(min(int64(s.OneIn), math.MaxUint32))
		k.bound = telemetry.SampleBound(k.oneOf)
	}
	return k
}

// exemplar is one step of a message, as it is kept until the report: no text is made of it
// before. The zero value is none.
type exemplar struct {
	set                      bool
	failed                   bool
	class                    ErrorClass // where it failed
	timeMillis               int64
	latencyMicros, sizeBytes uint64
	delayMicros              uint64
	topic, id                string
	partition                int32
	attempt, oneOf           uint32 // oneOf: of so many one was sampled when it was kept
	offset                   int64  // below 0 where it is not known
	trace                    traceID
	kept                     telemetry.Kept
	step                     telemetry.Step
}

// troubled keeps a message that failed or was slow, and says whether there was room; m.mu is held.
func (m *Meter) troubled(e exemplar, why telemetry.Kept) bool {
	return m.hold(e, why, &m.troubles, maxTroubled)
}

// sampled keeps a message for its hash, and says whether there was room; m.mu is held.
func (m *Meter) sampled(e exemplar) bool {
	return m.hold(e, telemetry.KeptSampled, &m.samples, maxSampled)
}

func (m *Meter) hold(e exemplar, why telemetry.Kept, held *int, most int) bool {
	if *held >= most {
		m.leftOut++
		return false
	}
	*held++
	e.set, e.kept, e.oneOf = true, why, m.keeping.oneOf
	m.held = append(m.held, e)
	return true
}

// slow says that a time is that of a slow message.
func (m *Meter) slow(latencyMicros uint64) bool {
	return m.keeping.slowMicros > 0 && latencyMicros >= m.keeping.slowMicros
}

// chosen says that a message is sampled, by the hash of its trace id, or else of its own:
// whoever else measures it says the same. m.mu is held.
func (m *Meter) chosen(of *Message) bool {
	if m.keeping.oneOf == 0 || of.hash == 0 && !m.hash(of) {
		return false
	}
	return of.hash <= m.keeping.bound
}

// hash fills in a message's hash, which is asked for when it is received and when it is handled; false where nobody can name it. m.mu is held.
func (m *Meter) hash(of *Message) bool {
	switch {
	case len(of.Trace) > 0:
		of.hash = telemetry.TraceHash(of.Trace)
		return true
	case of.ID != "":
		of.hash = telemetry.MessageHash(of.ID)
		return true
	case of.Offset < 0:
		return false
	}
	p, hundreds := &m.prefix, uint64(of.Offset)/100
	if p.hundreds != hundreds || p.partition != of.Partition || p.topic != of.Topic {
		p.move(of.Topic, of.Partition, hundreds)
	}
	of.hash = p.hash.HashWithDigits(uint64(of.Offset)-100*hundreds, p.digits)
	return true
}

// placePrefix is what the ids begin with of a hundred neighbouring messages, which mostly
// come together: in batches of one partition.
type placePrefix struct {
	topic     string
	ofTopic   telemetry.IDPrefix
	partition int32
	hundreds  uint64
	hash      telemetry.IDPrefix
	digits    int // that follow at least
}

// move makes it the prefix of other messages. Where those of several partitions come in
// turn, it is called for each of them: it makes no garbage.
func (p *placePrefix) move(topic string, partition int32, hundreds uint64) {
	if p.topic != topic || p.ofTopic == 0 {
		p.topic, p.ofTopic = topic, telemetry.PrefixOf(topic)
	}
	var text [maxPlaceBytes]byte
	place := append(strconv.AppendInt(append(text[:0], '/'), int64(partition), 10), '/')
	digits := 1
	if hundreds > 0 {
		place, digits = strconv.AppendUint(place, hundreds, 10), 2
	}
	p.partition, p.hundreds, p.hash, p.digits = partition, hundreds, p.ofTopic.With(place), digits
}

// maxPlaceBytes are those of the longest partition and offset with their slashes. Not smaller:
// such a place would be garbage; not larger: there is none.
const maxPlaceBytes = len("/-2147483648/9223372036854775807")

// exemplarOf is what an exemplar says of the message itself.
func exemplarOf(m *Message) exemplar {
	e := exemplar{topic: m.Topic, partition: m.Partition, offset: m.Offset, id: m.ID, sizeBytes: m.Bytes}
	copy(e.trace[:], m.Trace)
	return e
}

// measured is what was measured of a message that did not fail.
type measured struct {
	wallNanos                  int64
	latencyMicros, delayMicros uint64
	step                       telemetry.Step
}

// tell keeps a message that did not fail, where it is to be kept. One that is neither slow
// nor sampled, and exceeds none before it, costs a hash and some comparisons. m.mu is held.
func (m *Meter) tell(r *Message, of measured) {
	slow := of.step == telemetry.StepSent && m.slow(of.latencyMicros) // a group that is behind is told of as lag, and not by every message
	chosen := !slow && m.chosen(r)
	slowest := !m.slowest.set || max(of.latencyMicros, of.delayMicros) > max(m.slowest.latencyMicros, m.slowest.delayMicros)
	largest := !m.largest.set || r.Bytes > m.largest.sizeBytes
	if !slow && !chosen && !slowest && !largest {
		return
	}
	e := exemplarOf(r)
	e.timeMillis, e.latencyMicros, e.delayMicros, e.step = of.wallNanos/nanosPerMilli, of.latencyMicros, of.delayMicros, of.step
	if slow && m.troubled(e, telemetry.KeptSlow) || chosen && m.sampled(e) {
		return
	}
	m.extreme(&e, slowest, largest)
}

// extreme keeps the slowest or the largest of the messages that are not kept otherwise: when all
// are slow, the slowest may be one that found no room among them.
func (m *Meter) extreme(e *exemplar, slowest, largest bool) {
	e.set = true
	if largest {
		m.largest = *e
		m.largest.kept = telemetry.KeptLargest
	}
	if slowest {
		m.slowest = *e
		m.slowest.kept = telemetry.KeptSlowest
	}
}

// takeExtremes moves the slowest and the largest message into t, where their time has come.
func (m *Meter) takeExtremes(t *Taken, nowMillis int64) {
	t.slowest, t.largest = exemplar{}, exemplar{}
	since := nowMillis - m.extremesMillis
	if !m.slowest.set || since >= 0 && since < extremesInterval.Milliseconds() {
		return
	}
	t.slowest, t.largest = m.slowest, m.largest
	m.slowest, m.largest = exemplar{}, exemplar{}
	m.extremesMillis = nowMillis
}

// sameMessage says that two exemplars are of one step of one message.
func (e *exemplar) sameMessage(o *exemplar) bool {
	return e.topic == o.topic && e.partition == o.partition && e.offset == o.offset && e.id == o.id && e.timeMillis == o.timeMillis
}

// reported is the exemplar in a report.
func (e *exemplar) reported() telemetry.Exemplar {
	out := telemetry.Exemplar{TimeUnixMillis: e.timeMillis, TraceID: e.trace.String(), LatencyMicros: e.latencyMicros,
		DelayMicros: e.delayMicros, SizeBytes: e.sizeBytes, Attempt: e.attempt, Kept: e.kept, Step: e.step}
	if e.id != "" {
		out.MessageID = bounded(e.id)
	} else if e.offset >= 0 {
		place := "/" + strconv.Itoa(int(e.partition)) + "/" + strconv.FormatInt(e.offset, 10)
		out.MessageID = cut(e.topic, MaxLabelBytes-len(place)) + place
	}
	if e.failed {
		out.ErrorClass = e.class.String()
	}
	if e.kept == telemetry.KeptSampled {
		out.SampledOf = e.oneOf
	}
	return out
}
