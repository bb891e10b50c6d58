package clickhouse

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/weirmq/weir/telemetry"
)

// benchmarkCells is as much as one insert may hold.
const benchmarkCells = maxInsertRows

// benchmarkTotals are a cell's, no two alike: two histograms of about 40 buckets.
func benchmarkTotals(random *rand.Rand) telemetry.Totals {
	totals := telemetry.Totals{Reports: 10, Messages: random.Uint64N(10_000), Bytes: random.Uint64N(1 << 20), IntervalMillis: 10_000}
	for range 100 {
		totals.LatencyMicros.Observe(uint64(math.Exp(random.NormFloat64()/4 + 8)))
		totals.SizeBytes.Observe(uint64(math.Exp(random.NormFloat64()/4 + 6)))
	}
	return totals
}

// benchmarkBatches are cells as a busy fleet's: 200 series of a topic.
func benchmarkBatches(cells int) []telemetry.CellBatch {
	random := rand.New(rand.NewPCG(1, 0))
	start := time.Now().UTC().Truncate(24 * time.Hour)
	var batches []telemetry.CellBatch
	for first := 0; first < cells; first += 500 {
		batch := telemetry.CellBatch{Segment: telemetry.Segment{MinuteUnix: start.Unix() / 60}, Ledger: &telemetry.Ledger{}}
		for i := first; i < min(first+500, cells); i++ {
			batch.Cells = append(batch.Cells, telemetry.Cell{Pane: start.Add(time.Duration(i/10_000) * 10 * time.Second), Totals: benchmarkTotals(random),
				Labels: telemetry.Labels{Env: "prod", Cluster: "main", System: "kafka", Topic: fmt.Sprint("topic-", i%50), Op: "send",
					Client: fmt.Sprint("client-", i%10_000), Node: fmt.Sprint("node-", i%200), SDKLang: "go", SDKVersion: "1.18.0", Tier: "S1"}})
		}
		batches = append(batches, batch)
	}
	return batches
}

func recordsOf(batches []telemetry.CellBatch) [][]byte {
	values := make([][]byte, len(batches))
	for i := range batches {
		values[i] = telemetry.AppendCellBatch(nil, &batches[i])
	}
	return values
}

func fillTable(b *testing.B, table *telemetry.CellTable, values [][]byte) {
	b.Helper()
	table.Reset()
	for _, value := range values {
		if err := table.Add(value); err != nil {
			b.Fatal(err)
		}
	}
}

// cpuTime is what this process has used; the engine is another.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// perCPU reports rows for each second of this process's CPU.
func perCPU(b *testing.B, rows int, work func()) {
	b.Helper()
	b.ReportAllocs()
	began := cpuTime(b)
	for b.Loop() {
		work()
	}
	b.ReportMetric(float64(rows*b.N)/(cpuTime(b)-began).Seconds(), "rows/cpu-s")
	b.ReportMetric(float64(rows*b.N)/b.Elapsed().Seconds(), "rows/s")
}

// BenchmarkStore is what a cell takes from the bytes of records until it is acknowledged.
func BenchmarkStore(b *testing.B) {
	s, values, table := newStore(b), recordsOf(benchmarkBatches(benchmarkCells)), &telemetry.CellTable{}
	perCPU(b, benchmarkCells, func() {
		fillTable(b, table, values)
		if err := s.WriteCells(b.Context(), table); err != nil {
			b.Fatal(err)
		}
	})
}

// BenchmarkReadCells reads back cells of a thousand series, with what rules rarely and often read.
func BenchmarkReadCells(b *testing.B) {
	s := newStore(b)
	const panes, perPane = 50, 1000
	begin := time.Now().UTC().Truncate(time.Hour)
	batches := benchmarkBatches(perPane)
	for pane := range panes {
		for i := range batches {
			for j := range batches[i].Cells {
				batches[i].Cells[j].Pane = begin.Add(time.Duration(pane) * 10 * time.Second)
			}
		}
		s.write(batches...)
	}
	for name, omit := range map[string]telemetry.Parts{"all": 0, "counters": telemetry.AllParts} {
		b.Run(name, func(b *testing.B) {
			perCPU(b, panes*perPane, func() {
				cells := 0
				err := s.ReadCells(b.Context(), Range{From: begin, To: begin.Add(panes * 10 * time.Second), Omit: omit}, func(read *telemetry.StoredCells) error {
					cells += len(read.Cells)
					return nil
				})
				if err != nil || cells != panes*perPane {
					b.Fatalf("read %d cells: %v", cells, err)
				}
			})
		})
	}
}

// BenchmarkCompactor adds up five minutes of 10,000 series, and says what a row of each table takes.
func BenchmarkCompactor(b *testing.B) {
	s := newStore(b)
	for batch := range slices.Chunk(benchmarkBatches(300_000), 20) {
		s.write(batch...)
	}
	for b.Loop() {
		for _, table := range append(RollupTables[:], "rollup_marks", "rollup_backlog") {
			s.query("TRUNCATE TABLE " + table)
		}
		s.round()
	}
	for _, table := range append(RollupTables[:], "rollup_10s") {
		s.query("OPTIMIZE TABLE " + table + " FINAL")
		b.Logf("%s: rows, and bytes of each: %s", table, s.query("SELECT sum(rows), round(sum(data_compressed_bytes) / sum(rows), 1) FROM system.parts WHERE active AND database = currentDatabase() AND table = '"+table+"'"))
	}
	b.ReportMetric(float64(b.Elapsed())/float64(b.N)/300_000, "ns/row")
}
