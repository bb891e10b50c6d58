package clickhouse

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weirmq/weir/telemetry"
)

// tableOf puts batches into a table as storage does: from the bytes of records.
func tableOf(t testing.TB, batches ...telemetry.CellBatch) *telemetry.CellTable {
	t.Helper()
	table := &telemetry.CellTable{}
	for i := range batches {
		if err := table.Add(telemetry.AppendCellBatch(nil, &batches[i])); err != nil {
			t.Fatal(err)
		}
	}
	return table
}

func (s *store) write(batches ...telemetry.CellBatch) {
	s.t.Helper()
	if err := s.WriteCells(s.t.Context(), tableOf(s.t, batches...)); err != nil {
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
		s.expect("SELECT sum(reports), sum(messages), sum(bytes), sum(errors), max(latency_max_us), max(size_max_bytes) FROM traffic_10s"+where,
			fmt.Sprintf("%d\t%d\t%d\t%d\t%d\t%d", want.reports, want.messages, want.bytes, want.errors, want.greatest, want.largest))
	}
	s.expect(`SELECT count() FROM (SELECT source, segment_block, segment_minute, sum(reports) AS held FROM rollup_10s FINAL GROUP BY ALL) AS cells
		FULL JOIN (SELECT source, segment_block, segment_minute, reports FROM ledger FINAL) AS ledger USING (source, segment_block, segment_minute)
		WHERE held != reports`, "0")
}

// TestWriteCellsOfManyDays exceeds the partitions that ClickHouse takes in one insert:
// the records are cut within, and each row keeps its own lists.
func TestWriteCellsOfManyDays(t *testing.T) {
	t.Parallel()
	const days = 230
	s := newStore(t)
	today := time.Now().UTC().Truncate(24 * time.Hour)
	var batches []telemetry.CellBatch
	for first := 0; first < days; first += 70 {
		batch := telemetry.CellBatch{Source: telemetry.Source{Partition: int32(first)}, Segment: telemetry.Segment{Block: uint64(first), MinuteUnix: today.Unix() / 60}}
		for day := first; day < min(first+70, days); day++ {
			cell := telemetry.Cell{Pane: today.AddDate(0, 0, day), Labels: telemetry.Labels{Client: fmt.Sprint(day % 9)},
				Totals: telemetry.Totals{Reports: 1, Messages: uint64(day)}}
			for i := range day % 4 {
				cell.Totals.Errors = append(cell.Totals.Errors, telemetry.ErrorCount{Class: fmt.Sprint("class ", i), Count: uint64(day)})
				cell.Totals.Gauges = append(cell.Totals.Gauges, telemetry.GaugeValue{Name: fmt.Sprint("gauge ", day+i), Last: float64(day), Max: float64(i)})
				cell.Totals.DelayMicros.Observe(uint64(day * i))
				cell.Labels.Extra = append(cell.Labels.Extra, telemetry.Label{Name: fmt.Sprint("extra ", i), Value: "x"})
			}
			batch.Cells = append(batch.Cells, cell)
		}
		batches = append(batches, batch)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := s.WriteCells(ctx, tableOf(t, batches...)); err != nil {
		t.Fatal(err)
	}
	s.expectCells(batches)
	s.expect("SELECT count(), uniqExact(toDate(ts)) FROM rollup_10s FINAL", fmt.Sprintf("%d\t%d", days, days))
}

// TestInsertsAreBounded in rows and in days.
func TestInsertsAreBounded(t *testing.T) {
	t.Parallel()
	rows := func(count, perDay int) []uint32 {
		panes := make([]uint32, count)
		for i := range panes {
			panes[i] = uint32(1_800_000_000 + i/perDay*secondsOfDay)
		}
		return panes
	}
	for _, c := range []struct {
		panes      []uint32
		from, want int
	}{
		{rows(10, 10), 0, 10},
		{rows(maxInsertRows, maxInsertRows), 0, maxInsertRows},
		{rows(maxInsertRows+1, maxInsertRows+1), 0, maxInsertRows},
		{rows(maxInsertRows+1, maxInsertRows+1), maxInsertRows, maxInsertRows + 1},
		{rows(2*maxInsertDays, 2), 0, 2 * maxInsertDays},
		{rows(2*maxInsertDays+1, 2), 0, 2 * maxInsertDays},
		{rows(2*maxInsertDays+9, 2), 2, 2*maxInsertDays + 2},
	} {
		if got := endOfInsert(c.panes, c.from); got != c.want {
			t.Errorf("%d rows from %d: an insert ends at %d, want %d", len(c.panes), c.from, got, c.want)
		}
	}
}

// TestManyDistinctValues need keys of one, two and four bytes in one insert.
func TestManyDistinctValues(t *testing.T) {
	t.Parallel()
	for _, distinct := range []int{256, 257, 1 << 16, 1<<16 + 1} {
		s := newStore(t)
		var batch telemetry.CellBatch
		for i := range distinct {
			batch.Cells = append(batch.Cells, telemetry.Cell{Pane: time.Now().UTC().Truncate(time.Second),
				Labels: telemetry.Labels{Topic: fmt.Sprint("topic-", i), Lane: fmt.Sprint(i % 3)}, Totals: telemetry.Totals{Reports: 1, Messages: uint64(i)}})
		}
		s.write(batch)
		s.expect("SELECT count(), uniqExact(topic), uniqExact(lane), countIf(topic != concat('topic-', toString(messages)) OR lane != toString(messages % 3)) FROM rollup_10s FINAL",
			fmt.Sprintf("%d\t%d\t3\t0", distinct, distinct))
	}
}

// TestAColumnOfAnotherTypeIsWaitedFor: nothing is written into it, and nothing lost.
func TestAColumnOfAnotherTypeIsWaitedFor(t *testing.T) {
	t.Parallel()
	database := shared.database(t)
	heard := make(chan error, 1000)
	s := openStore(t, shared, database, func(err error) { heard <- err })
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.query("ALTER TABLE rollup_10s MODIFY COLUMN tier String")
	written := make(chan error, 1)
	go func() { written <- s.WriteCells(t.Context(), tableOf(t, outageBatch(0))) }()
	if said := <-heard; said == nil || !strings.Contains(said.Error(), "column tier is String, want LowCardinality(String)") {
		t.Errorf("heard %v, want what is wrong with the column", said)
	}
	s.query("ALTER TABLE rollup_10s MODIFY COLUMN tier LowCardinality(String)")
	if err := <-written; err != nil {
		t.Fatal(err)
	}
	s.expect(storedSums, "500\t500\t500")
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

// TestVersionsInOneInsert count as one: ClickHouse does not look for them when they come, FINAL does.
func TestVersionsInOneInsert(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	batch := outageBatch(0)
	for _, reports := range []uint64{3, 5, 4} {
		cell := batch.Cells[0]
		cell.Totals.Reports, cell.Totals.Messages = reports, 100*reports
		batch.Cells = append(batch.Cells, cell)
	}
	s.write(batch)
	s.expect("SELECT count(), max(messages), sum(messages) FROM rollup_10s FINAL", "500\t500\t999")
}
