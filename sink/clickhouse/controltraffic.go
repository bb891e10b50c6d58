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

// maxControlRows is how many clients, or clients and topics, groups or commands, are told at once. Not fewer: large fleets have some ten thousand; not more: they are held in
// memory for an answer.
const maxControlRows = 200_000

// atMost are as many rows as are told, of one more that are asked for, and whether there are others.
func atMost[Row any](rows []Row) (told []Row, more bool) {
	return rows[:min(len(rows), maxControlRows)], len(rows) > maxControlRows
}

// ClientTraffic says who sent and consumed what since a time, by the tables that have every pane. more says that there are others. It asks once.
func (s *Store) ClientTraffic(ctx context.Context, since time.Time) (out []ClientTraffic, more bool, err error) {
	rows, err := s.conn.Query(ctx, fmt.Sprintf(`SELECT env, cluster, system, topic, consumer_group, op, client, tier, lane, sdk_lang, sum(messages), min(ts), max(ts)
FROM rollup_10s FINAL
WHERE ts >= fromUnixTimestamp(?) AND op IN ('send', 'consume') AND client != ''
GROUP BY env, cluster, system, topic, consumer_group, op, client, tier, lane, sdk_lang
ORDER BY env, cluster, system, topic, consumer_group, op, client
LIMIT %d`, maxControlRows+1), since.Unix())
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
	out, more = atMost(out)
	return out, more, nil
}

// RetentionLeft is for how long what a group has not read of a partition is still there.
type RetentionLeft struct {
	Env, Cluster, System, Topic, Group, Partition string
	Seconds                                       float64
}

// RetentionLeft says for each group and topic, of the partition where it is least, for how long the oldest unread message is still kept, by the newest lag since a time. It asks
// once. What collectors could not find out is not among it. Where it is least comes first; more says that there are others.
func (s *Store) RetentionLeft(ctx context.Context, since time.Time) (out []RetentionLeft, more bool, err error) {
	rows, err := s.conn.Query(ctx, fmt.Sprintf(`SELECT env, cluster, system, topic, consumer_group, argMin(partition, left_seconds), min(left_seconds)
FROM (
    SELECT env, cluster, system, topic, consumer_group, partition, argMax(retention_left_seconds, ts) AS left_seconds
    FROM lag_10s
    WHERE ts >= fromUnixTimestamp(?) AND partition != '' AND retention_left_seconds IS NOT NULL
    GROUP BY env, cluster, system, topic, consumer_group, partition
)
GROUP BY env, cluster, system, topic, consumer_group
ORDER BY min(left_seconds), env, cluster, system, topic, consumer_group
LIMIT %d`, maxControlRows+1), since.Unix())
	if err != nil {
		return nil, false, fmt.Errorf("ask for how long messages are kept: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var of RetentionLeft
		var seconds *float64
		if err := rows.Scan(&of.Env, &of.Cluster, &of.System, &of.Topic, &of.Group, &of.Partition, &seconds); err != nil {
			return nil, false, fmt.Errorf("ask for how long messages are kept: %w", err)
		}
		if seconds != nil {
			of.Seconds = *seconds
			out = append(out, of)
		}
	}
	if err := rows.Err(); err != nil {
		return nil, false, fmt.Errorf("ask for how long messages are kept: %w", err)
	}
	out, more = atMost(out)
	return out, more, nil
}
