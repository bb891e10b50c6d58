package clickhouse

import (
	"context"
	"fmt"
	"time"
)

// CommitQuery asks how far consumer groups have come in a partition.
type CommitQuery struct {
	Env, Cluster     string // both "" is of all
	Topic, Partition string
	Written          time.Time // when the message was written whose commit is asked about; zero where that is not known
	Now              time.Time
}

// GroupCommit is how far a consumer group has come in a partition, as its lag says.
type GroupCommit struct {
	Env     string `json:"env,omitempty"`
	Cluster string `json:"cluster,omitempty"`
	System  string `json:"system,omitempty"`
	Group   string `json:"group"`
	// PassedAt is when it was first seen that the group had committed past the message; zero where it was not seen, or could not be.
	PassedAt    time.Time `json:"committed_past_at,omitzero"`
	At          time.Time `json:"at"` // of the newest lag
	LagMessages *float64  `json:"lag_messages,omitempty"`
	LagSeconds  *float64  `json:"lag_seconds,omitempty"` // age of the oldest message that is not committed
}

const (
	// commitSlack is by how much the oldest message that is not committed must be newer than the one that is asked about. Not less: clocks of
	// clients differ from brokers', and between polls ages are estimates; not more: what is consumed at once is said to be so later.
	commitSlack = time.Minute
	// commitSearched is for how long after a message was written its commit is looked for. Not less: who is behind by minutes commits late;
	// not more: so much of the lag of a cluster is read. Who came to it later is known by the newest lag.
	commitSearched = 30 * time.Minute
	// newestLag is how old the newest lag may be. Not less: a collector may take a minute for a large cluster, and a restart for its next;
	// not more: it is read.
	newestLag = 10 * time.Minute
	// exactLagSeconds is from when on lag_seconds may be a lower bound (docs/wire-contract.md).
	exactLagSeconds = 3600
	// maxGroupCommits is of how many groups it is told. Not fewer: a topic has some tens; not more: they are for a person to read.
	maxGroupCommits = 100
)

// groupCommits takes a group to have passed a message where nothing is unread, or where the oldest that is unread is newer.
const groupCommits = `SELECT env, cluster, system, consumer_group, minIf(ts, passed), countIf(passed), max(ts), argMax(lag_messages, ts), argMax(lag_seconds, ts)
FROM (
    SELECT ts, env, cluster, system, consumer_group, lag_messages, lag_seconds,
           ifNull(? > 0 AND if(lag_messages = 0, 0, lag_seconds) < %[1]d AND toUnixTimestamp(ts) - if(lag_messages = 0, 0, lag_seconds) > ?, false) AS passed
    FROM lag_10s
    WHERE topic = ? AND partition = ? AND (ts >= fromUnixTimestamp(?) AND ts < fromUnixTimestamp(?) OR ts >= fromUnixTimestamp(?) AND ts < fromUnixTimestamp(?))%[2]s
)
GROUP BY env, cluster, system, consumer_group
ORDER BY env, cluster, system, consumer_group
LIMIT %[3]d`

// GroupCommits says how far the groups have come that read a partition, as far as collectors report their lag. It asks once.
func (s *Store) GroupCommits(ctx context.Context, q CommitQuery) ([]GroupCommit, error) {
	written, until := int64(0), int64(0)
	if !q.Written.IsZero() {
		written, until = q.Written.Unix(), q.Written.Add(commitSearched).Unix()
	}
	where, args := "", []any{written, written + int64(commitSlack/time.Second), q.Topic, q.Partition, written, until, q.Now.Add(-newestLag).Unix(), q.Now.Unix()}
	if q.Env != "" || q.Cluster != "" {
		where, args = " AND env = ? AND cluster = ?", append(args, q.Env, q.Cluster)
	}
	rows, err := s.conn.Query(ctx, fmt.Sprintf(groupCommits, exactLagSeconds, where, maxGroupCommits), args...)
	if err != nil {
		return nil, fmt.Errorf("ask how far groups are: %w", err)
	}
	defer rows.Close()
	var out []GroupCommit
	for rows.Next() {
		var of GroupCommit
		var passed time.Time
		var seen uint64
		if err := rows.Scan(&of.Env, &of.Cluster, &of.System, &of.Group, &passed, &seen, &of.At, &of.LagMessages, &of.LagSeconds); err != nil {
			return nil, fmt.Errorf("ask how far groups are: %w", err)
		}
		if of.At = of.At.UTC(); seen > 0 {
			of.PassedAt = passed.UTC()
		}
		out = append(out, of)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("ask how far groups are: %w", err)
	}
	return out, nil
}
