package pipeline

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weirmq/weir/aggregate"
	"github.com/weirmq/weir/ingest"
	"github.com/weirmq/weir/telemetry"
)

const detailAppended = 1_800_000_000_000 // when the broker appended the reports of these tests, Unix milliseconds

// detailReport is a report with some exemplars and an event, as a record.
func detailReport(t *testing.T, exemplars int) []byte {
	t.Helper()
	r := telemetry.Report{Schema: telemetry.Schema, Labels: telemetry.Labels{Op: "send", Topic: "orders", Client: "checkout-1"},
		StartUnixMillis: detailAppended - 1500, LengthMillis: 1000, Messages: 5}
	for i := range exemplars {
		r.Exemplars = append(r.Exemplars, telemetry.Exemplar{TimeUnixMillis: detailAppended - 1000, MessageID: fmt.Sprint("orders/0/", i), Step: telemetry.StepSent})
	}
	value, err := telemetry.MarshalReport(&r)
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// gathered adds records at offsets from 100 on and returns what is written of them, and how much was left out.
func gathered(t *testing.T, values ...[]byte) (records [][]byte, leftOut kept) {
	t.Helper()
	config := DefaultConfig()
	fold := aggregate.NewFold(telemetry.Source{Partition: 3}, config.Parameters(), time.Second, nil)
	decoder := ingest.NewDecoder(ingest.DefaultLimits())
	var details segmentDetails
	for i, value := range values {
		at := aggregate.Position{Offset: 100 + int64(i), AppendUnixMillis: detailAppended, ValueBytes: len(value)}
		fold.Begin(at)
		report, err := decoder.DecodeValues(value, at.AppendUnixMillis)
		if err != nil {
			t.Fatal(err)
		}
		end := report.StartUnixMillis + int64(report.LengthMillis)
		if err := fold.Add(at, report, decoder); err != nil {
			t.Fatal(err)
		}
		left := details.add(fold, at, report, end)
		leftOut.exemplars += left.exemplars
		leftOut.events += left.events
	}
	details.take(func(value []byte) { records = append(records, slices.Clone(value)) })
	if !details.empty() {
		t.Error("something is left after all was taken")
	}
	return records, leftOut
}

// detailsIn reads records as the store's stage does.
func detailsIn(t *testing.T, records [][]byte) []telemetry.ReportDetail {
	t.Helper()
	var table telemetry.CellTable
	for _, value := range records {
		if err := table.Add(value); err != nil {
			t.Fatal(err)
		}
	}
	var all []telemetry.ReportDetail
	for _, r := range table.Records {
		if want := (telemetry.Source{Partition: 3}); r.Source != want || r.Segment.MinuteUnix != detailAppended/60_000 || r.Cells != 0 || r.Items() > maxDetailsPerRecord {
			t.Errorf("a record of %v, %v with %d cells and %d items", r.Source, r.Segment, r.Cells, r.Items())
		}
		all = append(all, r.Details...)
	}
	return all
}

// TestDetailsAreWrittenAsTheyCame holds that a report without costs nothing, and that times are what the broker's time allows.
func TestDetailsAreWrittenAsTheyCame(t *testing.T) {
	t.Parallel()
	none := detailReport(t, 0)
	if records, leftOut := gathered(t, none, none); len(records) != 0 || leftOut != (kept{}) {
		t.Fatalf("reports without exemplars and events write %d records, and leave %v out", len(records), leftOut)
	}
	r := telemetry.Report{Schema: telemetry.Schema, Labels: telemetry.Labels{Op: "consume", Group: "billing"}, StartUnixMillis: detailAppended - 1500, LengthMillis: 1000,
		Exemplars: []telemetry.Exemplar{{TraceID: "in its interval"}, {TimeUnixMillis: 1, TraceID: "long ago"}, {TimeUnixMillis: 2 * detailAppended, TraceID: "ahead"}},
		Events:    []telemetry.Event{{Kind: telemetry.EventStopped}}, LeftOutExemplars: 4}
	value, err := telemetry.MarshalReport(&r)
	if err != nil {
		t.Fatal(err)
	}
	records, leftOut := gathered(t, none, value)
	day := int64(24 * time.Hour / time.Millisecond)
	want := []telemetry.ReportDetail{{Offset: 101, Labels: r.Labels, TimeUnixMillis: detailAppended - 500, LeftOutExemplars: 4,
		Exemplars: []telemetry.Exemplar{{TimeUnixMillis: detailAppended - 500, TraceID: "in its interval"}, {TimeUnixMillis: detailAppended - day, TraceID: "long ago"},
			{TimeUnixMillis: detailAppended + day, TraceID: "ahead"}},
		Events: []telemetry.Event{{Kind: telemetry.EventStopped, TimeUnixMillis: detailAppended - 500}}}}
	if diff := cmp.Diff(want, detailsIn(t, records)); diff != "" || leftOut != (kept{exemplars: 4}) {
		t.Errorf("%v are left out, want 4 exemplars; details (-want +got):\n%s", leftOut, diff)
	}
}

// TestWhatBecomesOfCommandsIsWritten holds that events of the agent pass as those of other clients do, each with its detail.
func TestWhatBecomesOfCommandsIsWritten(t *testing.T) {
	t.Parallel()
	r := telemetry.Report{Schema: telemetry.Schema, Labels: telemetry.Labels{Op: "control", Group: "billing", Client: "billing-1"},
		StartUnixMillis: detailAppended - 1500, LengthMillis: 1000, Gauges: []telemetry.Gauge{{Name: telemetry.GaugeControlOffset, Value: 3}}}
	for i, kind := range []telemetry.EventKind{telemetry.EventApplied, telemetry.EventReverted, telemetry.EventRefused} {
		r.Events = append(r.Events, telemetry.Event{Kind: kind, TimeUnixMillis: detailAppended - 1000 + int64(i), Detail: "pause-billing@3: " + kind.String()})
	}
	value, err := telemetry.MarshalReport(&r)
	if err != nil {
		t.Fatal(err)
	}
	records, _ := gathered(t, value)
	want := []telemetry.ReportDetail{{Offset: 100, Labels: r.Labels, TimeUnixMillis: detailAppended - 500, Events: r.Events}}
	if diff := cmp.Diff(want, detailsIn(t, records)); diff != "" {
		t.Errorf("details (-want +got):\n%s", diff)
	}
}

// TestDetailsOfASegmentAreBounded holds that what comes first is kept, the same each time, and the rest is counted.
func TestDetailsOfASegmentAreBounded(t *testing.T) {
	t.Parallel()
	const each = 100
	values := slices.Repeat([][]byte{detailReport(t, each)}, 300)
	records, leftOut := gathered(t, values...)
	all := detailsIn(t, records)
	const whole = maxSegmentDetails / each
	if want := (kept{exemplars: (len(values) - whole) * each}); len(all) != whole || leftOut != want {
		t.Errorf("%d reports are kept and %v left out, want %d and %v", len(all), leftOut, whole, want)
	}
	for i, d := range all {
		if d.Offset != 100+int64(i) || len(d.Exemplars) != each {
			t.Fatalf("detail %d is of offset %d with %d exemplars", i, d.Offset, len(d.Exemplars))
		}
	}
	again, _ := gathered(t, values...)
	if !slices.EqualFunc(records, again, slices.Equal[[]byte]) {
		t.Error("reading again writes other records")
	}
	if len(records) < maxSegmentDetails/maxDetailsPerRecord {
		t.Errorf("%d records hold all", len(records))
	}
}

// TestEventsHaveRoomOfTheirOwn holds that a segment whose messages all fail still tells who was started, and counts the events that
// it does not tell of.
func TestEventsHaveRoomOfTheirOwn(t *testing.T) {
	t.Parallel()
	const each, unsaid, more = 10, 7, 50
	r := telemetry.Report{Schema: telemetry.Schema, Labels: telemetry.Labels{Op: "consume"}, StartUnixMillis: detailAppended - 1500, LengthMillis: 1000,
		Events: slices.Repeat([]telemetry.Event{{Kind: telemetry.EventStarted, TimeUnixMillis: detailAppended - 1000}}, each-1), LeftOutExemplars: unsaid}
	eventful, err := telemetry.MarshalReport(&r)
	if err != nil {
		t.Fatal(err)
	}
	values := slices.Repeat([][]byte{detailReport(t, 100)}, maxSegmentDetails/100) // no room for messages is left
	values = append(values, slices.Repeat([][]byte{eventful}, maxSegmentEvents/each+more)...)
	values = append(values, detailReport(t, 100))
	records, leftOut := gathered(t, values...)
	events, said := 0, 0
	for _, d := range detailsIn(t, records) {
		events += len(d.Events)
		said += int(d.LeftOutExemplars)
	}
	reports := maxSegmentEvents / each // what a report leaves out is an event, too
	if events != reports*(each-1) || said != reports*unsaid {
		t.Errorf("%d events and %d left out messages are stored, want %d and %d", events, said, reports*(each-1), reports*unsaid)
	}
	if want := (kept{exemplars: (reports+more)*unsaid + 100, events: more * (each - 1)}); leftOut != want {
		t.Errorf("%v are left out, want %v", leftOut, want)
	}
}
