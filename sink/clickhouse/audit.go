package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"time"

	driver "github.com/ClickHouse/clickhouse-go/v2"

	"github.com/weirmq/weir/telemetry"
)

// How many parts of a table that differ an audit names.
const (
	// MaxShortParts is of what people read. Not fewer: a fault often strikes all sources of a minute; not more: who has read a hundred knows
	// what happened.
	MaxShortParts = 100
	// MaxAllParts is of what programs read. Not fewer: a lost day of 64 sources has 92,160 segments; not more: each takes some 100 bytes.
	MaxAllParts = 100_000
)

// AuditRange is what of the store to audit.
type AuditRange struct {
	From, To time.Time // of the begins of segments, and of whole steps
	MaxParts int       // that are named, of those that differ
	// Settled is until when a part must have been written to count: cells and ledger come by two inserts, and rollups some time after.
	Settled time.Time
}

// ShortPart is a part of a table that does not hold what it should: a segment of rollup_10s, or a step of a rollup, which has no Source
// and whose Block is 0.
type ShortPart struct {
	Begin            time.Time // of the segment's minute or of the step, in UTC
	Expected, Stored uint64    // reports
	Source           string    // as the store has it: somebody may have written rows of what is none
	Block            uint64    // of the segment
}

// AuditedTable is how many reports a table holds of a time, and should hold.
type AuditedTable struct {
	Table            string
	From, To         time.Time // what was held, of what was asked about
	Expected, Stored uint64
	Short, Surplus   uint64      // reports that parts lack, and that parts have too many
	Differ           uint64      // parts in which the two are not equal
	Parts            []ShortPart // the first AuditRange.MaxParts of them
	// Expired is since when rows of all tiers are kept, where that is after the begin of what was asked about: of the time before nothing is
	// held. Zero where all of it is kept.
	Expired time.Time
}

// Rollups are the tables that are made of others, in the order in which they are made.
var Rollups = func() (all []Rollup) {
	for _, level := range rollupLevels {
		for _, of := range level.of {
			if of.gauges { // has no reports of its own to hold against others
				continue
			}
			all = append(all, Rollup{of.into, of.from, of.step, level.of[0].into})
		}
	}
	return all
}()

// Rollup is a table that is made of another one, how long its steps are, and the name of the mark up to which it is made.
type Rollup struct {
	Table, Of string
	Step      time.Duration
	Mark      string
}

// markSettles is how much before its mark a rollup is made for certain. Not less: an hour is waited with for two minutes after its end, and
// looked at once a minute; not more: the audit is behind by it.
const markSettles = 5 * time.Minute

// AuditCells holds the cells of rollup_10s against the ledger: those of segments whose minute begins in the range and that nothing
// will join any more. Cells are of panes off their minute by the tolerance at most. Cells of a segment that the ledger does not
// know are too many; of the time before the ledger's first segment nothing is known, nor of that of which rows of a tier have expired.
func (s *Store) AuditCells(ctx context.Context, r AuditRange, tolerance time.Duration) (AuditedTable, error) {
	first, err := s.earliest(ctx, "ledger", "segment_minute")
	if err != nil {
		return AuditedTable{}, err
	}
	expired, err := s.cutExpired(ctx, &r, tolerance+telemetry.SegmentLength, "rollup_10s", "ledger")
	if err != nil {
		return AuditedTable{}, err
	}
	if r.From.Before(first) {
		r.From = first
	}
	return s.auditSteps(ctx, AuditedTable{Table: "rollup_10s", Expired: expired}, r, telemetry.SegmentLength, func(from, to time.Time) string {
		return fmt.Sprintf(`SELECT segment_minute AS begin, sum(held) AS expected, sum(kept) AS stored, source, segment_block AS block FROM (
			SELECT source, segment_block, segment_minute, reports AS held, 0 AS kept, closed, true AS known, inserted_at FROM ledger FINAL
			WHERE segment_minute >= %[1]s AND segment_minute < %[2]s
			UNION ALL
			SELECT source, segment_block, segment_minute, 0, reports, false, false, inserted_at FROM rollup_10s FINAL
			WHERE ts >= %[3]s AND ts < %[4]s AND segment_minute >= %[1]s AND segment_minute < %[2]s
		) GROUP BY source, segment_block, segment_minute HAVING (max(closed) OR NOT max(known)) AND max(inserted_at) <= %[5]s`,
			moment(from), moment(to), moment(from.Add(-tolerance-telemetry.SegmentLength)), moment(to.Add(tolerance+telemetry.SegmentLength)), moment(r.Settled))
	})
}

