package clickhouse

import (
	"context"
	"time"

	"github.com/weirmq/weir/telemetry"
)

const insertAlerts = `INSERT INTO alerts (rule, fingerprint, starts_at, seq, state, at, fired_at, resolved_at,
	labels, annotations, values, window_start, window_end, completeness, late_reports, reason, revision)`

// WriteAlerts writes transitions of alerts, trying until ClickHouse has acknowledged
// all or ctx ends. Writing one again changes nothing.
func (s *Store) WriteAlerts(ctx context.Context, alerts []telemetry.Alert) error {
	rows := make([][]any, len(alerts))
	for i := range alerts {
		a := &alerts[i]
		rows[i] = []any{a.Rule, a.ID, a.ActiveAt.UTC(), a.Seq, string(a.State), a.EvaluatedAt.UTC(), present(a.FiredAt), present(a.ResolvedAt),
			a.Labels, a.Annotations, a.Values, a.WindowStart.UTC(), a.WindowEnd.UTC(), a.Completeness, a.LateReports, a.Reason, a.Revision}
	}
	return s.insertChunks(ctx, insertAlerts, rows)
}

// present returns nil for the zero time.
func present(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}
