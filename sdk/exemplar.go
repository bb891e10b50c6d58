package weir

import (
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

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

func (c *Config) keeping() keeping {
	k := keeping{slowMicros: uint64(max(c.SlowAfter, 0).Microseconds())}
	if c.SampleOneIn > 0 {
		k.oneOf = uint32(c.SampleOneIn)
		k.bound = telemetry.SampleBound(k.oneOf)
	}
	return k
}

// exemplar is one step of a message, as it is kept until the report: no text is made of it
// before. The zero value is none.
type exemplar struct {
	set                      bool
	failed                   bool
	class                    errorClass // where it failed
	timeMillis               int64
	latencyMicros, sizeBytes uint64
	delayMicros              uint64
	topic                    string
	partition                int32
	attempt                  uint32
	offset                   int64 // below 0 where it is not known
	trace                    traceID
	kept                     telemetry.Kept
	step                     telemetry.Step
}

// troubled keeps a message that failed or was slow, and says whether there was room; m.mu is held.
func (m *meter) troubled(e exemplar, why telemetry.Kept) bool {
	return m.hold(e, why, &m.troubles, maxTroubled)
}

// sampled keeps a message for its hash, and says whether there was room; m.mu is held.
func (m *meter) sampled(e exemplar) bool {
	return m.hold(e, telemetry.KeptSampled, &m.samples, maxSampled)
}

func (m *meter) hold(e exemplar, why telemetry.Kept, held *int, most int) bool {
	if *held >= most {
		m.leftOut++
		return false
	}
	*held++
	e.set, e.kept = true, why
	m.held = append(m.held, e)
	return true
}

// slow says that a time is that of a slow message.
func (m *meter) slow(latencyMicros uint64) bool {
	return m.keeping.slowMicros > 0 && latencyMicros >= m.keeping.slowMicros
}

// chosen says that a message is sampled, by the hash of its trace id, or else of its place:
// whoever else measures it says the same. A header that is no valid one does not decide, as
// nobody else would go by it. m.mu is held.
func (m *meter) chosen(topic string, partition int32, offset int64, headers []kgo.RecordHeader) bool {
	if m.keeping.oneOf == 0 {
		return false
	}
	for i := range headers {
		if h := &headers[i]; h.Key == traceparentHeader && isTraceparent(h.Value) {
			return telemetry.TraceHash(h.Value[traceIDAt:traceIDEnd]) <= m.keeping.bound
		}
	}
	if offset < 0 {
		return false
	}
	p, hundreds := &m.prefix, uint64(offset)/100
	if p.hundreds != hundreds || p.partition != partition || p.topic != topic {
		p.move(topic, partition, hundreds)
	}
	return p.hash.HashWithDigits(uint64(offset)-100*hundreds, p.digits) <= m.keeping.bound
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

// measured is what was measured of a message that did not fail.
type measured struct {
	offset, wallNanos          int64
	latencyMicros, delayMicros uint64
	sizeBytes                  uint64
	step                       telemetry.Step
}

// tell keeps a message that did not fail, where it is to be kept. One that is neither slow
// nor sampled, and exceeds none before it, costs a hash and some comparisons. m.mu is held.
func (m *meter) tell(r *kgo.Record, of measured) {
	slow := of.step == telemetry.StepSent && m.slow(of.latencyMicros) // a group that is behind is told of as lag, and not by every message
	chosen := !slow && m.chosen(r.Topic, r.Partition, of.offset, r.Headers)
	slowest := !m.slowest.set || max(of.latencyMicros, of.delayMicros) > max(m.slowest.latencyMicros, m.slowest.delayMicros)
	largest := !m.largest.set || of.sizeBytes > m.largest.sizeBytes
	if !slow && !chosen && !slowest && !largest {
		return
	}
	e := exemplar{timeMillis: of.wallNanos / nanosPerMilli, latencyMicros: of.latencyMicros, delayMicros: of.delayMicros, sizeBytes: of.sizeBytes,
		topic: r.Topic, partition: r.Partition, offset: of.offset, trace: traceOf(r.Headers), step: of.step}
	if slow && m.troubled(e, telemetry.KeptSlow) || chosen && m.sampled(e) {
		return
	}
	m.extreme(&e, slowest, largest)
}

// extreme keeps the slowest or the largest of the messages that are not kept otherwise: when all
// are slow, the slowest may be one that found no room among them.
func (m *meter) extreme(e *exemplar, slowest, largest bool) {
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
func (m *meter) takeExtremes(t *taken, nowMillis int64) {
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
	return e.topic == o.topic && e.partition == o.partition && e.offset == o.offset && e.timeMillis == o.timeMillis
}

// reported is the exemplar in a report.
func (e *exemplar) reported(oneOf uint32) telemetry.Exemplar {
	out := telemetry.Exemplar{TimeUnixMillis: e.timeMillis, TraceID: e.trace.String(), LatencyMicros: e.latencyMicros,
		DelayMicros: e.delayMicros, SizeBytes: e.sizeBytes, Attempt: e.attempt, Kept: e.kept, Step: e.step}
	if e.offset >= 0 {
		place := "/" + strconv.Itoa(int(e.partition)) + "/" + strconv.FormatInt(e.offset, 10)
		out.MessageID = cut(e.topic, maxLabelBytes-len(place)) + place
	}
	if e.failed {
		out.ErrorClass = errorClassNames[e.class]
	}
	if e.kept == telemetry.KeptSampled {
		out.SampledOf = oneOf
	}
	return out
}
