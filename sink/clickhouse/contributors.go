package clickhouse

import (
	"context"
	"fmt"
)

// Contributor is a part of what a group measured.
type Contributor struct {
	Client           string  `json:"client"`
	Partition        string  `json:"partition"`
	SDKLang          string  `json:"sdk_lang"`
	SDKVersion       string  `json:"sdk_version"`
	Messages         uint64  `json:"messages"`
	Errors           uint64  `json:"errors"`
	LatencyMaxMillis float64 `json:"latency_max_ms"`
}

// Contributors reads the rows of a statement that selects the columns of Contributor.
func (s *Store) Contributors(ctx context.Context, statement string) ([]Contributor, error) {
	rows, err := s.conn.Query(ctx, statement)
	if err != nil {
		return nil, fmt.Errorf("read contributors: %w", err)
	}
	defer rows.Close()
	var out []Contributor
	for rows.Next() {
		var c Contributor
		if err := rows.Scan(&c.Client, &c.Partition, &c.SDKLang, &c.SDKVersion, &c.Messages, &c.Errors, &c.LatencyMaxMillis); err != nil {
			return nil, fmt.Errorf("read contributors: %w", err)
		}
		out = append(out, c)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read contributors: %w", err)
	}
	return out, nil
}
