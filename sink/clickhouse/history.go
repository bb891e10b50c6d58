package clickhouse

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sort"
	"strings"
	"sync"
	"time"

	driver "github.com/ClickHouse/clickhouse-go/v2"

	"github.com/weirmq/weir/telemetry"
)

// Range is what to read of the store's history.
type Range struct {
	From, To time.Time       // of the panes: those that begin at or after From and end by To
	Omit     telemetry.Parts // histograms that are not read
	// Labels of Weir's own that the series have, "" for absent; nil for all series.
	Labels map[string]string
}

// where says which rows are of a range, and with which arguments.
func (r *Range) where(from, to time.Time) (text string, arguments []any) {
	text, arguments = "ts >= ? AND ts < ?", []any{from, to}
	for _, name := range slices.Sorted(maps.Keys(r.Labels)) {
		column := name
		if name == "group" {
			column = "consumer_group"
		}
		if slices.Contains(telemetry.LabelNames, name) {
			text, arguments = text+" AND `"+column+"` = ?", append(arguments, r.Labels[name])
		}
	}
	return text, arguments
}

// maxReadRows is about how many rows one statement reads: panes are read whole. Not
// smaller: each statement reads the granules at its borders again, and a topic has few for an hour; not larger: they are
// held in memory as they came, half a kilobyte each and more, of two statements and some.
const maxReadRows = 250_000

// maxDecodedRows is about how many of them are decoded at a time, whole panes as well. Not fewer: those who evaluate wait for
// each other; not more: a cell takes a kilobyte and more.
const maxDecodedRows = 50_000

// readSize is how much of history is read at a time, in rows.
type readSize struct {
	statement, decoded int
}

// readBlockRows is how many rows come at a time. Not fewer: each block has its own head; not more:
// the driver makes room for a block's text as it comes, and copies what it has each time.
const readBlockRows = 4096

// readSettings are those of a statement that reads history. Versions of a row are in one partition, since its key has the time.
var readSettings = driver.Settings{"max_block_size": readBlockRows, "do_not_merge_across_partitions_select_final": 1}

// historySchema is the first version of the schema that has all that rules look at.
const historySchema = 4

// Held says of which time the store has cells: from the first pane's start to the last
// one's. Both are zero where it has none.
func (s *Store) Held(ctx context.Context) (first, last time.Time, err error) {
	var schema uint32
	if err := s.conn.QueryRow(ctx, "SELECT max(version) FROM schema_migrations").Scan(&schema); err != nil {
		return first, last, fmt.Errorf("read the store's schema: %w", err)
	}
	if schema < historySchema {
		return first, last, fmt.Errorf("the store's schema has version %d, history needs %d: run this weir with the role clickhouse once", schema, historySchema)
	}
	var rows uint64
	row := s.conn.QueryRow(ctx, "SELECT count(), min(ts), max(ts) FROM rollup_10s")
	if err := row.Scan(&rows, &first, &last); err != nil {
		return first, last, fmt.Errorf("read of which time there are cells: %w", err)
	}
	if rows == 0 {
		return time.Time{}, time.Time{}, nil
	}
	return first.UTC(), last.UTC(), nil
}

// ReadCells calls yield with the cells of a range in the order of their panes, the highest
// version of each. Panes without cells are part of some call too. What it is called with is
// good for as long as anybody likes; an error of yield ends the reading.
func (s *Store) ReadCells(ctx context.Context, of Range, yield func(*telemetry.StoredCells) error) error {
	steps, err := s.readSteps(ctx, of)
	if err != nil {
		return err
	}
	r := &historyReader{store: s, of: of, statement: readStatement(of.Omit), series: map[string]uint32{}, origins: map[string]origin{}, names: map[string]string{}}
	ctx, stop := context.WithCancel(ctx)
	var reading sync.WaitGroup
	defer reading.Wait()
	defer stop()
	rows := make(chan fetchedStep) // so that one waits while the one before is handed on
	reading.Go(func() { r.fetchSteps(ctx, steps, rows) })
	for range steps {
		step, came := <-rows
		if !came {
			return fmt.Errorf("read the cells: %w", context.Cause(ctx))
		}
		if step.err != nil {
			return fmt.Errorf("read the cells of %s to %s: %w", step.from.Format(time.RFC3339), step.to.Format(time.RFC3339), step.err)
		}
		if err := r.hand(step, yield); err != nil {
			return err
		}
	}
	return nil
}

// fetchedStep is the rows of a time, by pane.
type fetchedStep struct {
	from, to time.Time
	raw      []rawRow
	err      error
}

// fetchSteps fetches one step after the other until one fails or ctx ends: while ClickHouse answers, what it answered before is
// evaluated.
func (r *historyReader) fetchSteps(ctx context.Context, steps []time.Time, out chan<- fetchedStep) {
	defer close(out)
	for i, from := range steps {
		step := fetchedStep{from: from, to: r.of.To}
		if i+1 < len(steps) {
			step.to = steps[i+1]
		}
		step.raw, step.err = r.fetch(ctx, step.from, step.to)
		select {
		case out <- step:
		case <-ctx.Done():
			return
		}
		if step.err != nil {
			return
		}
	}
}

