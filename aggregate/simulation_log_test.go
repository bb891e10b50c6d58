package aggregate

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/weirmq/weir/telemetry"
)

// world is what a simulated history is about: a source's log, and what its folds are given.
type world struct {
	source     telemetry.Source
	parameters Parameters
	lateness   time.Duration
	groupings  []telemetry.Grouping
	log        []entry
}

// entry is one record; one without a report is refused.
type entry struct {
	at     Position
	report *telemetry.Report
}

func randomWorld(r *rand.Rand, partition int32) *world {
	w := &world{source: telemetry.Source{Partition: partition}, lateness: pick(r, 0, time.Second, 5*time.Second)}
	w.parameters.Pane = pick(r, time.Second, 10*time.Second, time.Minute)
	w.parameters.Tolerance = w.parameters.Pane * time.Duration(1+r.IntN(10))
	w.parameters.MaxSeries = pick(r, 2, 4, 100)
	w.parameters.MaxTopicSeries = pick(r, 0, 1, 2, w.parameters.MaxSeries)
	w.groupings = []telemetry.Grouping{
		{ID: "topic", By: []string{"topic"}},
		{ID: "client/consume", By: []string{"client"}, Where: func(l *telemetry.Labels) bool { return l.Op == "consume" }},
	}
	w.log = randomLog(r)
	return w
}

func pick[T any](r *rand.Rand, from ...T) T { return from[r.IntN(len(from))] }

// randomLog has offsets that come near the marks of blocks and leap over gaps, and the times of a broker whose clock
// now and then is wrong, ahead or behind, and set right again.
func randomLog(r *rand.Rand) []entry {
	log := make([]entry, 1+r.IntN(60))
	offset := telemetry.BlockOffsets*int64(r.IntN(3)) + r.Int64N(20)
	trueMillis, wrongBy := epoch.UnixMilli()+r.Int64N(60_000), int64(0)
	paceMillis := pick(r, int64(100), 3_000, 20_000)
	for i := range log {
		switch r.IntN(20) {
		case 0: // to the last offsets of this block
			block := offset / telemetry.BlockOffsets
			offset = max(offset+1, (block+1)*telemetry.BlockOffsets-1-r.Int64N(4))
		case 1: // over a gap, as a transaction leaves it
			offset += 2 + r.Int64N(5)
		default:
			offset++
		}
		trueMillis += r.Int64N(paceMillis)
		switch r.IntN(12) {
		case 0:
			wrongBy = r.Int64N(600_000) - 300_000
		case 1, 2:
			wrongBy = 0
		}
		log[i].at = Position{Offset: offset, AppendUnixMillis: trueMillis + wrongBy, ValueBytes: r.IntN(300)}
		if r.IntN(12) > 0 {
			log[i].report = randomReport(r, trueMillis)
		}
	}
	return log
}

// randomReport is one of a few clients', some of whose clocks are wild.
func randomReport(r *rand.Rand, nowMillis int64) *telemetry.Report {
	client := r.IntN(4)
	labels := telemetry.Labels{Op: pick(r, "send", "consume"), Topic: fmt.Sprintf("topic-%d", r.IntN(2)), Client: fmt.Sprintf("client-%d", client)}
	switch r.IntN(9) {
	case 0, 1, 2:
		labels.Extra = []telemetry.Label{{Name: "team", Value: "a"}}
	case 3: // as if it were an overflow series
		labels = telemetry.Labels{Op: labels.Op, Topic: labels.Topic, Extra: []telemetry.Label{{Name: OverflowLabel, Value: "true"}}}
	}
	raw, err := telemetry.MarshalLabels(&labels)
	if err != nil {
		panic(err) // labels of this test are valid
	}
	if r.IntN(8) == 0 {
		raw = append(raw, "another encoding"...)
	}
	report := &telemetry.Report{Schema: telemetry.Schema, Labels: labels, RawLabels: raw, LengthMillis: uint32(1 + r.IntN(2000)),
		StartUnixMillis: nowMillis - 1000 - r.Int64N(3000), Messages: r.Uint64N(1000), Bytes: r.Uint64N(100_000)}
	switch client {
	case 0: // a clock that runs ahead by hours
		report.StartUnixMillis += 2 * time.Hour.Milliseconds()
	case 1: // and one that is behind
		report.StartUnixMillis -= r.Int64N(time.Hour.Milliseconds())
	case 2: // cut off for a while
		report.StartUnixMillis -= r.Int64N(120_000)
	}
	for range r.IntN(3) {
		report.LatencyMicros.Observe(r.Uint64N(1 << r.IntN(20)))
	}
	if r.IntN(4) == 0 {
		report.Errors = []telemetry.ErrorCount{{Class: pick(r, "timeout", "broker"), Count: r.Uint64N(9)}}
	}
	if r.IntN(3) == 0 {
		report.Gauges = []telemetry.Gauge{{Name: "lag", Value: float64(r.IntN(100))}}
	}
	return report
}
