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

// LedgerSegment is what the ledger says of a segment.
type LedgerSegment struct {
	Source                 telemetry.Source
	Segment                telemetry.Segment
	Reports, Refused       uint64
	FirstOffset, EndOffset int64
	Closed                 bool
}

// ReadLedger returns the segments whose minute begins in [from, to), by source and first offset.
func (s *Store) ReadLedger(ctx context.Context, from, to time.Time) ([]LedgerSegment, error) {
	rows, err := s.conn.Query(ctx, `SELECT source, segment_block, segment_minute, reports, refused, first_offset, end_offset, closed
		FROM ledger FINAL WHERE segment_minute >= ? AND segment_minute < ? ORDER BY source, first_offset`, from, to)
	if err != nil {
		return nil, fmt.Errorf("read the ledger: %w", err)
	}
	defer rows.Close()
	var out []LedgerSegment
	for rows.Next() {
		var l LedgerSegment
		var source string
		var minute time.Time
		if err := rows.Scan(&source, &l.Segment.Block, &minute, &l.Reports, &l.Refused, &l.FirstOffset, &l.EndOffset, &l.Closed); err != nil {
			return nil, fmt.Errorf("read the ledger: %w", err)
		}
		l.Segment.MinuteUnix = minute.Unix() / int64(telemetry.SegmentLength/time.Second)
		if l.Source, err = parseSource(source); err != nil {
			return nil, fmt.Errorf("read the ledger: %w", err)
		}
		out = append(out, l)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read the ledger: %w", err)
	}
	return out, nil
}
