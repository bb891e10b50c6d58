package clickhouse

import (
	"cmp"
	"context"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	driver "github.com/ClickHouse/clickhouse-go/v2"

	"github.com/weirmq/weir/telemetry"
)

// Bounds of what is found of one id.
const (
	// MaxFoundHops is how many steps are returned. Not fewer: a trace of ten services and as many topics has some hundred; not
	// more: they are for a person to read.
	MaxFoundHops = 1000
	// maxFollowed is how many other ids of the first steps are followed, of each kind. Not fewer: a trace that fans out has tens
	// of messages; not more: each is looked for in the index of every block of rows.
	maxFollowed = 50
)

// HopQuery asks for what became of a message.
type HopQuery struct {
	ID       string    // a trace id or a message id
	From, To time.Time // zero where it does not matter
}

// Hop is a step of a message. Numbers are 0 where they are not known.
type Hop struct {
	At            time.Time `json:"at"` // when it was over
	Env           string    `json:"env,omitempty"`
	Cluster       string    `json:"cluster,omitempty"`
	System        string    `json:"system,omitempty"`
	Topic         string    `json:"topic,omitempty"`
	Partition     string    `json:"partition,omitempty"`
	Group         string    `json:"group,omitempty"`
	Op            string    `json:"op"`
	Client        string    `json:"client,omitempty"`
	Node          string    `json:"node,omitempty"`
	TraceID       string    `json:"trace_id,omitempty"`
	MessageID     string    `json:"message_id,omitempty"`
	Step          string    `json:"step,omitempty"`
	Kept          string    `json:"kept,omitempty"`
	ErrorClass    string    `json:"error_class,omitempty"`
	Attempt       uint32    `json:"attempt,omitempty"`
	LatencyMicros uint64    `json:"latency_us,omitempty"`
	DelayMicros   uint64    `json:"delay_us,omitempty"`
	SizeBytes     uint64    `json:"size_bytes,omitempty"`
	SampledOf     uint32    `json:"sampled_of,omitempty"`
}

// Shown is when the step is shown: at its end, but for a send, which is shown when it began. Its acknowledgement may come after the message was handled.
func (h *Hop) Shown() time.Time {
	if h.Step == telemetry.StepSent.String() {
		return h.At.Add(-time.Duration(h.LatencyMicros) * time.Microsecond)
	}
	return h.At
}

// Columns that a message is looked for by. Each has an index of its own, which serves one condition and no disjunction of two.
const (
	hopTrace   = "trace_id"
	hopMessage = "message_id"
)

// Conditions on the time of a step. The driver writes times as whole seconds.
const (
	hopsFrom = " AND ts >= fromUnixTimestamp64Milli(toInt64(?), 'UTC')"
	hopsTo   = " AND ts < fromUnixTimestamp64Milli(toInt64(?), 'UTC')"
)

// hopKey is the identity of a row.
type hopKey struct {
	source   string
	offset   int64
	position uint16
}

// messageKey is a message; clusters have ids of their own.
type messageKey struct{ env, cluster, id string }

// FindHops returns the steps of a message by the time they are shown at: those that have the id, and those of the traces and messages that these have.
// more says that there are others. It asks once.
func (s *Store) FindHops(ctx context.Context, q HopQuery) (hops []Hop, more bool, err error) {
	found := map[hopKey]Hop{}
	message, trace := []string{q.ID}, []string{q.ID}
	if _, err := hex.DecodeString(q.ID); err == nil { // RocketMQ writes its ids in capitals, and traces have small letters: who copied one may have lost that
		message, trace = append(message, strings.ToUpper(q.ID)), append(trace, strings.ToLower(q.ID))
	}
	conditions := []hopCondition{hopsOf(hopMessage, message), hopsOf(hopTrace, trace)}
	if telemetry.IsTraceID(q.ID) {
		slices.Reverse(conditions)
	}
	for _, of := range conditions { // the other only where it is none of the likelier ones
		if err := s.selectHops(ctx, &q, of, found); err != nil {
			return nil, false, err
		}
		if len(found) > 0 {
			break
		}
	}
	var traces followed[string]
	var messages followed[messageKey]
	for _, hop := range sorted(found) {
		if hop.TraceID != "" && hop.TraceID != q.ID {
			traces.add(hop.TraceID)
		}
		if hop.MessageID != "" && hop.MessageID != q.ID {
			messages.add(messageKey{hop.Env, hop.Cluster, hop.MessageID})
		}
	}
	if err := s.selectHops(ctx, &q, hopsOf(hopTrace, traces.ids), found); err != nil {
		return nil, false, err
	}
	if err := s.selectHops(ctx, &q, hopsOfMessages(messages.ids), found); err != nil {
		return nil, false, err
	}
	hops = sorted(found)
	more = len(hops) > MaxFoundHops || traces.more || messages.more
	return hops[:min(len(hops), MaxFoundHops)], more, nil
}

// sorted are steps by the time they are shown at.
func sorted(found map[hopKey]Hop) []Hop {
	return slices.SortedFunc(maps.Values(found), func(a, b Hop) int {
		return cmp.Or(a.Shown().Compare(b.Shown()), -strings.Compare(a.Op, b.Op), -strings.Compare(a.Step, b.Step), // sent, received, handled
			strings.Compare(a.MessageID, b.MessageID), strings.Compare(a.Group, b.Group), strings.Compare(a.Client, b.Client))
	})
}