// AuditRollup holds a rollup against what it is made of, by its steps that are wholly in the range. What has not been added up yet or was left, and
// steps that may have expired, are left out. Where somebody gave the rollup a TTL by hand, that is what is before its first step.
func (s *Store) AuditRollup(ctx context.Context, r AuditRange, of Rollup) (AuditedTable, error) {
	var marks uint64
	var mark time.Time
	if err := s.conn.QueryRow(ctx, "SELECT count(), max(added_up) FROM rollup_marks WHERE name = "+quoted(of.Mark)).Scan(&marks, &mark); err != nil {
		return AuditedTable{}, fmt.Errorf("audit %s: read up to when it is made: %w", of.Table, err)
	}
	expired, err := s.cutExpired(ctx, &r, 0, of.Table, of.Of)
	if err != nil {
		return AuditedTable{}, err
	}
	if by, err := s.lifetime(ctx, of.Table); err != nil {
		return AuditedTable{}, err
	} else if !by.known {
		first, err := s.earliest(ctx, of.Table, "ts")
		if err != nil {
			return AuditedTable{}, err
		}
		if r.From.Before(first) {
			r.From = first
		}
	}
	if made := mark.Add(-markSettles); marks == 0 || r.To.After(made) {
		r.To = made.UTC()
	}
	r.From, r.To = r.From.Add(of.Step-1).Truncate(of.Step), r.To.Truncate(of.Step)
	var left backlog
	if _, err := left.begin(ctx, s, of.Mark); err != nil {
		return AuditedTable{}, fmt.Errorf("audit %s: read what is left to be made: %w", of.Table, err)
	}
	return s.auditSteps(ctx, AuditedTable{Table: of.Table, Expired: expired}, r, of.Step, func(from, to time.Time) string {
		return fmt.Sprintf(`SELECT begin, sum(held) AS expected, sum(kept) AS stored, '' AS source, 0 AS block FROM (
			SELECT toStartOfInterval(ts, INTERVAL %[1]d SECOND) AS begin, reports AS held, 0 AS kept, inserted_at AS came FROM %[2]s FINAL WHERE ts >= %[4]s AND ts < %[5]s
			UNION ALL
			SELECT ts, 0, reports, toDateTime(0, 'UTC') FROM %[3]s FINAL WHERE ts >= %[4]s AND ts < %[5]s
		) GROUP BY begin HAVING max(came) <= %[6]s AND NOT max(%[7]s)`,
			int(of.Step/time.Second), of.Of, of.Table, moment(from), moment(to), moment(slices.MinFunc([]time.Time{r.Settled, mark.Add(-markSettles)}, time.Time.Compare)), left.has("came"))
	})
}

// earliest is the least time that a table has, the zero one where it has none.
func (s *Store) earliest(ctx context.Context, table, column string) (time.Time, error) {
	var rows uint64
	var first time.Time
	if err := s.conn.QueryRow(ctx, "SELECT count(), min("+column+") FROM "+table).Scan(&rows, &first); err != nil {
		return first, fmt.Errorf("audit: read since when there is %s: %w", table, err)
	}
	if rows == 0 {
		return time.Time{}, nil
	}
	return first.UTC(), nil
}

func moment(t time.Time) string { return fmt.Sprintf("toDateTime(%d, 'UTC')", t.Unix()) }

// auditSteps adds up the parts of a range, by statements of an hour each, or of less where ClickHouse takes too long for that; least is what parts must not
// be cut by.
func (s *Store) auditSteps(ctx context.Context, out AuditedTable, r AuditRange, least time.Duration, parts func(from, to time.Time) string) (AuditedTable, error) {
	out.From, out.To = r.From, r.To
	length := auditLength{least: least}
	for from := r.From; from.Before(r.To); {
		to := slices.MinFunc([]time.Time{length.end(from), r.To}, time.Time.Compare)
		with := out
		err := s.audit(ctx, &with, r.MaxParts, parts(from, to))
		if err != nil && ctx.Err() == nil && tookTooLong(err) && length.shorten() {
			continue
		}
		if err != nil {
			return out, fmt.Errorf("audit %s from %s on: %w", out.Table, from.Format(time.RFC3339), err)
		}
		length.held(to)
		out, from = with, to
	}
	return out, nil
}

// codeTimeoutExceeded is ClickHouse's TIMEOUT_EXCEEDED.
const codeTimeoutExceeded = 159

// tookTooLong says of a statement's error that it had no time, by ClickHouse's clock or by ours.
func tookTooLong(err error) bool {
	var exception *driver.Exception
	var timed net.Error
	return errors.As(err, &exception) && exception.Code == codeTimeoutExceeded || errors.As(err, &timed) && timed.Timeout()
}

// audit adds up the parts that a statement gives, and reads those that differ.
func (s *Store) audit(ctx context.Context, out *AuditedTable, most int, parts string) error {
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	ctx = driver.Context(ctx, driver.WithSettings(driver.Settings{finalByPartition: 1, "max_bytes_before_external_group_by": groupBytes}))
	var differ uint64
	row := s.conn.QueryRow(ctx, `SELECT sum(expected), sum(stored), sumIf(expected - stored, expected > stored), sumIf(stored - expected, stored > expected),
		countIf(expected != stored) FROM (SELECT toInt64(expected) AS expected, toInt64(stored) AS stored FROM (`+parts+"))")
	var sums [4]int64
	if err := row.Scan(&sums[0], &sums[1], &sums[2], &sums[3], &differ); err != nil {
		return err
	}
	out.Expected, out.Stored, out.Differ = out.Expected+uint64(sums[0]), out.Stored+uint64(sums[1]), out.Differ+differ
	out.Short, out.Surplus = out.Short+uint64(sums[2]), out.Surplus+uint64(sums[3])
	if differ == 0 || len(out.Parts) >= most {
		return nil
	}
	rows, err := s.conn.Query(ctx, fmt.Sprintf("SELECT begin, expected, stored, source, toUInt64(block) FROM (%s) WHERE expected != stored ORDER BY begin, source, block LIMIT %d",
		parts, most-len(out.Parts)))
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var part ShortPart
		if err := rows.Scan(&part.Begin, &part.Expected, &part.Stored, &part.Source, &part.Block); err != nil {
			return err
		}
		part.Begin = part.Begin.UTC()
		out.Parts = append(out.Parts, part)
	}
	return rows.Err()
}
