package pipeline

import (
	"github.com/weirmq/weir/aggregate"
	"github.com/weirmq/weir/ingest"
	"github.com/weirmq/weir/telemetry"
)

const (
	// maxSegmentDetails bounds the single messages and events of one segment, which are one source and minute. What comes first in
	// the log is kept, so that a replay keeps the same. Not smaller: a hundred clients in trouble say 3,000 of them a second; not
	// larger: each is a row of the store, and eight sources come to two hundred million rows a day.
	maxSegmentDetails = 20_000
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
	segment int      // items of the segment so far
}

// add adds what a valid report says, whose interval ends at a time, and returns how many exemplars are left out: by their sender,
// or because the segment has as many as are kept. Times are moved to what the broker's time allows of a report.
func (d *segmentDetails) add(fold *aggregate.Fold, at aggregate.Position, r *telemetry.Report, endUnixMillis int64) (leftOut uint64) {
	leftOut = r.LeftOutExemplars
	if len(r.Exemplars)|len(r.Events) == 0 && leftOut == 0 {
		return 0
	}
	if d.segment >= maxSegmentDetails {
		return leftOut + uint64(len(r.Exemplars))
	}
	items := len(r.Exemplars) + len(r.Events) + 1
	if len(d.value) > 0 && (d.items+items > maxDetailsPerRecord || len(d.value) > maxDetailRecordBytes) {
		d.full, d.value, d.items = append(d.full, d.value), nil, 0
	}
	if len(d.value) == 0 {
		d.value = fold.AppendHeader(nil)
	}
	d.segment += items
	d.items += items
	skew := ingest.DefaultMaxSkew.Milliseconds()
	clamped := func(millis int64) int64 {
		if millis == 0 {
			millis = endUnixMillis
		}
		return min(max(millis, at.AppendUnixMillis-skew), at.AppendUnixMillis+skew)
	}
	for i := range r.Exemplars {
		r.Exemplars[i].TimeUnixMillis = clamped(r.Exemplars[i].TimeUnixMillis)
	}
	for i := range r.Events {
		r.Events[i].TimeUnixMillis = clamped(r.Events[i].TimeUnixMillis)
	}
	d.value = telemetry.AppendReportDetail(d.value, r.RawLabels, &telemetry.ReportDetail{Offset: at.Offset, TimeUnixMillis: clamped(endUnixMillis),
		Exemplars: r.Exemplars, Events: r.Events, LeftOutExemplars: r.LeftOutExemplars})
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
