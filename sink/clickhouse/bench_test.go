package clickhouse

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	driver "github.com/ClickHouse/clickhouse-go/v2"

	"github.com/weirmq/weir/telemetry"
)

// benchmarkCells is as much as one insert may hold.
const benchmarkCells = maxInsertRows

// benchmarkBatches are cells as a busy fleet's: 200 series of a topic, each with two
// histograms of 40 buckets.
func benchmarkBatches() []telemetry.CellBatch {
	var totals telemetry.Totals
	totals.Reports, totals.Messages, totals.Bytes = 10, 10_000, 1<<20
	for x := uint64(1); len(totals.LatencyMicros.Indexes) < 40; x += 1 + x/20 {
		totals.LatencyMicros.Observe(x)
		totals.SizeBytes.Observe(x)
	}
	start := time.Now().UTC().Truncate(24 * time.Hour)
	var batches []telemetry.CellBatch
	for first := 0; first < benchmarkCells; first += 500 {
		batch := telemetry.CellBatch{Segment: telemetry.Segment{MinuteUnix: start.Unix() / 60}, Ledger: &telemetry.Ledger{}}
		for i := first; i < first+500; i++ {
			batch.Cells = append(batch.Cells, telemetry.Cell{Pane: start.Add(time.Duration(i/10_000) * 10 * time.Second), Totals: totals,
				Labels: telemetry.Labels{Env: "prod", Cluster: "main", System: "kafka", Topic: fmt.Sprint("topic-", i%50), Op: "send",
					Client: fmt.Sprint("client-", i%10_000), Node: fmt.Sprint("node-", i%200), SDKLang: "go", SDKVersion: "1.18.0", Tier: "S1"}})
		}
		batches = append(batches, batch)
	}
	return batches
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

func BenchmarkWriteCells(b *testing.B) {
	s, batches := newStore(b), benchmarkBatches()
	perCPU(b, benchmarkCells, func() {
		if err := s.WriteCells(b.Context(), batches); err != nil {
			b.Fatal(err)
		}
	})
}

// BenchmarkRows is the part of a write that makes rows of cells.
func BenchmarkRows(b *testing.B) {
	batches := benchmarkBatches()
	perCPU(b, benchmarkCells, func() {
		for i := range batches {
			for j := range batches[i].Cells {
				_ = cellRow(&batches[i], &batches[i].Cells[j])
			}
		}
	})
}

// BenchmarkAppend is the part that hands them to the driver.
func BenchmarkAppend(b *testing.B) {
	s := newStore(b)
	var rows [][]any
	for _, batch := range benchmarkBatches() {
		for i := range batch.Cells {
			rows = append(rows, cellRow(&batch, &batch.Cells[i]))
		}
	}
	perCPU(b, len(rows), func() {
		batch, err := s.conn.PrepareBatch(driver.Context(b.Context(), driver.WithSettings(s.settings)), insertCells)
		if err != nil {
			b.Fatal(err)
		}
		for _, row := range rows {
			if err := batch.Append(row...); err != nil {
				b.Fatal(err)
			}
		}
		if err := batch.Abort(); err != nil {
			b.Fatal(err)
		}
	})
}
