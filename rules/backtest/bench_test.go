package backtest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/weirmq/weir/rules"
	"github.com/weirmq/weir/telemetry"
)

// Of BenchmarkReplay: as many groups and rules as a fleet of some size has.
const (
	benchGroups = 1000
	benchRules  = 30
	benchPanes  = 60
)

// BenchmarkReplay evaluates ten minutes of cells of as many groups as series, each with a
// histogram of latency of 25 buckets and one of size of 5, and says how long a pane takes.
func BenchmarkReplay(b *testing.B) {
	conditions := []string{"tps > 500000", "errors > 900", "p99 > 900ms", "error_rate > 0.5", "tps < 0.5", "size_max > 900KB", "volatility > 900",
		"p95 > 900ms and tps > 1", "messages > 90000000", "clients > 5"}
	var text strings.Builder
	text.WriteString("groups:\n  - name: bench\n    rules:\n")
	for i := range benchRules {
		fmt.Fprintf(&text, "      - alert: Rule%d\n        by: [cluster, topic, client]\n        window: %dm\n        expr: %s\n        for: 30s\n",
			i, 1+i/20, conditions[i%len(conditions)])
	}
	dir := b.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "rules.yaml"), []byte(text.String()), 0o600); err != nil {
		b.Fatal(err)
	}
	set, err := rules.Load(dir)
	if err != nil {
		b.Fatal(err)
	}
	cells := benchCells()
	for b.Loop() {
		plan, err := NewPlan(midnight.Add(time.Minute), cells.To, pane, set)
		if err != nil {
			b.Fatal(err)
		}
		plan.Begun, plan.Partitions, plan.Workers = true, 8, 2
		r := NewReplay(plan, set)
		r.Take(cells)
		r.Finish()
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*benchPanes), "µs/pane")
}

func benchCells() *telemetry.StoredCells {
	out := &telemetry.StoredCells{From: midnight, To: midnight.Add(benchPanes * pane)}
	latency, size := telemetry.Histogram{Sum: 12_345_678, Max: 999_999}, telemetry.Histogram{Sum: 100_000, Max: 1024}
	for i := range 25 {
		latency.Indexes, latency.Counts = append(latency.Indexes, int32(300+i)), append(latency.Counts, uint64(i+1))
	}
	for i := range 5 {
		size.Indexes, size.Counts = append(size.Indexes, int32(100+i)), append(size.Counts, uint64(i+65))
	}
	for i := range benchGroups {
		out.Labels = append(out.Labels, &telemetry.Labels{Cluster: "main", Topic: fmt.Sprint("topic-", i%50), Op: "send", Client: fmt.Sprint("client-", i)})
	}
	for number := range benchPanes {
		at := midnight.Unix() + int64(number)*10
		for i := range benchGroups {
			out.Cells = append(out.Cells, telemetry.StoredCell{PaneUnix: at, Series: uint32(i), Source: telemetry.Source{Partition: int32(i % 8)},
				Segment: telemetry.Segment{MinuteUnix: at / 60},
				Totals:  telemetry.Totals{Reports: 1, Messages: 1000, Bytes: 100_000, LatencyMicros: latency, SizeBytes: size, IntervalMillis: 10_000}})
		}
	}
	return out
}
