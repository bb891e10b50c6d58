package weir

import (
	"strconv"
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/telemetry"
)

const nanosPerMicro = 1000

// maxEvents bounds the lifecycle events that wait for a report. Not smaller: a
// report may wait for an outage's end; not larger: the newest tell enough.
const maxEvents = 16

// meter measures one topic in one direction since its last report.
type meter struct {
	op, topic string

	mu             sync.Mutex
	messages       uint64
	bytes          uint64
	errors         [errorClasses]uint64
	latency        distribution // microseconds
	delay          distribution // microseconds
	size           distribution // bytes
	rebalances     uint64
	droppedReports uint64
	events         []telemetry.Event
	paused         bool
	slowest        exemplar
	largest        exemplar

	touched     bool  // something was measured since the last report
	beganMillis int64 // when this interval began, Unix time
}

// exemplar is one message; the zero value is none.
type exemplar struct {
	telemetry.Exemplar
	set bool
}

// sent counts an acknowledged message.
func (m *meter) sent(r *kgo.Record, latencyNanos, nowMillis int64) {
	latency, size := micros(latencyNanos), recordBytes(r)
	m.mu.Lock()
	m.touched = true
	m.messages++
	m.bytes += size
	m.latency.observe(latency)
	m.size.observe(size)
	m.sample(r, telemetry.Exemplar{TimeUnixMillis: nowMillis, LatencyMicros: latency, SizeBytes: size})
	m.mu.Unlock()
}

// delivered counts a message that the application was given.
func (m *meter) delivered(r *kgo.Record, delayNanos, nowMillis int64) {
	delay, size := micros(delayNanos), recordBytes(r)
	m.mu.Lock()
	m.touched = true
	m.messages++
	m.bytes += size
	m.delay.observe(delay)
	m.size.observe(size)
	m.sample(r, telemetry.Exemplar{TimeUnixMillis: nowMillis, LatencyMicros: delay, SizeBytes: size})
	m.mu.Unlock()
}

// handled counts the time that a message's handler took.
func (m *meter) handled(nanos int64, err error) {
	m.mu.Lock()
	m.touched = true
	m.latency.observe(micros(nanos))
	if err != nil {
		m.errors[classHandler]++
	}
	m.mu.Unlock()
}

func (m *meter) failed(err error) {
	class := classOf(err)
	m.mu.Lock()
	m.touched = true
	m.errors[class]++
	m.mu.Unlock()
}

// sample keeps the slowest and the largest message of the interval. Only one that
// exceeds all before it costs more than two comparisons.
func (m *meter) sample(r *kgo.Record, e telemetry.Exemplar) {
	slowest := !m.slowest.set || e.LatencyMicros > m.slowest.LatencyMicros
	largest := !m.largest.set || e.SizeBytes > m.largest.SizeBytes
	if !slowest && !largest {
		return
	}
	e.TraceID = traceID(r)
	e.MessageID = r.Topic + "/" + strconv.Itoa(int(r.Partition)) + "/" + strconv.FormatInt(r.Offset, 10)
	if slowest {
		m.slowest = exemplar{e, true}
	}
	if largest {
		m.largest = exemplar{e, true}
	}
}

// note adds a lifecycle event.
func (m *meter) note(event telemetry.Event) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.touched = true
	if len(m.events) >= maxEvents {
		m.events = append(m.events[:0], m.events[1:]...)
	}
	m.events = append(m.events, event)
	if event.Kind == telemetry.EventRebalanced {
		m.rebalances++
	}
}

// dropped counts a report that was lost before this interval's.
func (m *meter) dropped() {
	m.mu.Lock()
	m.touched = true
	m.droppedReports++
	m.mu.Unlock()
}

// due says that there is something to report at nowMillis: what was measured, or
// that the client is present.
func (m *meter) due(nowMillis int64, present bool) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.touched || present && nowMillis-m.beganMillis >= presenceInterval.Milliseconds()
}

// since is when the interval began, Unix milliseconds.
func (m *meter) since() int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.beganMillis
}

// setPaused notes whether consumption is paused, and an event where that changed.
func (m *meter) setPaused(paused bool, nowMillis int64) {
	m.mu.Lock()
	changed := paused != m.paused
	m.paused = paused
	m.mu.Unlock()
	if !changed {
		return
	}
	kind := telemetry.EventResumed
	if paused {
		kind = telemetry.EventPaused
	}
	m.note(telemetry.Event{Kind: kind, TimeUnixMillis: nowMillis})
}

// take moves what was measured into r and begins the next interval at nowMillis.
func (m *meter) take(r *telemetry.Report, nowMillis int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	length := min(max(nowMillis-m.beganMillis, 1), maxReportMillis)
	r.StartUnixMillis, r.LengthMillis = nowMillis-length, uint32(length)
	m.beganMillis, m.touched = nowMillis, false
	r.Messages, r.Bytes, r.Rebalances, r.DroppedReports = m.messages, m.bytes, m.rebalances, m.droppedReports
	m.messages, m.bytes, m.rebalances, m.droppedReports = 0, 0, 0, 0
	r.Errors = r.Errors[:0]
	for class, count := range m.errors {
		if count > 0 {
			r.Errors = append(r.Errors, telemetry.ErrorCount{Class: errorClassNames[class], Count: count})
		}
	}
	m.errors = [errorClasses]uint64{}
	m.latency.take(&r.LatencyMicros)
	m.delay.take(&r.DelayMicros)
	m.size.take(&r.SizeBytes)
	r.Events = append(r.Events[:0], m.events...)
	m.events = m.events[:0]
	r.Gauges = r.Gauges[:0]
	if m.paused {
		r.Gauges = append(r.Gauges, telemetry.Gauge{Name: "paused", Value: 1})
	}
	r.Exemplars = r.Exemplars[:0]
	if m.slowest.set {
		r.Exemplars = append(r.Exemplars, m.slowest.Exemplar)
	}
	if m.largest.set && m.largest.Exemplar != m.slowest.Exemplar {
		r.Exemplars = append(r.Exemplars, m.largest.Exemplar)
	}
	m.slowest, m.largest = exemplar{}, exemplar{}
}

// micros turns nanoseconds into microseconds; clocks that disagree give 0.
func micros(nanos int64) uint64 { return uint64(max(nanos, 0)) / nanosPerMicro }

// recordBytes is the uncompressed size of a message: key, value and headers.
func recordBytes(r *kgo.Record) uint64 {
	n := len(r.Key) + len(r.Value)
	for _, h := range r.Headers {
		n += len(h.Key) + len(h.Value)
	}
	return uint64(n)
}
