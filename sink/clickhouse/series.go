package clickhouse

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/weirmq/weir/telemetry"
)

// SeriesQuery says which labels to read of the series of a span.
type SeriesQuery struct {
	From, To time.Time // of the panes: those that begin at or after From and before To
	Labels   []string  // their names; nothing is read of others
	All      bool      // read all labels
}

// MaxSeries bounds the sets of labels that Series reads. Not smaller: a cluster of 10,000 topics with 60 consumer groups each
// has 600,000; not larger: each takes some 500 bytes here, and the server holds them too.
const MaxSeries = 1_000_000

// ErrManySeries is of a span with more than MaxSeries sets of labels.
var ErrManySeries = fmt.Errorf("more than %d sets of labels", MaxSeries)

// Series reads the sets of labels that the cells of a span have, each once, with the labels that are asked for only.
func (s *Store) Series(ctx context.Context, q SeriesQuery) ([]telemetry.Labels, error) {
	return s.series(ctx, q, MaxSeries)
}

func (s *Store) series(ctx context.Context, q SeriesQuery, most int) ([]telemetry.Labels, error) {
	var places []int
	for i, name := range telemetry.LabelNames {
		if q.All || slices.Contains(q.Labels, name) {
			places = append(places, i)
		}
	}
	rows, err := s.conn.Query(ctx, seriesStatement(&q, places), q.From, q.To, most+1)
	if err != nil {
		return nil, fmt.Errorf("read series: %w", err)
	}
	defer rows.Close()
	var out []telemetry.Labels
	for rows.Next() {
		var labels telemetry.Labels
		var extra []string
		into := []any{&extra}
		for _, i := range places {
			into = append(into, labels.FieldAt(i))
		}
		if err := rows.Scan(into...); err != nil {
			return nil, fmt.Errorf("read series: %w", err)
		}
		for _, text := range extra {
			label, err := parseExtra(text)
			if err != nil {
				return nil, fmt.Errorf("read series: %w", err)
			}
			labels.Extra = append(labels.Extra, label)
		}
		if out = append(out, labels); len(out) > most {
			return nil, fmt.Errorf("read series: %w", ErrManySeries)
		}
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read series: %w", err)
	}
	return out, nil
}

// seriesStatement selects labels, the further ones first. All versions of a cell have the same, so that FINAL is not needed.
func seriesStatement(q *SeriesQuery, places []int) string {
	further := "extra"
	if !q.All {
		var named []string
		for _, name := range q.Labels {
			if !slices.Contains(telemetry.LabelNames, name) {
				named = append(named, "startsWith(e, "+quoted(inNames.Replace(name)+"=")+")")
			}
		}
		further = "emptyArrayString()"
		if len(named) > 0 {
			further = "arrayFilter(e -> " + strings.Join(named, " OR ") + ", extra)"
		}
	}
	columns := []string{further}
	for _, i := range places {
		columns = append(columns, cellColumns[i+1].name) // ts stands before them
	}
	return "SELECT DISTINCT " + strings.Join(columns, ", ") + " FROM rollup_10s WHERE ts >= ? AND ts < ? LIMIT ?"
}

// quoted is a text as a statement has it.
func quoted(text string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(text) + "'"
}
