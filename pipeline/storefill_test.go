package pipeline

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/weirmq/weir/telemetry"
)

// TestWhatIsInsertedAgain is all that is of the time: cells by their panes, ledgers and single messages by their segments, whose reports
// may be of the time. A record that nobody can read is named, and the others are taken.
func TestWhatIsInsertedAgain(t *testing.T) {
	from := time.Date(2026, 11, 26, 8, 0, 0, 0, time.UTC)
	const tolerance = 10 * time.Minute
	of := func(segment time.Time, fill func(*telemetry.CellBatch)) []byte {
		batch := telemetry.CellBatch{Segment: telemetry.Segment{MinuteUnix: segment.Unix() / 60}}
		fill(&batch)
		return telemetry.AppendCellBatch(nil, &batch)
	}
	pane := func(at time.Time) func(*telemetry.CellBatch) {
		return func(b *telemetry.CellBatch) { b.Cells = []telemetry.Cell{{Pane: at}} }
	}
	ledger := func(b *telemetry.CellBatch) { b.Ledger = &telemetry.Ledger{Refused: 3, Closed: true} }
	messages := func(b *telemetry.CellBatch) {
		b.Details = []telemetry.ReportDetail{{TimeUnixMillis: from.UnixMilli(), LeftOutExemplars: 1}}
	}
	to := from.Add(time.Hour)
	for _, c := range []struct {
		name  string
		value []byte
		taken bool
	}{
		{"the first pane", of(from, pane(from)), true},
		{"a pane before", of(from, pane(from.Add(-10*time.Second))), false},
		{"a pane after", of(from, pane(to)), false},
		{"a ledger alone", of(from, ledger), true},
		{"a ledger of the first segment", of(from.Add(-tolerance), ledger), true},
		{"a ledger before", of(from.Add(-tolerance-time.Minute), ledger), false},
		{"a ledger of the last segment", of(to.Add(tolerance-time.Minute), ledger), true},
		{"a ledger after", of(to.Add(tolerance), ledger), false},
		{"messages alone", of(from, messages), true},
		{"messages before", of(from.Add(-tolerance-time.Minute), messages), false},
	} {
		i := &cellInserter{fill: &StoreFill{From: from, To: to, DryRun: true}, tolerance: tolerance}
		if err := i.take(&kgo.Record{Value: c.value}); err != nil || (i.out.Records == 1) != c.taken {
			t.Errorf("%s: got %+v and %v, taken is to be %t", c.name, i.out, err, c.taken)
		}
	}
	var said, report strings.Builder
	i := &cellInserter{fill: &StoreFill{From: from, To: to, DryRun: true, Progress: &said}, tolerance: tolerance}
	record := &kgo.Record{Topic: telemetry.TopicCells, Partition: 3, Offset: 41, Value: []byte("\xff\xff")}
	if err := i.take(record); err != nil || i.out != (FilledCells{Unreadable: 1}) || !strings.Contains(said.String(), "weir.cells partition 3 offset 41: ") {
		t.Errorf("of garbage: got %+v and %v, and it says %q", i.out, err, &said)
	}
	if err := (&FillReport{Cells: &i.out}).write(&report, false); err != nil || !strings.Contains(report.String(), "1 records of weir.cells cannot be read") {
		t.Errorf("got %v and the report\n%s", err, &report)
	}
	for range 3 * maxUnreadableNamed {
		if err := i.take(record); err != nil {
			t.Fatal(err)
		}
	}
	if named := strings.Count(said.String(), "passed over a record"); named != maxUnreadableNamed || i.out.Unreadable != 3*maxUnreadableNamed+1 ||
		strings.Count(said.String(), "counted from here on") != 1 {
		t.Errorf("%d of %d are named, want %d:\n%s", named, i.out.Unreadable, maxUnreadableNamed, &said)
	}
	record.Value = protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), telemetry.BatchSchema+1)
	if err := i.take(record); !errors.Is(err, telemetry.ErrNewerSchema) {
		t.Errorf("of a newer schema: got %v", err)
	}
}
