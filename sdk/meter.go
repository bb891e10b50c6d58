package weir

import (
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/telemetry"
)

const (
	nanosPerMicro   = 1000
	millisPerSecond = 1000
)

// maxEvents bounds the lifecycle events that wait for a report. Not smaller: a
// report may wait for an outage's end; not larger: the newest tell enough.
const maxEvents = 16

// clockStepMillis is the greatest step back of the wall clock that moves an interval.
// Not smaller: corrections of a second are common; not larger: intervals would keep a
// wrong clock's time.
const clockStepMillis = 1000

// meter measures one topic in one direction, or a group, since its last report.
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
	pausedMillis   int64  // since when, Unix time
	ending         ending // of messages sent

	keeping        keeping
	held           []exemplar // that failed, were slow or sampled
	troubles       int        // of them: failed or slow
	samples        int        // of them: sampled
	leftOut        uint64     // for which there was no room
	slowest        exemplar   // of the others
	largest        exemplar
	extremesMillis int64 // when those two were told of last, Unix time
	prefix         placePrefix

	touched     bool  // something was measured since the last report
	beganMillis int64 // when this interval began, Unix time
	toldMillis  int64 // when the newest report was made, or the meter; Unix time
}

// sent counts an acknowledged message, which is no longer in flight. Where the broker was
// not asked to answer, nobody knows its offset.
func (m *meter) sent(r *kgo.Record, from *inflight, answers int64, answered bool, clock *clock) {
	size := recordBytes(r)
	m.mu.Lock()
	began, known := from.end(r)
	now := m.ending.at(began, answers, clock)
	latency := uint64(0)
	if known {
		latency = micros(now - began)
	}
	m.touched = true
	m.messages++
	m.bytes += size
	m.latency.observe(latency)
	m.size.observe(size)
	offset := r.Offset
	if !answered {
		offset = -1
	}
	m.tell(r, measured{offset: offset, wallNanos: clock.wallNanos(now), latencyMicros: latency, sizeBytes: size, step: telemetry.StepSent})
	m.mu.Unlock()
}

// delivered counts a message that the application was given.
func (m *meter) delivered(r *kgo.Record, nowNanos int64) {
	size := recordBytes(r)
	delay, known := delayMicros(r.Timestamp, nowNanos)
	m.mu.Lock()
	m.touched = true
	m.messages++
	m.bytes += size
	if known {
		m.delay.observe(delay)
	}
	m.size.observe(size)
	m.tell(r, measured{offset: r.Offset, wallNanos: nowNanos, delayMicros: delay, sizeBytes: size, step: telemetry.StepReceived})
	m.mu.Unlock()
}

// failed counts a message that was not acknowledged.
func (m *meter) failed(r *kgo.Record, from *inflight, err error, clock *clock) {
	class := classOf(err)
	m.mu.Lock()
	defer m.mu.Unlock()
	began, known := from.end(r)
	m.touched = true
	m.errors[class]++
	if m.troubles >= maxTroubled {
		m.leftOut++
		return
	}
	now := clock.now()
	e := exemplar{failed: true, class: class, timeMillis: clock.wallMillis(now), sizeBytes: recordBytes(r), topic: r.Topic,
		offset: -1, trace: traceOf(r.Headers), step: telemetry.StepSent}
	if known {
		e.latencyMicros = micros(now - began)
	}
	m.troubled(e, telemetry.KeptError)
}

// note adds a lifecycle event.
func (m *meter) note(event telemetry.Event) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.add(event)
}

// rebalanced counts new generations of the group and notes one event for them.
func (m *meter) rebalanced(count uint64, nowMillis int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.rebalances += count
	m.add(telemetry.Event{Kind: telemetry.EventRebalanced, TimeUnixMillis: nowMillis})
}

// add keeps the newest events; m.mu is held.
func (m *meter) add(event telemetry.Event) {
	m.touched = true
	if len(m.events) >= maxEvents {
		m.events = append(m.events[:0], m.events[1:]...)
	}
	m.events = append(m.events, event)
}

// dropped counts reports that were lost before this interval's.
func (m *meter) dropped(reports uint64) {
	m.mu.Lock()
	m.touched = true
	m.droppedReports += reports
	m.mu.Unlock()
}

// hasCounted says that something was measured since the last report.
func (m *meter) hasCounted() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.touched
}

// due says that there is something to report at nowMillis: what was measured, or
// that the client is present. Where there is nothing, the interval begins anew: what
// comes after a silence belongs to when it came, not to when the silence began.
func (m *meter) due(nowMillis int64, present bool) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.touched {
		return true
	}
	due := present && nowMillis-m.toldMillis >= presenceInterval.Milliseconds()
	if !due && nowMillis > m.beganMillis {
		m.beganMillis = nowMillis
	}
	return due
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
	if changed {
		m.pausedMillis = nowMillis
	}
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

// micros turns nanoseconds into microseconds; clocks that disagree give 0.
func micros(nanos int64) uint64 { return uint64(max(nanos, 0)) / nanosPerMicro }

// delayMicros is how old a message is; known is false where it has no timestamp.
// Kafka's timestamps are milliseconds, and may be anything.
func delayMicros(timestamp time.Time, nowNanos int64) (micros uint64, known bool) {
	stamp := timestamp.UnixMilli()
	if stamp <= 0 {
		return 0, false
	}
	if stamp > nowNanos/nanosPerMilli {
		return 0, true
	}
	return uint64(nowNanos-stamp*nanosPerMilli) / nanosPerMicro, true
}

// recordBytes is the uncompressed size of a message: key, value and headers.
func recordBytes(r *kgo.Record) uint64 {
	n := len(r.Key) + len(r.Value)
	for _, h := range r.Headers {
		n += len(h.Key) + len(h.Value)
	}
	return uint64(n)
}
