package clickhouse

import (
	"context"
	"fmt"
	"time"

	"github.com/weirmq/weir/telemetry"
)

// ControlClient is how far a client that takes commands has come, as it says itself.
type ControlClient struct {
	Env, Cluster, Client string
	Offset               int64 // after the newest record of weir.control that it has read
	At                   time.Time
}

// ControlClients returns the clients that told of commands since a time. more says that there are others. It asks once.
func (s *Store) ControlClients(ctx context.Context, since time.Time) (out []ControlClient, more bool, err error) {
	rows, err := s.conn.Query(ctx, fmt.Sprintf(`SELECT env, cluster, client, toInt64(argMax(last, ts)), max(ts)
FROM gauge_values
WHERE name = ? AND ts >= fromUnixTimestamp(?) AND op = 'control' AND client != ''
GROUP BY env, cluster, client
ORDER BY env, cluster, client
LIMIT %d`, maxControlRows+1), telemetry.GaugeControlOffset, since.Unix())
	if err != nil {
		return nil, false, fmt.Errorf("ask who takes commands: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var of ControlClient
		if err := rows.Scan(&of.Env, &of.Cluster, &of.Client, &of.Offset, &of.At); err != nil {
			return nil, false, fmt.Errorf("ask who takes commands: %w", err)
		}
		out = append(out, of)
	}
	if err := rows.Err(); err != nil {
		return nil, false, fmt.Errorf("ask who takes commands: %w", err)
	}
	out, more = atMost(out)
	return out, more, nil
}

// ControlEvent is the newest that a client said of a command.
type ControlEvent struct {
	Env, Cluster, Client string
	Command              string // its name
	Kind                 string // applied, reverted or refused
	Detail               string // name and revision, a colon, and why
}

// ControlEvents returns the newest event of each client and command since a time, the newest first. more says that there are others. It asks once.
func (s *Store) ControlEvents(ctx context.Context, since time.Time) (out []ControlEvent, more bool, err error) {
	rows, err := s.conn.Query(ctx, fmt.Sprintf(`SELECT env, cluster, client, extract(detail, '^([a-z0-9][a-z0-9._-]*)@') AS command,
       argMax(toString(kind), (ts, source_offset, position)), argMax(detail, (ts, source_offset, position))
FROM client_event_log FINAL
WHERE kind IN ('applied', 'reverted', 'refused') AND ts >= fromUnixTimestamp64Milli(toInt64(?), 'UTC') AND client != ''
GROUP BY env, cluster, client, command
HAVING command != ''
ORDER BY max(ts) DESC, env, cluster, client, command
LIMIT %d`, maxControlRows+1), since.UnixMilli())
	if err != nil {
		return nil, false, fmt.Errorf("ask what clients say of commands: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var of ControlEvent
		if err := rows.Scan(&of.Env, &of.Cluster, &of.Client, &of.Command, &of.Kind, &of.Detail); err != nil {
			return nil, false, fmt.Errorf("ask what clients say of commands: %w", err)
		}
		out = append(out, of)
	}
	if err := rows.Err(); err != nil {
		return nil, false, fmt.Errorf("ask what clients say of commands: %w", err)
	}
	out, more = atMost(out)
	return out, more, nil
}
