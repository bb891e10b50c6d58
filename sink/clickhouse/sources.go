package clickhouse

import (
	"context"
	"fmt"
	"time"

	"github.com/weirmq/weir/telemetry"
)

// StoredSource is how far the store has come with a source, as the ledger says.
type StoredSource struct {
	Source    telemetry.Source
	Newest    time.Time // begin of the newest minute that it has a segment of, in UTC
	EndOffset int64     // behind its newest record
}

// Sources says how far the store has come with each source that the ledger knows, in the order of their names. An open segment
// counts with what it had when it was last flushed.
func (s *Store) Sources(ctx context.Context) ([]StoredSource, error) {
	rows, err := s.conn.Query(ctx, "SELECT source, max(segment_minute), max(end_offset) FROM ledger GROUP BY source ORDER BY source")
	if err != nil {
		return nil, fmt.Errorf("read the ledger: %w", err)
	}
	defer rows.Close()
	var out []StoredSource
	for rows.Next() {
		var name string
		var of StoredSource
		if err := rows.Scan(&name, &of.Newest, &of.EndOffset); err != nil {
			return nil, fmt.Errorf("read the ledger: %w", err)
		}
		if of.Source, err = parseSource(name); err != nil {
			return nil, fmt.Errorf("read the ledger: %w", err)
		}
		of.Newest = of.Newest.UTC()
		out = append(out, of)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read the ledger: %w", err)
	}
	return out, nil
}
