package clickhouse

import (
	"context"
	"fmt"
	"maps"
	"slices"
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

// where says which rows are of a range.
func (r *Range) where(from, to time.Time) string {
	text := fmt.Sprintf("ts >= toDateTime(%d, 'UTC') AND ts < toDateTime(%d, 'UTC')", from.Unix(), to.Unix())
	for _, name := range slices.Sorted(maps.Keys(r.Labels)) {
		column := name
		if name == "group" {
			column = "consumer_group"
		}
		if slices.Contains(telemetry.LabelNames, name) {
			text += " AND `" + column + "` = " + quoted(r.Labels[name])
		}
	}
	return text
}

// maxReadRows is about how many rows one statement reads: panes are read whole. Not smaller: each statement reads the granules at
// its borders again, and a topic has few for an hour; not larger: they are held in memory in columns, half a kilobyte each and more,
// of two statements, and must come within attemptTimeout.
const maxReadRows = 350_000

// maxDecodedRows is about how many cells are made of them at a time, whole panes as well. Not fewer: those who evaluate wait for
// each other; not more: a cell takes a kilobyte and more, and is best evaluated while it is in the processor's cache.
const maxDecodedRows = 10_000

// readSize is how much of history is read at a time, in rows.
type readSize struct {
	statement, decoded int
}

// readBlockRows is how many rows come at a time. Not fewer: each block has its own dictionaries; not more: a block's memory is used
// again for the next, and should be as large.
const readBlockRows = 8192

// readSettings are those of a statement that reads history. Versions of a row are in one partition, since its key has the time.
var readSettings = driver.Settings{"max_block_size": readBlockRows, finalByPartition: 1}

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
	if s.blocks == nil {
		return errNoBlocks
	}
	steps, err := s.readSteps(ctx, of)
	if err != nil {
		return err
	}
	r := &historyReader{store: s, of: of, series: newSeriesNumbers(), origins: map[string]origin{}, names: names{}}
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

// readSteps cuts a range where a statement has enough rows.
func (s *Store) readSteps(ctx context.Context, of Range) ([]time.Time, error) {
	rows, err := s.conn.Query(ctx, "SELECT ts, count() FROM rollup_10s WHERE "+of.where(of.From, of.To)+" GROUP BY ts ORDER BY ts")
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
