package clickhouse

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/ClickHouse/ch-go/proto"
	"github.com/ClickHouse/clickhouse-go/v2/lib/column"
	driverproto "github.com/ClickHouse/clickhouse-go/v2/lib/proto"
	"github.com/google/go-cmp/cmp"

	"github.com/weirmq/weir/telemetry"
)

// newBlock is what the driver fills for an insert.
func newBlock(b testing.TB) *driverproto.Block {
	block := driverproto.NewBlock()
	for _, c := range cellColumns {
		if err := block.AddColumn(c.name, column.Type(c.kind)); err != nil {
			b.Fatal(err)
		}
	}
	return block
}

// rowOf is a cell as the driver's Append takes it.
func rowOf(batch *telemetry.CellBatch, cell *telemetry.Cell) []any {
	l, t := &cell.Labels, &cell.Totals
	classes, counts := make([]string, len(t.Errors)), make([]uint64, len(t.Errors))
	for i, e := range t.Errors {
		classes[i], counts[i] = e.Class, e.Count
	}
	names, last, greatest := make([]string, len(t.Gauges)), make([]float64, len(t.Gauges)), make([]float64, len(t.Gauges))
	times := make([]time.Time, len(t.Gauges))
	for i, g := range t.Gauges {
		names[i], last[i], greatest[i], times[i] = g.Name, g.Last, g.Max, time.UnixMilli(g.TimeUnixMillis).UTC()
	}
	row := []any{cell.Pane.UTC(), l.Env, l.Cluster, l.System, l.Topic, l.Partition, l.Group, l.Op, l.Client, l.Node,
		l.SDKLang, l.SDKVersion, l.Tier, l.Lane, l.Tag, extraColumn(l.Extra), batch.Source.String(), batch.Segment.Block, batch.Segment.Begin(),
		t.Reports, t.Messages, t.Bytes, t.ErrorTotal(), classes, counts}
	for _, h := range []*telemetry.Histogram{&t.LatencyMicros, &t.DelayMicros, &t.SizeBytes, &t.HeartbeatMicros} {
		row = append(row, shortIndexes(nil, h.Indexes), h.Counts, h.Sum, h.Max)
	}
	return append(row, t.Rebalances, t.DroppedReports, t.IntervalMillis, names, last, greatest, times, stopped(t))
}

func shortIndexes(out []int16, indexes []int32) []int16 {
	for _, index := range indexes {
		out = append(out, int16(index))
	}
	return out
}

// byRows is an insert by the driver's Append, up to what is compressed and sent.
func byRows(b testing.TB, batches []telemetry.CellBatch, out *proto.Buffer) {
	block := newBlock(b)
	for i := range batches {
		for j := range batches[i].Cells {
			if err := block.Append(rowOf(&batches[i], &batches[i].Cells[j])...); err != nil {
				b.Fatal(err)
			}
		}
	}
	encodeBlock(b, block, out)
}

func encodeBlock(b testing.TB, block *driverproto.Block, out *proto.Buffer) {
	out.Reset()
	if err := block.Encode(out, 0); err != nil {
		b.Fatal(err)
	}
}

// byColumns is an insert as this package does it, up to the same point.
func byColumns(b testing.TB, e *cellEncoder, table *telemetry.CellTable, out *proto.Buffer) {
	block := newBlock(b)
	e.begin(table)
	e.from, e.to = 0, table.Len()
	if err := e.fill(block.Columns); err != nil {
		b.Fatal(err)
	}
	encodeBlock(b, block, out)
}

