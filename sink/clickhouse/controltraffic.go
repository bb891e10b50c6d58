package clickhouse

import (
	"context"
	"fmt"
	"time"
)

// ClientTraffic is what one client sent to or consumed of one topic, of late.
type ClientTraffic struct {
	Env, Cluster, System, Topic, Group, Op, Client, Tier, Lane, SDKLang string
	Messages                                                            uint64
	First, Last                                                         time.Time // begins of the first and the last pane that it was seen in
}

// maxClientTraffic is of how many clients and topics it is told. Not fewer: large fleets have some ten thousand; not more: they are held in memory for an answer.
const maxClientTraffic = 200_000

// ClientTraffic says who sent and consumed what since a time, by the tables that have every pane. more says that there are others. It asks once.
func (s *Store) ClientTraffic(ctx context.Context, since time.Time) (out []ClientTraffic, more bool, err error) {
	rows, err := s.conn.Query(ctx, fmt.Sprintf(`SELECT env, cluster, system, topic, consumer_group, op, client, tier, lane, sdk_lang, sum(messages), min(ts), max(ts)
FROM rollup_10s FINAL
WHERE ts >= fromUnixTimestamp(?) AND op IN ('send', 'consume') AND client != ''
GROUP BY env, cluster, system, topic, consumer_group, op, client, tier, lane, sdk_lang
ORDER BY env, cluster, system, topic, consumer_group, op, client
LIMIT %d`, maxClientTraffic+1), since.Unix())
	if err != nil {
		return nil, false, fmt.Errorf("ask who sends and consumes: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var of ClientTraffic
		if err := rows.Scan(&of.Env, &of.Cluster, &of.System, &of.Topic, &of.Group, &of.Op, &of.Client, &of.Tier, &of.Lane, &of.SDKLang, &of.Messages, &of.First, &of.Last); err != nil {
			return nil, false, fmt.Errorf("ask who sends and consumes: %w", err)
		}
		out = append(out, of)
	}
	if err := rows.Err(); err != nil {
		return nil, false, fmt.Errorf("ask who sends and consumes: %w", err)
	}
	return out[:min(len(out), maxClientTraffic)], len(out) > maxClientTraffic, nil
}

// RetentionLeft is for how long what a group has not read of a partition is still there.
type RetentionLeft struct {
	Env, Cluster, System, Topic, Group, Partition string
	Seconds                                       float64
}

// RetentionLeft says for each group and topic, of the partition where it is least, for how long the oldest unread message is still kept, by the newest lag since a time. It asks
// once. What collectors could not find out is not among it.
func (s *Store) RetentionLeft(ctx context.Context, since time.Time) ([]RetentionLeft, error) {
	rows, err := s.conn.Query(ctx, `SELECT env, cluster, system, topic, consumer_group, argMin(partition, left_seconds), min(left_seconds)
FROM (
    SELECT env, cluster, system, topic, consumer_group, partition, argMax(retention_left_seconds, ts) AS left_seconds
    FROM lag_10s
    WHERE ts >= fromUnixTimestamp(?) AND partition != '' AND retention_left_seconds IS NOT NULL
    GROUP BY env, cluster, system, topic, consumer_group, partition
)
GROUP BY env, cluster, system, topic, consumer_group
ORDER BY env, cluster, system, topic, consumer_group`, since.Unix())
	if err != nil {
		return nil, fmt.Errorf("ask for how long messages are kept: %w", err)
	}
	defer rows.Close()
	var out []RetentionLeft
	for rows.Next() {
		var of RetentionLeft
		var seconds *float64
		if err := rows.Scan(&of.Env, &of.Cluster, &of.System, &of.Topic, &of.Group, &of.Partition, &seconds); err != nil {
			return nil, fmt.Errorf("ask for how long messages are kept: %w", err)
		}
		if seconds != nil {
			of.Seconds = *seconds
			out = append(out, of)
		}
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("ask for how long messages are kept: %w", err)
	}
	return out, nil
}
