package pipeline

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/weirmq/weir/telemetry"
)

// storedTotals is what the store must hold of a log: sums by series and pane, and a row of the ledger by segment.
type storedTotals struct {
	Cells  map[string]cellSums
	Ledger map[string]ledgerRow
}

type cellSums struct{ Reports, Messages, Bytes, Errors, LatencySumMicros uint64 }

type ledgerRow struct {
	Reports, Refused, Bytes uint64
	First, End              int64
}

func newStoredTotals() *storedTotals {
	return &storedTotals{map[string]cellSums{}, map[string]ledgerRow{}}
}

func (t *storedTotals) add(series string, pane time.Time, sums cellSums) {
	key := fmt.Sprint(series, " in ", pane.Unix())
	old := t.Cells[key]
	t.Cells[key] = cellSums{old.Reports + sums.Reports, old.Messages + sums.Messages, old.Bytes + sums.Bytes, old.Errors + sums.Errors,
		old.LatencySumMicros + sums.LatencySumMicros}
}

func segmentName(source string, block uint64, minute time.Time) string {
	return fmt.Sprint(source, " block ", block, " minute ", minute.Unix())
}

// countLog reads each partition of weir.telemetry once from its begin to its end, without batches, versions or faults.
func (s *simulation) countLog() *storedTotals {
	out := newStoredTotals()
	for _, topic := range append(slices.Clone(s.kafka.deleted), s.kafka.topics[telemetry.TopicTelemetry]) {
		for partition := range topic.partitions {
			source := telemetry.Source{TopicID: topic.id, Partition: int32(partition)}.String()
			highest := map[int64]time.Time{} // minute, by block
			for _, record := range topic.partitions[partition].records {
				block := record.Offset / telemetry.BlockOffsets
				if minute := record.Timestamp.Truncate(time.Minute); minute.After(highest[block]) {
					highest[block] = minute
				}
				key := segmentName(source, uint64(block), highest[block])
				row, known := out.Ledger[key]
				if !known {
					row.First = record.Offset
				}
				row.End = record.Offset + 1
				row.Bytes += uint64(len(record.Value))
				if report := s.kafka.reports[record]; report == nil {
					row.Refused++
				} else {
					row.Reports++
					out.count(s.world.pane, record.Timestamp, report)
				}
				out.Ledger[key] = row
			}
		}
	}
	return out
}

func (t *storedTotals) count(pane time.Duration, appended time.Time, r *telemetry.Report) {
	start := time.UnixMilli(r.StartUnixMillis).UTC()
	if earliest := appended.Add(-simulatedTolerance); start.Before(earliest) {
		start = earliest
	}
	if latest := appended.Add(simulatedTolerance); start.After(latest) {
		start = latest
	}
	sums := cellSums{1, r.Messages, r.Bytes, 0, r.LatencyMicros.Sum}
	for _, e := range r.Errors {
		sums.Errors += e.Count
	}
	t.add(seriesName(r.Labels.Topic, r.Labels.Op, r.Labels.Client), start.Truncate(pane), sums)
}

func seriesName(topic, op, client string) string {
	return strings.Join([]string{topic, op, client}, "/")
}

// totals reads the store as people do: FINAL, added up over sources and segments.
func (d *simulatedStore) totals() *storedTotals {
	out := newStoredTotals()
	for _, row := range d.tables["rollup_10s"].rows {
		text := func(name string) string { return d.tables["rollup_10s"].column(row, name).(string) }
		number := func(name string) uint64 { return d.tables["rollup_10s"].column(row, name).(uint64) }
		out.add(seriesName(text("topic"), text("op"), text("client")), d.tables["rollup_10s"].column(row, "ts").(time.Time),
			cellSums{number("reports"), number("messages"), number("bytes"), number("errors"), number("latency_sum_us")})
	}
	for _, row := range d.tables["ledger"].rows {
		of := func(name string) any { return d.tables["ledger"].column(row, name) }
		out.Ledger[segmentName(of("source").(string), of("segment_block").(uint64), of("segment_minute").(time.Time))] = ledgerRow{
			of("reports").(uint64), of("refused").(uint64), of("bytes").(uint64), of("first_offset").(int64), of("end_offset").(int64)}
	}
	return out
}
