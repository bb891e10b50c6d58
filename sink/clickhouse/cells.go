package clickhouse

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/weirmq/weir/telemetry"
)

// Bounds of one insert. ClickHouse refuses more than 100 partitions, which are days
// here; not fewer rows: every insert is a part that must be merged; not more: memory.
const (
	maxInsertRows = 100_000
	maxInsertDays = 50
)

const insertCells = `INSERT INTO rollup_10s (ts, env, cluster, system, topic, partition, consumer_group, op, client, node,
	sdk_lang, sdk_version, tier, lane, tag, extra, source, segment_block, segment_minute,
	reports, messages, bytes, errors, error.class, error.count,
	latency.i, latency.c, latency_sum_us, latency_max_us, delay.i, delay.c, delay_sum_us, delay_max_us,
	size.i, size.c, size_sum_bytes, size_max_bytes, heartbeat.i, heartbeat.c, heartbeat_sum_us, heartbeat_max_us,
	rebalances, dropped_reports, interval_ms, gauge.name, gauge.last, gauge.max)`

const insertLedger = `INSERT INTO ledger (source, segment_block, segment_minute, reports, refused, bytes,
	first_offset, end_offset, closed, version)`

// WriteCells writes the cells and ledgers of batches, trying until ClickHouse has
// acknowledged all or ctx ends. Writing again what was written changes nothing.
func (s *Store) WriteCells(ctx context.Context, batches []telemetry.CellBatch) error {
	days := map[string][][]any{}
	var ledger [][]any
	for i := range batches {
		batch := &batches[i]
		for j := range batch.Cells {
			day := batch.Cells[j].Pane.UTC().Format(time.DateOnly)
			days[day] = append(days[day], cellRow(batch, &batch.Cells[j]))
		}
		if batch.Ledger != nil {
			ledger = append(ledger, ledgerRow(batch))
		}
	}
	var rows [][]any
	inserted := 0
	for _, ofDay := range days {
		rows = append(rows, ofDay...)
		inserted++
		if len(rows) < maxInsertRows && inserted < maxInsertDays {
			continue
		}
		if err := s.insertChunks(ctx, insertCells, rows); err != nil {
			return err
		}
		rows, inserted = nil, 0
	}
	if err := s.insertChunks(ctx, insertCells, rows); err != nil {
		return err
	}
	return s.insertChunks(ctx, insertLedger, ledger)
}

func (s *Store) insertChunks(ctx context.Context, statement string, rows [][]any) error {
	for chunk := range slices.Chunk(rows, maxInsertRows) {
		if err := s.insert(ctx, statement, chunk); err != nil {
			return err
		}
	}
	return nil
}

func cellRow(batch *telemetry.CellBatch, cell *telemetry.Cell) []any {
	l, t := &cell.Labels, &cell.Totals
	classes, counts := make([]string, len(t.Errors)), make([]uint64, len(t.Errors))
	for i, e := range t.Errors {
		classes[i], counts[i] = e.Class, e.Count
	}
	names, last, greatest := make([]string, len(t.Gauges)), make([]float64, len(t.Gauges)), make([]float64, len(t.Gauges))
	for i, g := range t.Gauges {
		names[i], last[i], greatest[i] = g.Name, g.Last, g.Max
	}
	row := []any{cell.Pane.UTC(), l.Env, l.Cluster, l.System, l.Topic, l.Partition, l.Group, l.Op, l.Client, l.Node,
		l.SDKLang, l.SDKVersion, l.Tier, l.Lane, l.Tag, extraColumn(l.Extra), batch.Source.String(), batch.Segment.Block, segmentTime(batch.Segment),
		t.Reports, t.Messages, t.Bytes, t.ErrorTotal(), classes, counts}
	for _, histogram := range []*telemetry.Histogram{&t.LatencyMicros, &t.DelayMicros, &t.SizeBytes, &t.HeartbeatMicros} {
		row = append(row, shortIndexes(histogram.Indexes), histogram.Counts, histogram.Sum, histogram.Max)
	}
	return append(row, t.Rebalances, t.DroppedReports, t.IntervalMillis, names, last, greatest)
}

// inNames escapes what divides a name from its value, in names only.
var inNames = strings.NewReplacer(`\`, `\\`, "=", `\=`)

// extraColumn writes labels as name=value. They are part of a cell's identity, so no
// two sets may be written alike: k=v with w is k\=v=w, k with v=w is k=v=w.
func extraColumn(labels []telemetry.Label) []string {
	out := make([]string, len(labels))
	for i, label := range labels {
		out[i] = inNames.Replace(label.Name) + "=" + label.Value
	}
	return out
}

// shortIndexes narrows bucket indexes: the greatest is 2218.
func shortIndexes(indexes []int32) []int16 {
	out := make([]int16, len(indexes))
	for i, index := range indexes {
		out[i] = int16(index)
	}
	return out
}

func segmentTime(segment telemetry.Segment) time.Time {
	return time.Unix(segment.MinuteUnix*60, 0).UTC()
}

func ledgerRow(batch *telemetry.CellBatch) []any {
	l := batch.Ledger
	version := 2 * (l.Reports + l.Refused)
	if l.Closed { // says more than an open one of the same counts
		version++
	}
	return []any{batch.Source.String(), batch.Segment.Block, segmentTime(batch.Segment), l.Reports, l.Refused, l.Bytes,
		l.FirstOffset, l.EndOffset, l.Closed, version}
}
