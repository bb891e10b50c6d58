package pipeline

import (
	"math"

	"github.com/weirmq/weir/aggregate"
	"github.com/weirmq/weir/ingest"
	"github.com/weirmq/weir/telemetry"
)

const (
	// maxSegmentDetails bounds the single messages of one segment, which are one source and minute. What comes first in the log is
	// kept, so that a replay keeps the same. Not smaller: a hundred clients in trouble say 3,000 of them a second; not larger: each
	// is a row of the store, and eight sources come to two hundred million rows a day.
	maxSegmentDetails = 20_000
	// maxSegmentEvents bounds what else is told of clients, apart: when all messages fail, it is of use who was started. That a report
	// left messages out is one of them. Not smaller: 2,000 clients of two topics start in one minute; not larger: each is a row, too.
	maxSegmentEvents = 4_000
	// Bounds of one record, as those of cells are. Not smaller: what is alike compresses better together; not larger: a reader
	// holds all of a record.
	maxDetailsPerRecord  = aggregate.MaxCellsPerBatch
	maxDetailRecordBytes = 256 << 10
)

// segmentDetails gathers what the reports of a segment say that is not added up, as values of weir.cells. A report without costs
// one comparison. The zero value is empty.
type segmentDetails struct {
	value   []byte   // the record that is gathered, empty where there is none
	items   int      // in it
	full    [][]byte // records before it
	segment kept     // of the segment so far
}

// kept counts exemplars and events.
type kept struct{ exemplars, events int }

// add adds what a valid report says, whose interval ends at a time, and returns what is left out: exemplars by their sender, and
// both where the segment has as many as are kept. Times are moved to what the broker's time allows of a report.
func (d *segmentDetails) add(fold *aggregate.Fold, at aggregate.Position, r *telemetry.Report, endUnixMillis int64) (leftOut kept) {
	if len(r.Exemplars)|len(r.Events) == 0 && r.LeftOutExemplars == 0 {
		return kept{}
	}
	exemplars, events, unsaid := r.Exemplars, r.Events, r.LeftOutExemplars
	leftOut.exemplars = int(min(unsaid, math.MaxInt32))
	if d.segment.exemplars >= maxSegmentDetails {
		leftOut.exemplars += len(exemplars)
		exemplars = nil
	}
	if d.segment.events >= maxSegmentEvents {
		leftOut.events = len(events)
		events, unsaid = nil, 0
	}
	if len(exemplars)|len(events) == 0 && unsaid == 0 {
		return leftOut
	}
	d.segment.exemplars += len(exemplars)
	d.segment.events += len(events)
	if unsaid > 0 {
		d.segment.events++
	}
	items := len(exemplars) + len(events) + 1
	if len(d.value) > 0 && (d.items+items > maxDetailsPerRecord || len(d.value) > maxDetailRecordBytes) {
		d.full, d.value, d.items = append(d.full, d.value), nil, 0
	}
	if len(d.value) == 0 {
		d.value = fold.AppendHeader(nil)
	}
	d.items += items
	skew := ingest.DefaultMaxSkew.Milliseconds()
	clamped := func(millis int64) int64 {
		if millis == 0 {
			millis = endUnixMillis
		}
		return min(max(millis, at.AppendUnixMillis-skew), at.AppendUnixMillis+skew)
	}
	for i := range exemplars {
		exemplars[i].TimeUnixMillis = clamped(exemplars[i].TimeUnixMillis)
	}
	for i := range events {
		events[i].TimeUnixMillis = clamped(events[i].TimeUnixMillis)
	}
	d.value = telemetry.AppendReportDetail(d.value, r.RawLabels, &telemetry.ReportDetail{Offset: at.Offset, TimeUnixMillis: clamped(endUnixMillis),
		Exemplars: exemplars, Events: events, LeftOutExemplars: unsaid})
	return leftOut
}

// take yields the records gathered so far, and forgets them.
func (d *segmentDetails) take(yield func(value []byte)) {
	for _, value := range d.full {
		yield(value)
	}
	if len(d.value) > 0 {
		yield(d.value)
	}
	d.full, d.value, d.items = nil, nil, 0
}

// empty says that nothing waits to be written.
func (d *segmentDetails) empty() bool { return len(d.value) == 0 && len(d.full) == 0 }
