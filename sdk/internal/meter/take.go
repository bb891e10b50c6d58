package meter

import "github.com/weirmq/weir/telemetry"

// Taken is what a meter counted in one interval, on its way into a report. It keeps
// its memory between meters.
type Taken struct {
	Report               telemetry.Report // without Schema
	latency, delay, size distribution
	held                 []exemplar
	slowest, largest     exemplar
}

// Take moves what was measured of the client into t and begins the next interval at nowMillis. Of what was noted it has what is counted: ask for meters by
// All. The meter is locked while counts are copied, not while a report is made of them: who
// sends and consumes waits for that lock.
func (m *Meter) Take(t *Taken, of *Client, nowMillis int64) {
	m.copyTo(t, nowMillis)
	r := &t.Report
	r.Labels = of.Labels()
	r.Labels.Op, r.Labels.Topic = m.op, bounded(m.topic)
	t.latency.sparse(&r.LatencyMicros)
	t.delay.sparse(&r.DelayMicros)
	t.size.sparse(&r.SizeBytes)
	r.Exemplars = r.Exemplars[:0]
	for i := range t.held {
		r.Exemplars = append(r.Exemplars, t.held[i].reported())
	}
	if t.slowest.set {
		r.Exemplars = append(r.Exemplars, t.slowest.reported())
	}
	if t.largest.set && !t.largest.sameMessage(&t.slowest) {
		r.Exemplars = append(r.Exemplars, t.largest.reported())
	}
}

func (m *Meter) copyTo(t *Taken, nowMillis int64) {
	r := &t.Report
	m.mu.Lock()
	defer m.mu.Unlock()
	r.StartUnixMillis, r.LengthMillis = m.interval(nowMillis)
	m.touched = false
	r.Messages, r.Bytes, r.Rebalances, r.DroppedReports = m.messages, m.bytes, m.rebalances, m.droppedReports
	m.messages, m.bytes, m.rebalances, m.droppedReports = 0, 0, 0, 0
	r.Errors = r.Errors[:0]
	for class, count := range m.errors {
		if count > 0 {
			r.Errors = append(r.Errors, telemetry.ErrorCount{Class: ErrorClass(class).String(), Count: count})
		}
	}
	m.errors = [errorClasses]uint64{}
	m.latency.moveTo(&t.latency)
	m.delay.moveTo(&t.delay)
	m.size.moveTo(&t.size)
	r.Events = append(r.Events[:0], m.events...)
	m.events = m.events[:0]
	r.Gauges = r.Gauges[:0]
	if m.paused {
		lasts := max(r.StartUnixMillis+int64(r.LengthMillis)-m.pausedMillis, 0)
		r.Gauges = append(r.Gauges, telemetry.Gauge{Name: telemetry.GaugePaused, Value: 1},
			telemetry.Gauge{Name: telemetry.GaugePausedSeconds, Value: float64(lasts) / millisPerSecond})
	}
	r.Gauges = append(r.Gauges, m.gauges...)
	t.held = append(t.held[:0], m.held...)
	r.LeftOutExemplars = m.leftOut
	m.held, m.troubles, m.samples, m.leftOut = m.held[:0], 0, 0, 0
	m.takeExtremes(t, nowMillis)
}

// interval ends the meter's interval at nowMillis and begins the next one there. It
// has a length, and does not overlap the one before it unless the clock was set back.
func (m *Meter) interval(nowMillis int64) (startMillis int64, lengthMillis uint32) {
	if nowMillis <= m.beganMillis && m.beganMillis-nowMillis <= clockStepMillis {
		nowMillis = m.beganMillis + 1
	}
	length := min(max(nowMillis-m.beganMillis, 1), MaxReportMillis)
	m.beganMillis, m.toldMillis = nowMillis, nowMillis
	return nowMillis - length, uint32(length)
}
