package clickhouse

import (
	"context"
	"fmt"
	"time"

	driver "github.com/ClickHouse/clickhouse-go/v2"

	"github.com/weirmq/weir/telemetry"
)

// Counted is what all series of some labels counted over a span of time: messages, bytes and errors.
type Counted struct {
	Labels  *telemetry.Labels
	Totals  telemetry.Totals
	Minutes uint64 // of an hour in which there were messages, a bit each
}

// countedStatement adds up the cells of a span by their labels, which come first and as RowBinary has them.
var countedStatement = "SELECT formatRow('RowBinary', " + labelList + "), sum(messages), sum(bytes), sum(errors), " + handlerErrors +
	", groupBitOr(if(messages > 0, bitShiftLeft(toUInt64(1), toMinute(ts)), 0))" +
	" FROM rollup_10s FINAL WHERE ts >= ? AND ts < ? GROUP BY " + labelList

// ReadCounted returns what was counted in the panes that begin in [from, to), of each set of labels. It asks once: the error is
// of an attempt that failed.
func (s *Store) ReadCounted(ctx context.Context, from, to time.Time) ([]Counted, error) {
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	rows, err := s.conn.Query(driver.Context(ctx, driver.WithSettings(driver.Settings{"max_block_size": readBlockRows})), countedStatement, from, to)
	if err != nil {
		return nil, fmt.Errorf("add up the cells: %w", err)
	}
	defer rows.Close()
	labels := labelSets{}
	var out []Counted
	for rows.Next() {
		var raw string
		var handled, failed uint64
		var of Counted
		if err := rows.Scan(&raw, &of.Totals.Messages, &of.Totals.Bytes, &failed, &handled, &of.Minutes); err != nil {
			return nil, fmt.Errorf("add up the cells: %w", err)
		}
		if of.Labels, err = labels.of(raw); err != nil {
			return nil, fmt.Errorf("decode labels: %w", err)
		}
		of.Totals.Errors = countedErrors(failed, handled)
		out = append(out, of)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("add up the cells: %w", err)
	}
	return out, nil
}

// countedErrors are errors by the classes that rules tell apart.
func countedErrors(failed, handled uint64) []telemetry.ErrorCount {
	var out []telemetry.ErrorCount
	if failed > handled {
		out = append(out, telemetry.ErrorCount{Count: failed - handled})
	}
	if handled > 0 {
		out = append(out, telemetry.ErrorCount{Class: telemetry.ErrorClassHandler, Count: handled})
	}
	return out
}
