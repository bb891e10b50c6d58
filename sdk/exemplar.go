package weir

import (
	"strconv"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/telemetry"
)

// exemplar is one message, as it is kept until the report: no text is made of it
// before. The zero value is none.
type exemplar struct {
	set                      bool
	timeMillis               int64
	latencyMicros, sizeBytes uint64
	topic                    string
	partition                int32
	offset                   int64
	trace                    traceID
}

// sample keeps the slowest and the largest message of the interval. Only one that
// exceeds all before it costs more than two comparisons.
func (m *meter) sample(r *kgo.Record, wallNanos int64, latencyMicros, sizeBytes uint64) {
	slowest := !m.slowest.set || latencyMicros > m.slowest.latencyMicros
	largest := !m.largest.set || sizeBytes > m.largest.sizeBytes
	if !slowest && !largest {
		return
	}
	e := exemplar{true, wallNanos / nanosPerMilli, latencyMicros, sizeBytes, r.Topic, r.Partition, r.Offset, traceOf(r)}
	if slowest {
		m.slowest = e
	}
	if largest {
		m.largest = e
	}
}

// reported is the exemplar in a report.
func (e *exemplar) reported() telemetry.Exemplar {
	place := "/" + strconv.Itoa(int(e.partition)) + "/" + strconv.FormatInt(e.offset, 10)
	return telemetry.Exemplar{TimeUnixMillis: e.timeMillis, TraceID: e.trace.String(),
		MessageID: cut(e.topic, maxLabelBytes-len(place)) + place, LatencyMicros: e.latencyMicros, SizeBytes: e.sizeBytes}
}
