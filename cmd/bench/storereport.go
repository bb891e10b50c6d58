package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"time"
)

// storeFigure is what one query costs. Times are in milliseconds.
type storeFigure struct {
	What      string    `json:"what"`
	Range     string    `json:"range"`
	Millis    []float64 `json:"ms"` // of each run, the first of which finds nothing in the engine's caches
	Median    float64   `json:"median_ms"`
	Worst     float64   `json:"worst_ms"`
	CPU       float64   `json:"cpu_ms"` // of the run that is the median
	Read      uint64    `json:"rows_read"`
	ReadBytes uint64    `json:"bytes_read"`
	Answered  int       `json:"rows"`
	Limit     float64   `json:"limit_ms"`
	OK        bool      `json:"ok"`
	empty     bool      // though it is to show something
}

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// figure makes a figure of some runs.
func figure(what, span string, limit time.Duration, runs []cost) storeFigure {
	sorted := slices.SortedFunc(slices.Values(runs), func(a, b cost) int { return cmp.Compare(a.wall, b.wall) })
	middle := sorted[len(sorted)/2]
	f := storeFigure{What: what, Range: span, Median: millis(middle.wall), Worst: millis(sorted[len(sorted)-1].wall), CPU: millis(middle.cpu),
		Read: runs[0].read, ReadBytes: runs[0].size, Answered: runs[0].rows, Limit: millis(limit), OK: middle.wall <= limit}
	for _, run := range runs {
		f.Millis = append(f.Millis, millis(run.wall))
	}
	return f
}

// measureQuery runs a query some times.
func (e storeEngine) measureQuery(ctx context.Context, q storeQuery, times int) (storeFigure, error) {
	if err := e.cold(ctx); err != nil {
		return storeFigure{}, err
	}
	var runs []cost
	for range times {
		c, err := e.ask(ctx, q.sql)
		if err != nil {
			return storeFigure{}, fmt.Errorf("%s, %s: %w", q.what, q.span, err)
		}
		runs = append(runs, c)
	}
	f := figure(q.what, q.span, q.limit, runs)
	f.empty = q.shows && f.Answered == 0
	return f, nil
}

const storeLine = "%-62s %-6s %9s %9s %9s %12s %12s %8s %8s  %s\n"

func printStoreHeader(to io.Writer) {
	fmt.Fprintf(to, storeLine, "what", "range", "ms", "worst ms", "CPU ms", "rows read", "bytes read", "rows", "limit", "ok")
}

func (f storeFigure) print(to io.Writer) {
	ok := "yes"
	if !f.OK {
		ok = "NO"
	}
	fmt.Fprintf(to, storeLine, f.What, f.Range, number1(f.Median), number1(f.Worst), number1(f.CPU), fmt.Sprint(f.Read), bytesText(float64(f.ReadBytes)), fmt.Sprint(f.Answered), number1(f.Limit), ok)
}

func number1(value float64) string { return fmt.Sprintf("%.1f", value) }

// bytesText is a number of bytes in the unit that suits it.
func bytesText(value float64) string {
	for _, unit := range []string{"B", "KB", "MB"} {
		if value < 1000 {
			return fmt.Sprintf("%.4g %s", value, unit)
		}
		value /= 1000
	}
	return fmt.Sprintf("%.4g GB", value)
}

// storeTable is how large a table is.
type storeTable struct {
	Table string  `json:"table"`
	Rows  uint64  `json:"rows"`
	Parts uint64  `json:"parts"`
	Bytes uint64  `json:"bytes"` // compressed, by system.parts
	Row   float64 `json:"bytes_a_row"`
	// Day is what a day takes where 1,000 series report all the time: 0 for tables whose rows are none of series.
	Day float64 `json:"bytes_a_day_per_1000_series"`
}

// tables are the sizes of all tables that have rows.
func (e storeEngine) tables(ctx context.Context, made storeMade) ([]storeTable, error) {
	rows, err := e.values(ctx, `SELECT table, sum(rows), count(), sum(bytes_on_disk) FROM system.parts WHERE active AND database = 'default' GROUP BY table ORDER BY sum(bytes_on_disk) DESC`)
	if err != nil {
		return nil, err
	}
	byTime, err := e.values(ctx, "SELECT table FROM system.columns WHERE database = 'default' AND name = 'ts'")
	if err != nil {
		return nil, err
	}
	var out []storeTable
	for _, row := range rows {
		t := storeTable{Table: row[0]}
		if _, err := fmt.Sscan(row[1]+" "+row[2]+" "+row[3], &t.Rows, &t.Parts, &t.Bytes); err != nil {
			return nil, fmt.Errorf("read the size of %s: %w", t.Table, err)
		}
		t.Row = float64(t.Bytes) / float64(t.Rows)
		if slices.ContainsFunc(byTime, func(has []string) bool { return has[0] == t.Table }) && t.Table != "trace_hops" && t.Table != "client_event_log" {
			day, err := e.values(ctx, fmt.Sprintf("SELECT count() FROM %s WHERE ts >= toDateTime(%d, 'UTC')", t.Table, made.Begin.Unix()))
			if err != nil {
				return nil, err
			}
			var count float64
			if _, err := fmt.Sscan(day[0][0], &count); err != nil {
				return nil, fmt.Errorf("read the rows of %s: %w", t.Table, err)
			}
			whole := (24 * time.Hour).Seconds() / made.End.Sub(made.Begin).Seconds()
			t.Day = count * whole * t.Row / float64(made.Series) * 1000
		}
		out = append(out, t)
	}
	return out, nil
}

func printTables(to io.Writer, tables []storeTable) {
	const line = "%-24s %12s %6s %10s %12s %32s\n"
	fmt.Fprintf(to, line, "table", "rows", "parts", "bytes", "bytes a row", "bytes a day per 1,000 series")
	for _, t := range tables {
		day := "-"
		if t.Day > 0 {
			day = bytesText(t.Day)
		}
		fmt.Fprintf(to, line, t.Table, fmt.Sprint(t.Rows), fmt.Sprint(t.Parts), bytesText(float64(t.Bytes)), number1(t.Row), day)
	}
}
