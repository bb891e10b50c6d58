package clickhouse

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// PerHour stands in a statement of a migration that is run for each hour that rollup_10s has, the newest first: what is stored of a
// month is read in steps that a server has the memory and the time for.
const PerHour = "{hour}"

// hourly returns the statements that one of a migration stands for: itself, unless it is run by hours.
func (s *Store) hourly(ctx context.Context, statement string) ([]string, error) {
	if !strings.Contains(statement, PerHour) {
		return []string{statement}, nil
	}
	// The days are those of the partitions: no row is read.
	rows, err := s.conn.Query(ctx, "SELECT toDate(ts) AS day FROM rollup_10s GROUP BY day ORDER BY day DESC")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var day time.Time
		if err := rows.Scan(&day); err != nil {
			return nil, err
		}
		for hour := range 24 {
			begin := day.Add(time.Duration(23-hour) * time.Hour)
			out = append(out, strings.ReplaceAll(statement, PerHour, fmt.Sprintf("toDateTime(%d, 'UTC')", begin.Unix())))
		}
	}
	return out, rows.Err()
}
