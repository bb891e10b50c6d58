package clickhouse

import (
	"context"
	"strconv"
	"time"

	"github.com/weirmq/weir/telemetry"
)

const (
	insertHops = `INSERT INTO trace_hops (ts, env, cluster, system, topic, partition, consumer_group, op, client, node, trace_id, message_id,
	step, kept, error_class, attempt, latency_us, delay_us, size_bytes, sampled_of, source, source_offset, position)`
	insertEvents = `INSERT INTO client_event_log (ts, env, cluster, system, topic, consumer_group, op, client, node, kind, detail,
	source, source_offset, position)`
)

// eventLeftOut is the kind of the row that says how many exemplars a report has left out.
const eventLeftOut = "exemplars_left_out"

// WriteDetails writes the steps of single messages and the events of clients that records have, trying until ClickHouse has
// acknowledged all or ctx ends. Writing again what was written changes nothing: a row is named by where it was read.
func (s *Store) WriteDetails(ctx context.Context, records []telemetry.CellRecord) error {
	var hops, events [][]any
	for i := range records {
		source := ""
		for j := range records[i].Details {
			if source == "" {
				source = records[i].Source.String()
			}
			d := &records[i].Details[j]
			hops = appendHops(hops, source, d)
			events = appendEvents(events, source, d)
		}
	}
	if err := s.insertChunks(ctx, insertHops, hops); err != nil {
		return err
	}
	return s.insertChunks(ctx, insertEvents, events)
}

func appendHops(rows [][]any, source string, d *telemetry.ReportDetail) [][]any {
	l := &d.Labels
	for i := range d.Exemplars {
		e := &d.Exemplars[i]
		rows = append(rows, []any{time.UnixMilli(e.TimeUnixMillis).UTC(), l.Env, l.Cluster, l.System, l.Topic, l.Partition, l.Group, l.Op,
			l.Client, l.Node, e.TraceID, e.MessageID, e.Step.String(), e.Kept.String(), e.ErrorClass, e.Attempt, e.LatencyMicros,
			e.DelayMicros, e.SizeBytes, e.SampledOf, source, d.Offset, uint16(i)})
	}
	return rows
}

func appendEvents(rows [][]any, source string, d *telemetry.ReportDetail) [][]any {
	row := func(atMillis int64, kind, detail string, position int) []any {
		l := &d.Labels
		return []any{time.UnixMilli(atMillis).UTC(), l.Env, l.Cluster, l.System, l.Topic, l.Group, l.Op, l.Client, l.Node, kind, detail,
			source, d.Offset, uint16(position)}
	}
	for i, e := range d.Events {
		rows = append(rows, row(e.TimeUnixMillis, e.Kind.String(), e.Detail, i))
	}
	if d.LeftOutExemplars > 0 {
		rows = append(rows, row(d.TimeUnixMillis, eventLeftOut, strconv.FormatUint(d.LeftOutExemplars, 10), len(d.Events)))
	}
	return rows
}
