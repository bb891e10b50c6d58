package pipeline

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/sink/clickhouse"
	"github.com/weirmq/weir/telemetry"
)

// loggedCells writes records of one segment to a log of cells, one for each list of panes with their reports.
func loggedCells(t *testing.T, l *cellLog, versions ...map[int64]uint64) {
	t.Helper()
	for _, panes := range versions {
		batch := telemetry.CellBatch{Segment: telemetry.Segment{MinuteUnix: 100}, Ledger: &telemetry.Ledger{Closed: true}}
		for pane, reports := range panes {
			batch.Cells = append(batch.Cells, telemetry.Cell{Pane: time.Unix(pane, 0), Labels: telemetry.Labels{Topic: "orders"}, Totals: telemetry.Totals{Reports: reports}})
			batch.Ledger.Reports += reports
		}
		if err := l.take(&kgo.Record{Topic: telemetry.TopicCells, Value: telemetry.AppendCellBatch(nil, &batch)}); err != nil {
			t.Fatal(err)
		}
	}
}

// TestALogOfCellsKeepsTheHighestVersion of each cell and of each segment's ledger, whichever comes first.
func TestALogOfCellsKeepsTheHighestVersion(t *testing.T) {
	l := newCellLog(time.Unix(6000, 0), 0)
	loggedCells(t, l, map[int64]uint64{5990: 9, 6000: 2, 6010: 5}, map[int64]uint64{6000: 3}, map[int64]uint64{6000: 1, 6010: 5, 6020: 4})
	var got []string
	err := l.ReadCells(t.Context(), clickhouse.Range{From: time.Unix(6000, 0), To: time.Unix(6020, 0)}, func(cells *telemetry.StoredCells) error {
		for _, cell := range cells.Cells {
			got = append(got, fmt.Sprint(cells.Labels[cell.Series].Topic, " ", cell.PaneUnix, " ", cell.Totals.Reports))
		}
		return nil
	})
	if want := []string{"orders 6000 3", "orders 6010 5"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("got %v and %v, want %v", got, err, want)
	}
	closed, err := l.ClosedSegments(context.Background(), time.Unix(6000, 0), time.Unix(6060, 0))
	if want := (clickhouse.SegmentOf{Segment: telemetry.Segment{MinuteUnix: 100}}); err != nil || len(closed) != 1 || closed[want] != 16 {
		t.Errorf("closed are %v and %v, want 16 reports of one segment", closed, err)
	}
}

// TestALogOfTooManyCellsSaysWhatToDo and holds no more than it may.
func TestALogOfTooManyCellsSaysWhatToDo(t *testing.T) {
	l := newCellLog(time.Unix(6000, 0), 0)
	l.most = 2
	batch := telemetry.CellBatch{Segment: telemetry.Segment{MinuteUnix: 100}}
	for i := range 3 {
		batch.Cells = append(batch.Cells, telemetry.Cell{Pane: time.Unix(6000, 0), Labels: telemetry.Labels{Topic: fmt.Sprint(i)}, Totals: telemetry.Totals{Reports: 1}})
	}
	err := l.take(&kgo.Record{Topic: telemetry.TopicCells, Value: telemetry.AppendCellBatch(nil, &batch)})
	if want := "weir.cells has more than 2 cells from 1970-01-01T01:40:00Z on, and all are held in memory: ask for a shorter time, or ClickHouse"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	err = l.take(&kgo.Record{Topic: telemetry.TopicCells, Partition: 3, Offset: 7, Value: []byte("\xff\xfe")})
	if err == nil || !strings.HasPrefix(err.Error(), "read weir.cells partition 3 offset 7: ") {
		t.Errorf("a record that is none: got %v", err)
	}
}

// TestALogOfOtherPanesIsRefused also where the panes of the configuration are shorter than those of the cells.
func TestALogOfOtherPanesIsRefused(t *testing.T) {
	config := brokerConfig(t)
	if _, err := EnsureTopics(t.Context(), &config); err != nil {
		t.Fatal(err)
	}
	if _, err := readCellLog(t.Context(), &config, time.Unix(6000, 0), 0); err != nil {
		t.Fatal(err)
	}
	config.Telemetry.Pane = 5 * time.Second
	_, err := readCellLog(t.Context(), &config, time.Unix(6000, 0), 0)
	if want := "telemetry.pane is 5s here but 10s was recorded for this weir.telemetry; say the pane that the cells were made with"; fmt.Sprint(err) != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
