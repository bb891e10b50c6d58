package clickhouse

import (
	"context"
	"fmt"
	"strings"
	"time"

	driver "github.com/ClickHouse/clickhouse-go/v2"

	"github.com/weirmq/weir/telemetry"
)

// DayQuery says what to read of a day.
type DayQuery struct {
	Day    time.Time       // its begin, in UTC
	Omit   telemetry.Parts // histograms that are not read
	Gauges []string        // names of those that are
}

// maxDayRows is about how many rows one statement adds up: ten minutes are read whole. Not fewer: series come once for each
// statement; not more: the first row comes when all are added up, which on a busy server must not take attemptTimeout.
const maxDayRows = 1_000_000

// groupBytes is how much memory the server takes to add up before it writes to its disk. Not less: it slows a large day; not more:
// it is shared with what people ask.
const groupBytes = 1 << 30

// ReadDay calls yield with what each series had on a day, as several of the same labels that add up, those with gauges by
// themselves. It asks once: the error is of an attempt that failed, after which yield may have been called.
func (s *Store) ReadDay(ctx context.Context, q DayQuery, yield func(*telemetry.SeriesDay)) error {
	steps, err := s.daySteps(ctx, q.Day)
	if err != nil {
		return fmt.Errorf("read %s: %w", q.Day.Format(time.DateOnly), err)
	}
	r := &dayReader{store: s, of: q, labels: labelSets{}, yield: yield}
	for i := range len(steps) - 1 {
		err := r.counted(ctx, steps[i], steps[i+1])
		if err == nil && len(q.Gauges) > 0 {
			err = r.gauges(ctx, steps[i], steps[i+1])
		}
		if err != nil {
			return fmt.Errorf("read %s from %s on: %w", q.Day.Format(time.DateOnly), steps[i].Format(time.TimeOnly), err)
		}
	}
	return nil
}

// finalByPartition is the setting by which FINAL has nothing to do in a partition that is merged to one part, as days are.
const finalByPartition = "do_not_merge_across_partitions_select_final"

// daySteps cuts a day at tens of minutes, its end with it.
func (s *Store) daySteps(ctx context.Context, day time.Time) ([]time.Time, error) {
	end := day.Add(24 * time.Hour)
	rows, err := s.conn.Query(ctx, "SELECT toStartOfTenMinutes(ts) AS begin, count() FROM rollup_10s WHERE ts >= ? AND ts < ? GROUP BY begin ORDER BY begin", day, end)
	if err != nil {
		return nil, fmt.Errorf("count the cells: %w", err)
	}
	defer rows.Close()
	var steps []time.Time
	var held uint64
	for rows.Next() {
		var begin time.Time
		var cells uint64
		if err := rows.Scan(&begin, &cells); err != nil {
			return nil, fmt.Errorf("count the cells: %w", err)
		}
		if steps == nil || held+cells > maxDayRows {
			steps, held = append(steps, begin.UTC()), 0
		}
		held += cells
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("count the cells: %w", err)
	}
	if steps == nil {
		return nil, nil
	}
	return append(steps, end), nil
}

// dayReader reads a part of a day at a time.
type dayReader struct {
	store  *Store
	of     DayQuery
	labels labelSets
	yield  func(*telemetry.SeriesDay)
}

// query asks for rows of a stretch, whose first column are labels, and hands them on.
func (r *dayReader) query(ctx context.Context, statement string, from, to time.Time, scan func(func(into ...any) error) (*telemetry.SeriesDay, error)) error {
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	settings := driver.Settings{"max_block_size": readBlockRows, "max_bytes_before_external_group_by": groupBytes, finalByPartition: 1}
	rows, err := r.store.conn.Query(driver.Context(ctx, driver.WithSettings(settings)), statement, from, to)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var raw string
		day, err := scan(func(into ...any) error { return rows.Scan(append([]any{&raw}, into...)...) })
		if err != nil {
			return err
		}
		if day.Labels, err = r.labels.of(raw); err != nil {
			return fmt.Errorf("decode labels: %w", err)
		}
		r.yield(day)
	}
	return rows.Err()
}

// labelList are the columns of labels, with extra.
var labelList = func() string {
	var labels []string
	for _, c := range cellColumns[1 : 1+len(telemetry.LabelNames)+1] { // behind ts
		labels = append(labels, "`"+c.name+"`")
	}
	return strings.Join(labels, ", ")
}()

// handlerErrors adds up those that are not of sending.
const handlerErrors = "sum(arraySum((class, n) -> if(class = '" + telemetry.ErrorClassHandler + "', n, 0), `error.class`, `error.count`))"