// TestTheWaysOfTheBenchmarkEncodeTheSame decodes what each of them encodes: the rows are
// the same ones.
func TestTheWaysOfTheBenchmarkEncodeTheSame(t *testing.T) {
	t.Parallel()
	batches := slices.Concat(benchmarkBatches(1000), newHistory(1).telling()[0])
	batches[0].Cells[0].Totals, batches[0].Cells[0].Labels.Extra = extremes("pair"), []telemetry.Label{{Name: "zone", Value: "a"}}
	table := tableOf(t, batches...)
	var rows, columns, alone proto.Buffer
	byRows(t, batches, &rows)
	byColumns(t, &cellEncoder{}, table, &columns)
	newBare().insert(t, batches, &alone)
	ofRows, ofColumns, ofBare := driverproto.NewBlock(), driverproto.NewBlock(), newBlock(t)
	if err := errors.Join(ofRows.Decode(rows.Reader(), 0), ofColumns.Decode(columns.Reader(), 0)); err != nil {
		t.Fatal(err)
	}
	reader := alone.Reader()
	for _, c := range ofBare.Columns { // without a block's header
		if stateful, ok := c.(column.CustomSerialization); ok {
			if err := stateful.ReadStatePrefix(reader); err != nil {
				t.Fatal(err)
			}
		}
		if err := c.Decode(reader, table.Len()); err != nil {
			t.Fatalf("column %s: %v", c.Name(), err)
		}
	}
	want := valuesIn(ofRows)
	for way, got := range map[string][]string{"columns": valuesIn(ofColumns), "ch-go": valuesIn(ofBare)} {
		if diff := cmp.Diff(want, got); diff != "" || len(want) != table.Len() {
			t.Errorf("%s encode other rows than the %d of Append (-want +got):\n%s", way, len(want), diff)
		}
	}
}

// BenchmarkPairs compares what an insert takes up to what is compressed and sent, in
// rounds of one of each: by the driver's rows, by ch-go alone, by this package; and from
// the bytes of records on. It reports medians of CPU time for each cell, and of
// ratios, which make bench reads.
func BenchmarkPairs(b *testing.B) {
	batches := benchmarkBatches(benchmarkCells)
	values := recordsOf(batches)
	table, again, encoder, alone := tableOf(b, batches...), &telemetry.CellTable{}, &cellEncoder{}, newBare()
	var out proto.Buffer
	ways := []struct {
		name string
		run  func()
	}{
		{"rows", func() { byRows(b, batches, &out) }},
		{"ch-go", func() { alone.insert(b, batches, &out) }},
		{"columns", func() { byColumns(b, encoder, table, &out) }},
		{"columns-no-driver", func() {
			encoder.begin(table)
			encoder.from, encoder.to = 0, table.Len()
			encoder.out.Reset()
			for _, c := range cellColumns {
				c.encode(encoder)
			}
		}},
		{"rows-from-records", func() {
			decoded := make([]telemetry.CellBatch, len(values))
			for i, value := range values {
				var err error
				if decoded[i], err = telemetry.UnmarshalCellBatch(value); err != nil {
					b.Fatal(err)
				}
			}
			byRows(b, decoded, &out)
		}},
		{"columns-from-records", func() {
			fillTable(b, again, values)
			byColumns(b, encoder, again, &out)
		}},
	}
	took := make([][]float64, len(ways))
	for b.Loop() {
		for i, way := range ways {
			took[i] = append(took[i], perCell(b, way.run))
		}
	}
	for i, way := range ways {
		b.ReportMetric(median(took[i]), way.name+"-cpu-ns/cell")
	}
	for _, pair := range [][2]int{{0, 2}, {2, 1}, {2, 3}, {4, 5}} {
		ratios := make([]float64, len(took[0]))
		for i := range ratios {
			ratios[i] = took[pair[0]][i] / took[pair[1]][i]
		}
		b.ReportMetric(median(ratios), fmt.Sprintf("%s/%s", ways[pair[0]].name, ways[pair[1]].name))
	}
}

// leastTurn is how long a way runs before the next: what it leaves to the garbage
// collector must be collected in its own time, not in the next one's. Not shorter: a
// fast way leaves too little to be collected at all.
const leastTurn = time.Second / 2

// perCell is how many nanoseconds of CPU a way takes for a cell.
func perCell(b *testing.B, run func()) float64 {
	runtime.GC()
	began, inserts := cpuTime(b), 0
	for inserts == 0 || cpuTime(b)-began < leastTurn {
		run()
		inserts++
	}
	return float64((cpuTime(b)-began)/time.Nanosecond) / float64(inserts*benchmarkCells)
}

func median(of []float64) float64 {
	of = slices.Sorted(slices.Values(of))
	return of[len(of)/2]
}
