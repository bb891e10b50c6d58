package clickhouse

import (
	"context"
	"fmt"
	"time"

	"github.com/weirmq/weir/telemetry"
)

// SegmentOf names a segment of a source.
type SegmentOf struct {
	Source  telemetry.Source
	Segment telemetry.Segment
}

// ClosedSegments returns how many reports the segments whose minute begins in [from, to)
// held, as the ledger says, of those that nothing will join any more.
func (s *Store) ClosedSegments(ctx context.Context, from, to time.Time) (map[SegmentOf]uint64, error) {
	rows, err := s.conn.Query(ctx, `SELECT source, segment_block, segment_minute, reports FROM ledger FINAL
		WHERE closed AND segment_minute >= ? AND segment_minute < ?`, from, to)
	if err != nil {
		return nil, fmt.Errorf("read the ledger: %w", err)
	}
	defer rows.Close()
	out := map[SegmentOf]uint64{}
	for rows.Next() {
		var source string
		var minute time.Time
		var of SegmentOf
		var reports uint64
		if err := rows.Scan(&source, &of.Segment.Block, &minute, &reports); err != nil {
			return nil, fmt.Errorf("read the ledger: %w", err)
		}
		of.Segment.MinuteUnix = minute.Unix() / 60
		if of.Source, err = parseSource(source); err != nil {
			return nil, fmt.Errorf("read the ledger: %w", err)
		}
		out[of] = reports
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read the ledger: %w", err)
	}
	return out, nil
}
