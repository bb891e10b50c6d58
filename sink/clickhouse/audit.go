package clickhouse

import (
	"context"
	"fmt"
	"time"

	driver "github.com/ClickHouse/clickhouse-go/v2"

	"github.com/weirmq/weir/telemetry"
)

// MaxShortParts is how many parts of a table that differ an audit names. Not fewer: a fault often strikes all sources of a minute;
// not more: who has read a hundred knows what happened.
const MaxShortParts = 100

// AuditRange is what of the store to audit.
type AuditRange struct {
	From, To time.Time // of the begins of segments, and of whole steps
	// Settled is until when a part must have been written to count: cells and ledger come by two inserts, and rollups some time after.
	Settled time.Time
}

// ShortPart is a part of a table that does not hold what it should: a segment of rollup_10s, or a step of a rollup, whose Source
// and Segment are zero.
type ShortPart struct {
	Begin            time.Time // of the segment's minute or of the step, in UTC
	Expected, Stored uint64    // reports
	Source           telemetry.Source
	Segment          telemetry.Segment
}

// AuditedTable is how many reports a table holds of a time, and should hold.
type AuditedTable struct {
	Table            string
	Expected, Stored uint64
	Differ           uint64      // parts in which the two are not equal
	Parts            []ShortPart // the first MaxShortParts of them
}

// Rollups are the tables that are made of others, each after the one that it is held against.
var Rollups = []Rollup{{"rollup_1m", "rollup_10s", time.Minute}, {"topic_1m", "rollup_10s", time.Minute}, {"rollup_1h", "rollup_1m", time.Hour}}

// Rollup is a table that is made of another one, and how long its steps are.
type Rollup struct {
	Table, Of string
	Step      time.Duration
}

// AuditCells holds the cells of rollup_10s against the ledger: those of segments whose minute begins in the range and that nothing
// will join any more. Cells are of panes off their minute by the tolerance at most. Cells of a segment that the ledger does not
// know are too many.
func (s *Store) AuditCells(ctx context.Context, r AuditRange, tolerance time.Duration) (AuditedTable, error) {
	parts := fmt.Sprintf(`SELECT segment_minute AS begin, sum(held) AS expected, sum(kept) AS stored, source, segment_block AS block FROM (
			SELECT source, segment_block, segment_minute, reports AS held, 0 AS kept, closed, true AS known, inserted_at FROM ledger FINAL
			WHERE segment_minute >= %[1]s AND segment_minute < %[2]s
			UNION ALL
			SELECT source, segment_block, segment_minute, 0, reports, false, false, inserted_at FROM rollup_10s FINAL
			WHERE ts >= %[3]s AND ts < %[4]s AND segment_minute >= %[1]s AND segment_minute < %[2]s
		) GROUP BY source, segment_block, segment_minute HAVING (max(closed) OR NOT max(known)) AND max(inserted_at) <= %[5]s`,
		moment(r.From), moment(r.To), moment(r.From.Add(-tolerance-telemetry.SegmentLength)), moment(r.To.Add(tolerance+telemetry.SegmentLength)), moment(r.Settled))
	return s.audit(ctx, "rollup_10s", parts)
}

// AuditRollup holds a rollup against what it is made of, by its steps that are wholly in the range.
func (s *Store) AuditRollup(ctx context.Context, r AuditRange, of Rollup) (AuditedTable, error) {
	from, to := r.From.Add(of.Step-1).Truncate(of.Step), r.To.Truncate(of.Step)
	parts := fmt.Sprintf(`SELECT begin, sum(held) AS expected, sum(kept) AS stored, '' AS source, 0 AS block FROM (
			SELECT toStartOfInterval(ts, INTERVAL %[1]d SECOND) AS begin, reports AS held, 0 AS kept, inserted_at FROM %[2]s FINAL WHERE ts >= %[4]s AND ts < %[5]s
			UNION ALL
			SELECT ts, 0, reports, inserted_at FROM %[3]s FINAL WHERE ts >= %[4]s AND ts < %[5]s
		) GROUP BY begin HAVING max(inserted_at) <= %[6]s`,
		int(of.Step/time.Second), of.Of, of.Table, moment(from), moment(to), moment(r.Settled))
	return s.audit(ctx, of.Table, parts)
}

func moment(t time.Time) string { return fmt.Sprintf("toDateTime(%d, 'UTC')", t.Unix()) }

// audit adds up the parts that a statement gives, and reads those that differ.
func (s *Store) audit(ctx context.Context, table, parts string) (AuditedTable, error) {
	out := AuditedTable{Table: table}
	ctx = driver.Context(ctx, driver.WithSettings(driver.Settings{finalByPartition: 1, "max_bytes_before_external_group_by": groupBytes}))
	row := s.conn.QueryRow(ctx, "SELECT sum(expected), sum(stored), countIf(expected != stored) FROM ("+parts+")")
	if err := row.Scan(&out.Expected, &out.Stored, &out.Differ); err != nil {
		return out, fmt.Errorf("audit %s: %w", table, err)
	}
	if out.Differ == 0 {
		return out, nil
	}
	rows, err := s.conn.Query(ctx, fmt.Sprintf("SELECT begin, expected, stored, source, toUInt64(block) FROM (%s) WHERE expected != stored ORDER BY begin, source, block LIMIT %d", parts, MaxShortParts))
	if err != nil {
		return out, fmt.Errorf("audit %s: %w", table, err)
	}
	defer rows.Close()
	for rows.Next() {
		part, err := scanPart(rows)
		if err != nil {
			return out, fmt.Errorf("audit %s: %w", table, err)
		}
		out.Parts = append(out.Parts, part)
	}
	if err := rows.Err(); err != nil {
		return out, fmt.Errorf("audit %s: %w", table, err)
	}
	return out, nil
}

func scanPart(rows interface{ Scan(into ...any) error }) (part ShortPart, err error) {
	var source string
	if err := rows.Scan(&part.Begin, &part.Expected, &part.Stored, &source, &part.Segment.Block); err != nil {
		return part, err
	}
	part.Begin = part.Begin.UTC()
	if source == "" {
		return part, nil
	}
	part.Segment.MinuteUnix = part.Begin.Unix() / int64(telemetry.SegmentLength/time.Second)
	part.Source, err = parseSource(source)
	return part, err
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