// readSteps cuts a range where a statement has enough rows.
func (s *Store) readSteps(ctx context.Context, of Range) ([]time.Time, error) {
	where, arguments := of.where(of.From, of.To)
	rows, err := s.conn.Query(ctx, "SELECT ts, count() FROM rollup_10s WHERE "+where+" GROUP BY ts ORDER BY ts", arguments...)
	if err != nil {
		return nil, fmt.Errorf("count the cells: %w", err)
	}
	defer rows.Close()
	steps := []time.Time{of.From}
	var held uint64
	for rows.Next() {
		var pane time.Time
		var cells uint64
		if err := rows.Scan(&pane, &cells); err != nil {
			return nil, fmt.Errorf("count the cells: %w", err)
		}
		if held > 0 && held+cells > uint64(s.reads.statement) {
			steps, held = append(steps, pane.UTC()), 0
		}
		held += cells
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("count the cells: %w", err)
	}
	return steps, nil
}

// readStatement selects the start of a row's pane, and the rest of the row as RowBinary has
// it: one value, which both of ClickHouse's protocols carry and which the driver need not
// take apart by reflection.
func readStatement(omit telemetry.Parts) string {
	var names []string
	for _, c := range cellColumns[1:] { // ts stands alone
		if kind := histogramOf(c.name); c.name != "errors" && (kind < 0 || !omit.Has(histogramParts[kind])) {
			names = append(names, "`"+c.name+"`")
		}
	}
	return "SELECT ts, formatRow('RowBinary', " + strings.Join(names, ", ") + ") FROM rollup_10s FINAL WHERE "
}

// histogramParts are the parts of totals by their place in telemetry.CellTable.Histograms.
var histogramParts = [4]telemetry.Parts{telemetry.PartLatency, telemetry.PartDelay, telemetry.PartSize, telemetry.PartHeartbeat}

// histogramOf is which histogram a column is of, -1 for other columns.
func histogramOf(column string) int {
	for i, prefix := range [4]string{"latency", "delay", "size", "heartbeat"} {
		if strings.HasPrefix(column, prefix+".") || strings.HasPrefix(column, prefix+"_") {
			return i
		}
	}
	return -1
}

// historyReader reads rows. Labels, names and sources that were seen before are found by
// their encoded bytes.
type historyReader struct {
	store     *Store
	of        Range
	statement string
	labels    []*telemetry.Labels
	series    map[string]uint32
	origins   map[string]origin
	names     map[string]string
	buckets   buckets
}

// rawRow is a row as it came.
type rawRow struct {
	pane  time.Time
	value string
}

// hand decodes the rows of a time and hands them on, some panes at a time.
func (r *historyReader) hand(step fetchedStep, yield func(*telemetry.StoredCells) error) error {
	raw, from, to := step.raw, step.from, step.to
	for {
		n := wholePanes(raw, r.store.reads.decoded)
		until := to
		if n < len(raw) {
			until = raw[n].pane.UTC()
		}
		cells, err := r.decodeAll(raw[:n])
		if err != nil {
			return fmt.Errorf("read the cells of %s to %s: decode a row: %w", from.Format(time.RFC3339), until.Format(time.RFC3339), err)
		}
		if err := yield(&telemetry.StoredCells{From: from, To: until, Cells: cells, Labels: slices.Clip(r.labels)}); err != nil {
			return err
		}
		clear(raw[:n]) // for the garbage collector
		if raw, from = raw[n:], until; len(raw) == 0 {
			return nil
		}
	}
}

// wholePanes is how many of the rows are about most rows of panes that are whole.
func wholePanes(raw []rawRow, most int) int {
	if len(raw) <= most {
		return len(raw)
	}
	cut := raw[most].pane
	if n := sort.Search(most, func(i int) bool { return !raw[i].pane.Before(cut) }); n > 0 {
		return n
	}
	return sort.Search(len(raw), func(i int) bool { return raw[i].pane.After(cut) }) // one pane has more
}

func (r *historyReader) decodeAll(raw []rawRow) ([]telemetry.StoredCell, error) {
	out := make([]telemetry.StoredCell, len(raw))
	for i := range raw {
		row := rowReader{rest: raw[i].value}
		if err := r.decode(&row, &out[i]); err != nil {
			return nil, err
		}
		out[i].PaneUnix = raw[i].pane.Unix()
	}
	return out, nil
}

// fetch reads rows as often as it takes: an attempt that fails half way has handed
// nothing on.
func (r *historyReader) fetch(ctx context.Context, from, to time.Time) ([]rawRow, error) {
	var out []rawRow
	where, arguments := r.of.where(from, to)
	err := r.store.retry(ctx, "read", func(ctx context.Context) error {
		out = out[:0]
		rows, err := r.store.conn.Query(driver.Context(ctx, driver.WithSettings(readSettings)), r.statement+where, arguments...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var row rawRow
			if err := rows.Scan(&row.pane, &row.value); err != nil {
				return err
			}
			out = append(out, row)
		}
		return rows.Err()
	})
	if err != nil {
		return nil, err
	}
	return byPane(out), nil
}

// byPane sorts rows by their panes, which are few, and leaves those of a pane in their order.
func byPane(rows []rawRow) []rawRow {
	next := map[int64]int{} // place of a pane's next row; how many it has, at first
	for i := range rows {
		next[rows[i].pane.Unix()]++
	}
	place := 0
	for _, pane := range slices.Sorted(maps.Keys(next)) {
		has := next[pane]
		next[pane] = place
		place += has
	}
	out := make([]rawRow, len(rows))
	for i := range rows {
		pane := rows[i].pane.Unix()
		out[next[pane]] = rows[i]
		next[pane]++
	}
	return out
}