// counted reads what adds up.
func (r *dayReader) counted(ctx context.Context, from, to time.Time) error {
	columns := []string{"formatRow('RowBinary', " + labelList + ")", "sum(reports)", "sum(messages)", "sum(bytes)", "sum(errors)", handlerErrors,
		"sum(rebalances)", "sum(dropped_reports)", "sum(interval_ms)", "max(stopped)", "(sumMap([toUInt16(toHour(ts))], [messages]) AS hours).1, hours.2"}
	for i, histogram := range dayHistograms {
		if !r.of.Omit.Has(histogramParts[i]) {
			columns = append(columns, fmt.Sprintf("(sumMap(`%[1]s.i`, `%[1]s.c`) AS %[1]s_buckets).1, %[1]s_buckets.2, sum(%[2]s), max(%[3]s)", histogram.name, histogram.sum, histogram.greatest))
		}
	}
	statement := "SELECT " + strings.Join(columns, ", ") + " FROM rollup_10s FINAL WHERE ts >= ? AND ts < ? GROUP BY " + labelList
	return r.query(ctx, statement, from, to, func(scan func(into ...any) error) (*telemetry.SeriesDay, error) {
		out := &telemetry.SeriesDay{}
		t := &out.Totals
		var failed, handled uint64
		var stopped bool
		var hours []uint16
		var sent []uint64
		into := []any{&t.Reports, &t.Messages, &t.Bytes, &failed, &handled, &t.Rebalances, &t.DroppedReports, &t.IntervalMillis, &stopped, &hours, &sent}
		var indexes [4][]int16
		for i, h := range [4]*telemetry.Histogram{&t.LatencyMicros, &t.DelayMicros, &t.SizeBytes, &t.HeartbeatMicros} {
			if !r.of.Omit.Has(histogramParts[i]) {
				into = append(into, &indexes[i], &h.Counts, &h.Sum, &h.Max)
			}
		}
		if err := scan(into...); err != nil {
			return nil, err
		}
		for i, h := range [4]*telemetry.Histogram{&t.LatencyMicros, &t.DelayMicros, &t.SizeBytes, &t.HeartbeatMicros} {
			for _, index := range indexes[i] {
				h.Indexes = append(h.Indexes, int32(index))
			}
		}
		for i, hour := range hours {
			out.Hours[hour] = sent[i]
		}
		t.Errors = countedErrors(failed, handled)
		if stopped {
			t.Events = []telemetry.Event{{Kind: telemetry.EventStopped}}
		}
		return out, nil
	})
}

// dayHistograms are the columns of histograms by their place in telemetry.CellTable.Histograms.
var dayHistograms = [4]struct{ name, sum, greatest string }{
	{"latency", "latency_sum_us", "latency_max_us"}, {"delay", "delay_sum_us", "delay_max_us"},
	{"size", "size_sum_bytes", "size_max_bytes"}, {"heartbeat", "heartbeat_sum_us", "heartbeat_max_us"},
}

// gauges reads of each gauge of a series the value in its newest pane, and the greatest of all.
func (r *dayReader) gauges(ctx context.Context, from, to time.Time) error {
	quotedNames := make([]string, len(r.of.Gauges))
	for i, name := range r.of.Gauges {
		quotedNames[i] = quoted(name)
	}
	statement := "SELECT formatRow('RowBinary', " + labelList + "), name, argMax(newest, (ts, measured)), max(ts) AS pane, max(greatest) " +
		"FROM rollup_10s FINAL ARRAY JOIN `gauge.name` AS name, `gauge.last` AS newest, `gauge.at` AS measured, `gauge.max` AS greatest " +
		"WHERE ts >= ? AND ts < ? AND name IN (" + strings.Join(quotedNames, ", ") + ") GROUP BY " + labelList + ", name"
	return r.query(ctx, statement, from, to, func(scan func(into ...any) error) (*telemetry.SeriesDay, error) {
		g := telemetry.GaugeValue{Series: 1}
		var pane time.Time
		if err := scan(&g.Name, &g.Last, &pane, &g.Max); err != nil {
			return nil, err
		}
		g.Sum, g.Min, g.TimeUnixMillis = g.Last, g.Last, pane.UnixMilli()
		return &telemetry.SeriesDay{Totals: telemetry.Totals{Gauges: []telemetry.GaugeValue{g}}}, nil
	})
}

// HeldOf says how many reports the closed segments of a day held, as the ledger says, and how many of them the store holds. Of
// segments at the day's borders, whose reports may be of panes off their minute by the tolerance, nothing is said.
func (s *Store) HeldOf(ctx context.Context, day time.Time, tolerance time.Duration) (held, stored uint64, err error) {
	end := day.Add(24 * time.Hour)
	ctx = driver.Context(ctx, driver.WithSettings(driver.Settings{finalByPartition: 1}))
	row := s.conn.QueryRow(ctx, `SELECT sum(l.reports), sum(least(c.stored, l.reports))
		FROM (SELECT source, segment_block, segment_minute, reports FROM ledger FINAL WHERE closed AND segment_minute >= ? AND segment_minute < ?) AS l
		LEFT JOIN (
			SELECT source, segment_block, segment_minute, sum(reports) AS stored FROM rollup_10s FINAL
			WHERE ts >= ? AND ts < ? GROUP BY source, segment_block, segment_minute
		) AS c USING (source, segment_block, segment_minute)`, day.Add(tolerance), end.Add(-tolerance-telemetry.SegmentLength), day, end)
	if err := row.Scan(&held, &stored); err != nil {
		return 0, 0, fmt.Errorf("hold the cells of %s against the ledger: %w", day.Format(time.DateOnly), err)
	}
	return held, stored, nil
}
