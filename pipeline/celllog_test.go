package pipeline

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/rules/backtest"
	"github.com/weirmq/weir/sink/clickhouse"
	"github.com/weirmq/weir/telemetry"
)

// loggedCells writes records of one segment to a log of cells, one for each list of panes with their reports.
func loggedCells(t *testing.T, l *cellLog, versions ...map[int64]uint64) {
	t.Helper()
	for _, panes := range versions {
		if err := l.take(cellRecord(panes)); err != nil {
			t.Fatal(err)
		}
	}
}

// cellRecord has cells of one series and segment: panes with their reports.
func cellRecord(panes map[int64]uint64) *kgo.Record {
	batch := telemetry.CellBatch{Segment: telemetry.Segment{MinuteUnix: 100}, Ledger: &telemetry.Ledger{Closed: true}}
	for _, pane := range slices.Sorted(maps.Keys(panes)) {
		batch.Cells = append(batch.Cells, telemetry.Cell{Pane: time.Unix(pane, 0), Labels: telemetry.Labels{Topic: "orders"}, Totals: telemetry.Totals{Reports: panes[pane]}})
		batch.Ledger.Reports += panes[pane]
	}
	return &kgo.Record{Topic: telemetry.TopicCells, Value: telemetry.AppendCellBatch(nil, &batch)}
}

// held are the panes of a log's cells with their reports.
func (l *cellLog) held() (out []string) {
	for _, cell := range l.cells {
		out = append(out, fmt.Sprint(cell.PaneUnix, " ", cell.Totals.Reports))
	}
	return out
}

// TestALogOfCellsHoldsWhatIsAskedForOnly and knows how far it reaches: with no cell left out as well.
func TestALogOfCellsHoldsWhatIsAskedForOnly(t *testing.T) {
	l := newCellLog(time.Unix(6000, 0), time.Unix(6020, 0), 0)
	l.most = 2
	loggedCells(t, l, map[int64]uint64{6030: 1, 6040: 1, 6050: 1}, map[int64]uint64{5990: 1})
	if first, last, err := l.Held(t.Context()); err != nil || first != time.Unix(6030, 0).UTC() || last != time.Unix(6050, 0).UTC() || len(l.cells) > 0 {
		t.Errorf("the log holds %v from %s to %s and %v, want nothing, and that there is something at 6030 to 6050", l.held(), first, last, err)
	}
	loggedCells(t, l, map[int64]uint64{6020: 1, 6000: 4}, map[int64]uint64{6010: 5})
	first, last, err := l.Held(t.Context())
	if want := []string{"6000 4", "6010 5"}; err != nil || !slices.Equal(l.held(), want) || first != time.Unix(6000, 0).UTC() || last != time.Unix(6050, 0).UTC() {
		t.Errorf("the log holds %v from %s to %s and %v, want %v from 6000 to 6050", l.held(), first, last, err, want)
	}
}

// TestALogThatRetentionCutIsKnownFromTheToleranceOn: what is gone was written before what is left, and may have had reports of times
// that are later by the tolerance.
func TestALogThatRetentionCutIsKnownFromTheToleranceOn(t *testing.T) {
	config := brokerConfig(t)
	config.Telemetry.Tolerance = time.Minute
	if _, err := EnsureTopics(t.Context(), &config); err != nil {
		t.Fatal(err)
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(config.Kafka.Brokers...), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for written, panes := range []map[int64]uint64{{6000: 1}, {6100: 1, 6150: 2, 6160: 3, 6170: 4}, {6180: 5, 6190: 6}} {
		record := cellRecord(panes)
		record.Timestamp = time.Unix(6000+100*int64(written), 0)
		if err := client.ProduceSync(t.Context(), record).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	plan := backtest.Plan{ReadFrom: time.Unix(6000, 0), To: time.Unix(6190, 0)}
	whole, err := readCellLog(t.Context(), &config, plan)
	if want := []string{"6000 1", "6100 1", "6150 2", "6160 3", "6170 4", "6180 5"}; err != nil || !slices.Equal(whole.held(), want) {
		t.Fatalf("before retention the log holds %v and %v, want %v", whole.held(), err, want)
	}
	_, err = kadm.NewClient(client).DeleteRecords(t.Context(), kadm.Offsets{telemetry.TopicCells: {0: {Topic: telemetry.TopicCells, At: 1}}})
	if err != nil {
		t.Fatal(err)
	}
	cut, err := readCellLog(t.Context(), &config, plan)
	if err != nil {
		t.Fatal(err)
	}
	first, last, err := cut.Held(t.Context())
	if want := []string{"6170 4", "6180 5"}; err != nil || !slices.Equal(cut.held(), want) || first != time.Unix(6170, 0).UTC() || last != time.Unix(6190, 0).UTC() {
		t.Errorf("the log holds %v from %s to %s and %v, want %v from 6170 to 6190", cut.held(), first, last, err, want)
	}
}

// TestALogOfCellsKeepsTheHighestVersion of each cell and of each segment's ledger, whichever comes first.
func TestALogOfCellsKeepsTheHighestVersion(t *testing.T) {
	l := newCellLog(time.Unix(6000, 0), time.Unix(6030, 0), 0)
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
	l := newCellLog(time.Unix(6000, 0), time.Unix(6020, 0), 0)
	l.most = 2
	batch := telemetry.CellBatch{Segment: telemetry.Segment{MinuteUnix: 100}}
	for i := range 3 {
		batch.Cells = append(batch.Cells, telemetry.Cell{Pane: time.Unix(6000, 0), Labels: telemetry.Labels{Topic: fmt.Sprint(i)}, Totals: telemetry.Totals{Reports: 1}})
	}
	err := l.take(&kgo.Record{Topic: telemetry.TopicCells, Value: telemetry.AppendCellBatch(nil, &batch)})
	if want := "weir.cells has more than 2 cells from 1970-01-01T01:40:00Z to 1970-01-01T01:40:20Z, and all are held in memory: ask for a shorter time, or ClickHouse"; err == nil || err.Error() != want {
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
	plan := backtest.Plan{ReadFrom: time.Unix(6000, 0), To: time.Unix(6060, 0)}
	if _, err := readCellLog(t.Context(), &config, plan); err != nil {
		t.Fatal(err)
	}
	config.Telemetry.Pane = 5 * time.Second
	_, err := readCellLog(t.Context(), &config, plan)
	if want := "telemetry.pane is 5s here but 10s was recorded for this weir.telemetry; say the pane that the cells were made with"; fmt.Sprint(err) != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