// followed are ids of steps that are to be looked for, too: the first maxFollowed.
type followed[ID comparable] struct {
	ids  []ID
	more bool // than these
}

func (f *followed[ID]) add(id ID) {
	switch {
	case slices.Contains(f.ids, id):
	case len(f.ids) < maxFollowed:
		f.ids = append(f.ids, id)
	default:
		f.more = true
	}
}

// hopCondition says which steps to read.
type hopCondition struct {
	column string // that an index serves
	where  string
	args   []any // none where there is nothing to look for
}

func hopsOf(column string, ids []string) hopCondition {
	of := hopCondition{column: column, where: column + " IN (?)"}
	if len(ids) > 0 {
		of.args = []any{ids}
	}
	return of
}

// hopsOfMessages are the steps of messages, each in its cluster.
func hopsOfMessages(messages []messageKey) hopCondition {
	var ids []string
	var keys []driver.GroupSet
	for _, m := range messages {
		ids, keys = append(ids, m.id), append(keys, driver.GroupSet{Value: []any{m.env, m.cluster, m.id}})
	}
	of := hopsOf(hopMessage, ids)
	if len(keys) > 0 {
		of.where, of.args = of.where+" AND (env, cluster, message_id) IN (?)", append(of.args, keys)
	}
	return of
}

// selectHops adds the rows of a condition. A row that was written several times is the same each time, and counts once.
func (s *Store) selectHops(ctx context.Context, q *HopQuery, of hopCondition, into map[hopKey]Hop) error {
	if len(of.args) == 0 {
		return nil
	}
	where, args := of.where, of.args
	if !q.From.IsZero() {
		where, args = where+hopsFrom, append(args, q.From.UnixMilli())
	}
	if !q.To.IsZero() {
		where, args = where+hopsTo, append(args, q.To.UnixMilli())
	}
	rows, err := s.conn.Query(ctx, `SELECT ts, env, cluster, system, topic, partition, consumer_group, op, client, node, trace_id, message_id, step, kept,
		error_class, attempt, latency_us, delay_us, size_bytes, sampled_of, source, source_offset, position
		FROM trace_hops WHERE `+where+fmt.Sprintf(" ORDER BY ts LIMIT 1 BY source, source_offset, position LIMIT %d", 2*MaxFoundHops), args...)
	if err != nil {
		return fmt.Errorf("find by %s: %w", of.column, err)
	}
	defer rows.Close()
	for rows.Next() {
		var h Hop
		var key hopKey
		if err := rows.Scan(&h.At, &h.Env, &h.Cluster, &h.System, &h.Topic, &h.Partition, &h.Group, &h.Op, &h.Client, &h.Node, &h.TraceID, &h.MessageID,
			&h.Step, &h.Kept, &h.ErrorClass, &h.Attempt, &h.LatencyMicros, &h.DelayMicros, &h.SizeBytes, &h.SampledOf,
			&key.source, &key.offset, &key.position); err != nil {
			return fmt.Errorf("find by %s: %w", of.column, err)
		}
		into[key] = h
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("find by %s: %w", of.column, err)
	}
	return nil
}

// HopsHeld says of which steps of messages the store has any.
type HopsHeld struct {
	Steps     uint64    `json:"steps"` // each once; about so many, where there are more than a hundred thousand
	First     time.Time `json:"first"` // zero where there is none
	Last      time.Time `json:"last"`
	SampledOf uint32    `json:"sampled_of,omitempty"` // the greatest: one of so many is kept
	LeftOut   uint64    `json:"left_out,omitempty"`   // that had no room in the reports of their senders
}

// HopsHeld says what is held of a time, of one topic where it is named.
func (s *Store) HopsHeld(ctx context.Context, q HopQuery, topic string) (held HopsHeld, err error) {
	where, args := "1", []any{}
	for _, condition := range []struct {
		given bool
		where string
		arg   any
	}{{topic != "", " AND topic = ?", topic}, {!q.From.IsZero(), hopsFrom, q.From.UnixMilli()}, {!q.To.IsZero(), hopsTo, q.To.UnixMilli()}} {
		if condition.given {
			where, args = where+condition.where, append(args, condition.arg)
		}
	}
	row := s.conn.QueryRow(ctx, "SELECT uniqCombined64(source, source_offset, position), min(ts), max(ts), max(sampled_of) FROM trace_hops WHERE "+where, args...)
	if err := row.Scan(&held.Steps, &held.First, &held.Last, &held.SampledOf); err != nil {
		return held, fmt.Errorf("ask which messages are held: %w", err)
	}
	if held.Steps == 0 {
		held.First, held.Last = time.Time{}, time.Time{}
	}
	row = s.conn.QueryRow(ctx, "SELECT sum(toUInt64OrZero(detail)) FROM client_event_log FINAL WHERE kind = '"+eventLeftOut+"' AND "+where, args...)
	if err := row.Scan(&held.LeftOut); err != nil {
		return held, fmt.Errorf("ask how many messages are not held: %w", err)
	}
	return held, nil
}
