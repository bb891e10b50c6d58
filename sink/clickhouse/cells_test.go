package clickhouse

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weirmq/weir/telemetry"
)

func (s *store) write(batches ...telemetry.CellBatch) {
	s.t.Helper()
	if err := s.WriteCells(s.t.Context(), batches); err != nil {
		s.t.Fatal(err)
	}
}

// expectCells compares every column of every stored cell.
func (s *store) expectCells(batches []telemetry.CellBatch) {
	s.t.Helper()
	var got []row
	s.read(&got, readRows)
	if want, got := lines(rowsOf(batches)), lines(got); !slices.Equal(want, got) {
		s.t.Errorf("cells differ (-want +got):\n%s", cmp.Diff(want, got))
	}
}

func (s *store) expectLedger(batches []telemetry.CellBatch) {
	s.t.Helper()
	var got []storedLedger
	s.read(&got, readLedger)
	if diff := cmp.Diff(ledgersOf(batches), got); diff != "" {
		s.t.Errorf("the ledger differs (-want +got):\n%s", diff)
	}
}

// TestWriteCellsIsExact tells histories with retries, zombies, a rewind and other
// boundaries of batches: the store holds each report once.
func TestWriteCellsIsExact(t *testing.T) {
	t.Parallel()
	for seed := range uint64(3) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			s, h := newStore(t), newHistory(seed)
			for _, write := range h.telling() {
				s.write(write...)
			}
			var whole []telemetry.CellBatch
			for _, segment := range h.segments {
				whole = append(whole, segment.batches(segmentReports, segmentReports)...)
			}
			for _, parts := range []string{"as inserted", "merged"} {
				s.expectCells(whole)
				s.expectLedger(whole)
				s.expectSums(h)
				if t.Failed() {
					t.Fatal(parts)
				}
				s.query("OPTIMIZE TABLE rollup_10s FINAL")
				s.query("OPTIMIZE TABLE ledger FINAL")
			}
		})
	}
}

// expectSums adds the reports up one by one, as nothing in Weir does, and compares
// what SQL says of the table, of the view that dashboards read, and of the ledger.
func (s *store) expectSums(h *history) {
	s.t.Helper()
	type key struct{ topic, op string }
	type sum struct{ reports, messages, bytes, errors, latency, greatest, largest uint64 }
	sums := map[key]sum{}
	for _, segment := range h.segments {
		for _, p := range segment.reports {
			at := key{p.labels.Topic, p.labels.Op}
			of := sums[at]
			of.reports++
			of.messages += p.report.Messages
			of.bytes += p.report.Bytes
			for _, e := range p.report.Errors {
				of.errors += e.Count
			}
			of.latency += p.report.LatencyMicros.Sum
			of.largest = max(of.largest, p.report.SizeBytes.Max)
			of.greatest = max(of.greatest, p.report.LatencyMicros.Max)
			sums[at] = of
		}
	}
	for at, want := range sums {
		where := fmt.Sprintf(" WHERE topic = '%s' AND op = '%s'", at.topic, at.op)
		s.expect("SELECT sum(reports), sum(messages), sum(bytes), sum(errors), sum(latency_sum_us), max(latency_max_us) FROM rollup_10s FINAL"+where,
			fmt.Sprintf("%d\t%d\t%d\t%d\t%d\t%d", want.reports, want.messages, want.bytes, want.errors, want.latency, want.greatest))
		s.expect("SELECT sum(reports), sum(messages), sum(bytes), sum(errors), max(latency_max_us), max(size_max_bytes) FROM traffic"+where,
			fmt.Sprintf("%d\t%d\t%d\t%d\t%d\t%d", want.reports, want.messages, want.bytes, want.errors, want.greatest, want.largest))
	}
	s.expect(`SELECT count() FROM (SELECT source, segment_block, segment_minute, sum(reports) AS held FROM rollup_10s FINAL GROUP BY ALL) AS cells
		FULL JOIN (SELECT source, segment_block, segment_minute, reports FROM ledger FINAL) AS ledger USING (source, segment_block, segment_minute)
		WHERE held != reports`, "0")
}

// TestWriteCellsOfManyDays exceeds the partitions that ClickHouse takes in one insert.
func TestWriteCellsOfManyDays(t *testing.T) {
	t.Parallel()
	const days = 230
	s := newStore(t)
	today := time.Now().UTC().Truncate(24 * time.Hour)
	batch := telemetry.CellBatch{Segment: telemetry.Segment{MinuteUnix: today.Unix() / 60}}
	for day := range days {
		batch.Cells = append(batch.Cells, telemetry.Cell{Pane: today.AddDate(0, 0, day), Totals: telemetry.Totals{Reports: 1, Messages: 1}})
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := s.WriteCells(ctx, []telemetry.CellBatch{batch}); err != nil {
		t.Fatal(err)
	}
	s.expect("SELECT count(), uniqExact(toDate(ts)), sum(messages) FROM rollup_10s FINAL", fmt.Sprintf("%d\t%d\t%d", days, days, days))
}

// TestWriteNothing asks nothing of ClickHouse.
func TestWriteNothing(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	s.write()
	s.write(telemetry.CellBatch{})
	if err := s.WriteAlerts(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	s.expect("SELECT (SELECT count() FROM rollup_10s), (SELECT count() FROM ledger), (SELECT count() FROM alerts)", "0\t0\t0")
}
