package clickhouse

import (
	"context"
	"fmt"
	"time"
)

// ClientPresence is when a client was heard of last, whatever it told.
type ClientPresence struct {
	Env, Cluster, Client string
	Last                 time.Time     // begin of the newest pane that it is in
	Interval             time.Duration // of one of its reports, on average
	// Newest is the newest pane that its sources have of anybody, and NewestOfAll that of any source: what is older than the store's present says nothing of the client.
	Newest, NewestOfAll time.Time
}

// ClientPresences returns when each client was heard of last since a time. more says that there are others. It asks once.
func (s *Store) ClientPresences(ctx context.Context, since time.Time) (out []ClientPresence, more bool, err error) {
	rows, err := s.conn.Query(ctx, fmt.Sprintf(`SELECT env, cluster, client, max(last), toUInt64(sum(millis) / greatest(sum(told), 1)), min(newest), max(newest_of_all)
FROM (
    SELECT env, cluster, client, source, max(ts) AS last, sum(interval_ms) AS millis, sum(reports) AS told,
           max(max(ts)) OVER (PARTITION BY source) AS newest, max(max(ts)) OVER () AS newest_of_all
    FROM rollup_10s
    WHERE ts >= fromUnixTimestamp(?)
    GROUP BY env, cluster, client, source
)
WHERE client != ''
GROUP BY env, cluster, client
ORDER BY env, cluster, client
LIMIT %d`, maxControlRows+1), since.Unix())
	if err != nil {
		return nil, false, fmt.Errorf("ask which clients are there: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var of ClientPresence
		var millis uint64
		if err := rows.Scan(&of.Env, &of.Cluster, &of.Client, &of.Last, &millis, &of.Newest, &of.NewestOfAll); err != nil {
			return nil, false, fmt.Errorf("ask which clients are there: %w", err)
		}
		of.Interval = time.Duration(millis) * time.Millisecond
		out = append(out, of)
	}
	if err := rows.Err(); err != nil {
		return nil, false, fmt.Errorf("ask which clients are there: %w", err)
	}
	out, more = atMost(out)
	return out, more, nil
}

// ClientStop is that a client said it stopped, of one topic that it sent to or consumed, and has not said since that it started.
type ClientStop struct {
	Env, Cluster, Topic, Group, Op, Client string
	At                                     time.Time
}

// ClientStops returns who has stopped since a time. more says that there are others. It asks once.
func (s *Store) ClientStops(ctx context.Context, since time.Time) (out []ClientStop, more bool, err error) {
	rows, err := s.conn.Query(ctx, fmt.Sprintf(`SELECT env, cluster, topic, consumer_group, op, client, max(ts)
FROM client_event_log FINAL
WHERE kind IN ('started', 'stopped') AND ts >= fromUnixTimestamp64Milli(toInt64(?), 'UTC') AND client != ''
GROUP BY env, cluster, topic, consumer_group, op, client
HAVING argMax(toString(kind), (ts, source_offset, position)) = 'stopped'
ORDER BY env, cluster, topic, consumer_group, op, client
LIMIT %d`, maxControlRows+1), since.UnixMilli())
	if err != nil {
		return nil, false, fmt.Errorf("ask which clients stopped: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var of ClientStop
		if err := rows.Scan(&of.Env, &of.Cluster, &of.Topic, &of.Group, &of.Op, &of.Client, &of.At); err != nil {
			return nil, false, fmt.Errorf("ask which clients stopped: %w", err)
		}
		out = append(out, of)
	}
	if err := rows.Err(); err != nil {
		return nil, false, fmt.Errorf("ask which clients stopped: %w", err)
	}
	out, more = atMost(out)
	return out, more, nil
}
