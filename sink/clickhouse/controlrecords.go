package clickhouse

import (
	"context"
	"fmt"
	"time"
)

const insertControl = `INSERT INTO control_commands (ts, source, source_offset, kind, name, revision, outcome, action, scope, author, reason,
	created_at, expires_at, ended_by, ended_reason, shadow, percent, made_by, refused, record)`

// ControlRecord is a record of weir.control, and what readers made of it.
type ControlRecord struct {
	At          time.Time         `json:"at"` // when the broker appended it
	Source      string            `json:"-"`  // topic id and partition
	Offset      int64             `json:"offset"`
	Kind        string            `json:"kind"` // command, route, or "" where the key says neither
	Name        string            `json:"name"`
	Revision    uint64            `json:"revision,omitempty"`
	Outcome     string            `json:"outcome"` // applied, removed, ignored, refused
	Action      string            `json:"action,omitempty"`
	Scope       map[string]string `json:"scope,omitempty"`
	Author      string            `json:"author,omitempty"`
	Reason      string            `json:"reason,omitempty"`
	CreatedAt   time.Time         `json:"created_at,omitzero"` // zero where there is none
	ExpiresAt   time.Time         `json:"expires_at,omitzero"`
	EndedBy     string            `json:"ended_by,omitempty"`
	EndedReason string            `json:"ended_reason,omitempty"`
	Shadow      bool              `json:"shadow,omitempty"`
	Percent     float64           `json:"percent,omitempty"`
	MadeBy      string            `json:"made_by,omitempty"` // file, apply, api or rule; "" of another writer
	Refused     string            `json:"refused,omitempty"` // why readers refused it
	Record      string            `json:"-"`                 // its value
}

// WriteControl writes records of weir.control, trying until ClickHouse has acknowledged all or ctx ends. Writing one again changes nothing.
func (s *Store) WriteControl(ctx context.Context, records []ControlRecord) error {
	var rows [][]any
	for i := range records {
		r := &records[i]
		scope := r.Scope
		if scope == nil {
			scope = map[string]string{}
		}
		rows = append(rows, []any{r.At.UTC(), r.Source, r.Offset, r.Kind, r.Name, r.Revision, r.Outcome, r.Action, scope, r.Author, r.Reason,
			orEpoch(r.CreatedAt), orEpoch(r.ExpiresAt), r.EndedBy, r.EndedReason, r.Shadow, r.Percent, r.MadeBy, r.Refused, r.Record})
	}
	return s.insertChunks(ctx, insertControl, rows)
}

// orEpoch is a time as a column takes it.
func orEpoch(at time.Time) time.Time {
	if at.IsZero() {
		return time.Unix(0, 0).UTC()
	}
	return at.UTC()
}

// ControlOffset is the one after the newest record of a source that is stored, 0 for none.
func (s *Store) ControlOffset(ctx context.Context, source string) (int64, error) {
	var next int64
	if err := s.conn.QueryRow(ctx, "SELECT if(count() = 0, 0, max(source_offset) + 1) FROM control_commands WHERE source = ?", source).Scan(&next); err != nil {
		return 0, fmt.Errorf("ask how far weir.control is stored: %w", err)
	}
	return next, nil
}

// MaxControlRecords is how many records of the history are returned. Not fewer: a year of a busy fleet has thousands; not more: they are for a person to read.
const MaxControlRecords = 10_000

// ControlQuery says which records of the history are wanted.
type ControlQuery struct {
	Name     string    // of one command or route; "" of all
	From, To time.Time // To is zero for no end
	Limit    int       // how many at most, the newest; 0 for MaxControlRecords
}

// where is the condition, with its arguments.
func (q *ControlQuery) where() (where string, args []any) {
	const milli = "fromUnixTimestamp64Milli(toInt64(?), 'UTC')"
	where, args = "ts >= "+milli, []any{q.From.UnixMilli()}
	if !q.To.IsZero() {
		where, args = where+" AND ts < "+milli, append(args, q.To.UnixMilli())
	}
	if q.Name != "" {
		where, args = where+" AND name = ?", append(args, q.Name)
	}
	return where, args
}

// ControlHistory returns what was written about commands and routes, the oldest first. more says that there is older. It asks once.
func (s *Store) ControlHistory(ctx context.Context, q ControlQuery) (out []ControlRecord, more bool, err error) {
	limit := q.Limit
	if limit <= 0 || limit > MaxControlRecords {
		limit = MaxControlRecords
	}
	where, args := q.where()
	rows, err := s.conn.Query(ctx, fmt.Sprintf(`SELECT ts, source_offset, kind, name, revision, outcome, action, scope, author, reason, created_at, expires_at,
	ended_by, ended_reason, shadow, percent, made_by, refused, record
FROM (SELECT * FROM control_commands FINAL WHERE %s ORDER BY ts DESC, source_offset DESC LIMIT %d)
ORDER BY ts, source_offset`, where, limit+1), args...)
	if err != nil {
		return nil, false, fmt.Errorf("read the history of commands: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var r ControlRecord
		if err := rows.Scan(&r.At, &r.Offset, &r.Kind, &r.Name, &r.Revision, &r.Outcome, &r.Action, &r.Scope, &r.Author, &r.Reason, &r.CreatedAt, &r.ExpiresAt,
			&r.EndedBy, &r.EndedReason, &r.Shadow, &r.Percent, &r.MadeBy, &r.Refused, &r.Record); err != nil {
			return nil, false, fmt.Errorf("read the history of commands: %w", err)
		}
		for _, at := range []*time.Time{&r.CreatedAt, &r.ExpiresAt} {
			if at.Unix() == 0 {
				*at = time.Time{}
			}
		}
		out = append(out, r)
	}
	if err := rows.Err(); err != nil {
		return nil, false, fmt.Errorf("read the history of commands: %w", err)
	}
	if len(out) > limit {
		return out[1:], true, nil
	}
	return out, false, nil
}

// ControlHeld is what the history has of a time.
type ControlHeld struct {
	Records     uint64
	First, Last time.Time // zero where there is none
	Names       []string  // of what is in it, as many as maxControlNames
}

// maxControlNames is how many names are looked through for one that was meant. Not fewer: rules make hundreds; not more: see MaxControlRecords.
const maxControlNames = 10_000

// ControlHeld says what there is, of any name. It asks once.
func (s *Store) ControlHeld(ctx context.Context, from, to time.Time) (held ControlHeld, err error) {
	where, args := (&ControlQuery{From: from, To: to}).where()
	err = s.conn.QueryRow(ctx, fmt.Sprintf("SELECT count(), min(ts), max(ts), arraySort(groupUniqArray(%d)(name)) FROM control_commands FINAL WHERE %s", maxControlNames, where), args...).
		Scan(&held.Records, &held.First, &held.Last, &held.Names)
	if err != nil {
		return held, fmt.Errorf("ask what the history of commands has: %w", err)
	}
	if held.Records == 0 {
		held.First, held.Last = time.Time{}, time.Time{}
	}
	return held, nil
}
