package meter

import (
	"sync"
	"time"

	"github.com/weirmq/weir/telemetry"
)

const (
	nanosPerMicro   = 1000
	millisPerSecond = 1000
)

const (
	// maxEvents bounds the lifecycle events that wait for a report. Not smaller: a
	// report may wait for an outage's end; not larger: the newest tell enough.
	maxEvents = 16
	// maxControlEvents bounds those of commands. Not smaller: when an expiry or a file takes many
	// away at once, each is told of; not larger: ingest takes 128 of a report.
	maxControlEvents = 120
)

// presenceInterval is how often a topic without messages is reported, so that its
// client is known to be there. Not smaller: silence would cost as much as traffic;
// not larger: a client missing in two panes counts as gone.
const presenceInterval = 10 * time.Second

// MaxReportMillis is the longest interval of one report: the ingest stage refuses
// longer ones.
const MaxReportMillis = int64(9 * time.Minute / time.Millisecond)

// clockStepMillis is the greatest step back of the wall clock that moves an interval.
// Not smaller: corrections of a second are common; not larger: intervals would keep a
// wrong clock's time.
const clockStepMillis = 1000

// Meter measures one topic in one direction, or a group, since its last report.
type Meter struct {
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
	pausedMillis   int64             // since when, Unix time
	gauges         []telemetry.Gauge // further ones, as they stand
	ending         ending            // of messages sent
	together       together          // messages received

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

// sent counts an acknowledged message of the client, which is no longer in flight.
func (m *Meter) sent(c *Client, b beginning, answers int64, of *Message) {
	m.mu.Lock()
	began, known := b.of(c)
	now := m.ending.at(began, answers, c.clock)
	latency := uint64(0)
	if known {
		latency = micros(now - began)
	}
	m.touched = true
	m.messages++
	m.bytes += of.Bytes
	m.latency.observe(latency)
	m.size.observe(of.Bytes)
	m.tell(of, measured{wallNanos: c.clock.wallNanos(now), latencyMicros: latency, step: telemetry.StepSent})
	m.mu.Unlock()
}

// received counts a message that the application was given.
func (m *Meter) received(of *Message, nowNanos int64) {
	m.mu.Lock()
	m.receive(of, nowNanos)
	m.mu.Unlock()
}

// receive is received; m.mu is held.
func (m *Meter) receive(of *Message, nowNanos int64) {
	delay, known := of.delayMicros(nowNanos)
	m.touched = true
	m.messages++
	m.bytes += of.Bytes
	if known {
		m.delay.observe(delay)
	}
	m.size.observe(of.Bytes)
	m.tell(of, measured{wallNanos: nowNanos, delayMicros: delay, step: telemetry.StepReceived})
}

// failed counts a message of the client that was not acknowledged.
func (m *Meter) failed(c *Client, b beginning, of *Message, class ErrorClass) {
	m.mu.Lock()
	defer m.mu.Unlock()
	began, known := b.of(c)
	m.touched = true
	m.errors[class]++
	if m.troubles >= maxTroubled {
		m.leftOut++
		return
	}
	now := c.clock.now()
	e := exemplarOf(of)
	e.failed, e.class, e.step, e.timeMillis = true, class, telemetry.StepSent, c.clock.wallMillis(now)
	if known {
		e.latencyMicros = micros(now - began)
	}
	m.troubled(e, telemetry.KeptError)
}

// note adds a lifecycle event.
func (m *Meter) note(event telemetry.Event) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.add(event)
}

// rebalanced counts new generations of the group and notes one event for them.
func (m *Meter) rebalanced(count uint64, nowMillis int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.rebalances += count
	m.add(telemetry.Event{Kind: telemetry.EventRebalanced, TimeUnixMillis: nowMillis})
}

func (m *Meter) maxEvents() int {
	if m.op == OpControl {
		return maxControlEvents
	}
	return maxEvents
}

// add keeps the newest events; m.mu is held.
func (m *Meter) add(event telemetry.Event) {
	m.touched = true
	if len(m.events) >= m.maxEvents() {
		m.events = append(m.events[:0], m.events[1:]...)
	}
	m.events = append(m.events, event)
}

// Dropped counts reports that were lost before this interval's.
func (m *Meter) Dropped(reports uint64) {
	m.mu.Lock()
	m.touched = true
	m.droppedReports += reports
	m.mu.Unlock()
}

// hasCounted says that something was measured since the last report.
func (m *Meter) hasCounted() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.touched
}

// Due says that there is something to report at nowMillis: what was measured, or
// that the client is present. Where there is nothing, the interval begins anew: what
// comes after a silence belongs to when it came, not to when the silence began.
func (m *Meter) Due(nowMillis int64, present bool) bool {
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

// Since is when the interval began, Unix milliseconds.
func (m *Meter) Since() int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.beganMillis
}

// setPaused notes whether consumption is paused, and an event where that changed.
func (m *Meter) setPaused(paused bool, nowMillis int64) {
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
