package clickhouse

import (
	"context"
	"fmt"
	"time"

	"github.com/weirmq/weir/telemetry"
)

const insertInspection = `INSERT INTO inspection_findings (day, asked_at, rule, fingerprint, severity, labels, values, summary, annotations,
	window_start, window_end, completeness, revision)`

// WriteInspection writes what was found on a day, in place of what was before, trying until ClickHouse has acknowledged all or
// ctx ends. Writing one again changes nothing.
func (s *Store) WriteInspection(ctx context.Context, of *telemetry.Inspection) error {
	day := of.Day.UTC()
	summary := fmt.Sprintf("%d findings of %d rules", len(of.Findings), of.Rules)
	rows := [][]any{{day, of.AskedAt.UTC(), "", "", "", map[string]string{}, map[string]float64{}, summary, map[string]string{},
		day, day.Add(24 * time.Hour), of.Completeness, of.Revision}}
	for i := range of.Findings {
		f := &of.Findings[i]
		rows = append(rows, []any{day, of.AskedAt.UTC(), f.Rule, f.ID, f.Severity, f.Labels, f.Values, f.Annotations["summary"], f.Annotations,
			f.WindowStart.UTC(), f.WindowEnd.UTC(), f.Completeness, of.Revision})
	}
	return s.insert(ctx, insertInspection, rows)
}
