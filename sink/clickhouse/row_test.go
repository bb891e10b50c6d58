package clickhouse

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/weirmq/weir/telemetry"
)

// row is a row of rollup_10s.
type row struct {
	Pane       time.Time `ch:"ts"`
	Env        string    `ch:"env"`
	Cluster    string    `ch:"cluster"`
	System     string    `ch:"system"`
	Topic      string    `ch:"topic"`
	Partition  string    `ch:"partition"`
	Group      string    `ch:"consumer_group"`
	Op         string    `ch:"op"`
	Client     string    `ch:"client"`
	Node       string    `ch:"node"`
	SDKLang    string    `ch:"sdk_lang"`
	SDKVersion string    `ch:"sdk_version"`
	Tier       string    `ch:"tier"`
	Lane       string    `ch:"lane"`
	Tag        string    `ch:"tag"`
	Extra      []string  `ch:"extra"`
	Source     string    `ch:"source"`
	Block      uint64    `ch:"segment_block"`
	Minute     time.Time `ch:"segment_minute"`

	Reports       uint64      `ch:"reports"`
	Messages      uint64      `ch:"messages"`
	Bytes         uint64      `ch:"bytes"`
	Errors        uint64      `ch:"errors"`
	ErrorClasses  []string    `ch:"error.class"`
	ErrorCounts   []uint64    `ch:"error.count"`
	LatencyI      []int16     `ch:"latency.i"`
	LatencyC      []uint64    `ch:"latency.c"`
	LatencySum    uint64      `ch:"latency_sum_us"`
	LatencyMax    uint64      `ch:"latency_max_us"`
	DelayI        []int16     `ch:"delay.i"`
	DelayC        []uint64    `ch:"delay.c"`
	DelaySum      uint64      `ch:"delay_sum_us"`
	DelayMax      uint64      `ch:"delay_max_us"`
	SizeI         []int16     `ch:"size.i"`
	SizeC         []uint64    `ch:"size.c"`
	SizeSum       uint64      `ch:"size_sum_bytes"`
	SizeMax       uint64      `ch:"size_max_bytes"`
	HeartbeatI    []int16     `ch:"heartbeat.i"`
	HeartbeatC    []uint64    `ch:"heartbeat.c"`
	HeartbeatSum  uint64      `ch:"heartbeat_sum_us"`
	HeartbeatMax  uint64      `ch:"heartbeat_max_us"`
	Rebalances    uint64      `ch:"rebalances"`
	Dropped       uint64      `ch:"dropped_reports"`
	IntervalMs    uint64      `ch:"interval_ms"`
	GaugeNames    []string    `ch:"gauge.name"`
	GaugeLast     []float64   `ch:"gauge.last"`
	GaugeGreatest []float64   `ch:"gauge.max"`
	GaugeTimes    []time.Time `ch:"gauge.at"`
	Stopped       bool        `ch:"stopped"`
}

const readRows = "SELECT * EXCEPT inserted_at FROM rollup_10s FINAL"

// rowsOf are the rows that batches must be stored as.
func rowsOf(batches []telemetry.CellBatch) []row {
	var rows []row
	for _, b := range batches {
		for _, c := range b.Cells {
			l, t := c.Labels, c.Totals
			r := row{Pane: c.Pane, Env: l.Env, Cluster: l.Cluster, System: l.System, Topic: l.Topic, Partition: l.Partition, Group: l.Group,
				Op: l.Op, Client: l.Client, Node: l.Node, SDKLang: l.SDKLang, SDKVersion: l.SDKVersion, Tier: l.Tier, Lane: l.Lane, Tag: l.Tag,
				Source: b.Source.String(), Block: b.Segment.Block, Minute: time.Unix(60*b.Segment.MinuteUnix, 0).UTC(),
				Reports: t.Reports, Messages: t.Messages, Bytes: t.Bytes, Errors: t.ErrorTotal(),
				LatencyC: t.LatencyMicros.Counts, LatencySum: t.LatencyMicros.Sum, LatencyMax: t.LatencyMicros.Max,
				DelayC: t.DelayMicros.Counts, DelaySum: t.DelayMicros.Sum, DelayMax: t.DelayMicros.Max,
				SizeC: t.SizeBytes.Counts, SizeSum: t.SizeBytes.Sum, SizeMax: t.SizeBytes.Max,
				HeartbeatC: t.HeartbeatMicros.Counts, HeartbeatSum: t.HeartbeatMicros.Sum, HeartbeatMax: t.HeartbeatMicros.Max,
				Rebalances: t.Rebalances, Dropped: t.DroppedReports, IntervalMs: t.IntervalMillis, Stopped: stopped(&t)}
			for _, e := range l.Extra {
				r.Extra = append(r.Extra, e.Name+"="+e.Value)
			}
			for _, e := range t.Errors {
				r.ErrorClasses, r.ErrorCounts = append(r.ErrorClasses, e.Class), append(r.ErrorCounts, e.Count)
			}
			for _, g := range t.Gauges {
				r.GaugeNames, r.GaugeLast, r.GaugeGreatest = append(r.GaugeNames, g.Name), append(r.GaugeLast, g.Last), append(r.GaugeGreatest, g.Max)
				r.GaugeTimes = append(r.GaugeTimes, time.UnixMilli(g.TimeUnixMillis).UTC())
			}
			for into, histogram := range map[*[]int16]telemetry.Histogram{&r.LatencyI: t.LatencyMicros, &r.DelayI: t.DelayMicros,
				&r.SizeI: t.SizeBytes, &r.HeartbeatI: t.HeartbeatMicros} {
				for _, index := range histogram.Indexes {
					*into = append(*into, int16(index))
				}
			}
			rows = append(rows, r)
		}
	}
	return rows
}

// stopped says that the client said it stopped or paused.
func stopped(t *telemetry.Totals) bool {
	return slices.ContainsFunc(t.Events, func(e telemetry.Event) bool {
		return e.Kind == telemetry.EventStopped || e.Kind == telemetry.EventPaused
	})
}

// lines are the rows as text, sorted: a nil slice and an empty one read alike.
func lines(rows []row) []string {
	out := make([]string, len(rows))
	for i := range rows {
		out[i] = fmt.Sprintf("%+v", rows[i])
	}
	slices.Sort(out)
	return out
}

// storedLedger is a row of ledger.
type storedLedger struct {
	Source      string    `ch:"source"`
	Block       uint64    `ch:"segment_block"`
	Minute      time.Time `ch:"segment_minute"`
	Reports     uint64    `ch:"reports"`
	Refused     uint64    `ch:"refused"`
	Bytes       uint64    `ch:"bytes"`
	FirstOffset int64     `ch:"first_offset"`
	EndOffset   int64     `ch:"end_offset"`
	Closed      bool      `ch:"closed"`
}

const readLedger = `SELECT source, segment_block, segment_minute, reports, refused, bytes, first_offset, end_offset, closed
	FROM ledger FINAL ORDER BY source, segment_block, segment_minute`

// ledgersOf are the rows of the ledger that batches must be stored as, sorted.
func ledgersOf(batches []telemetry.CellBatch) []storedLedger {
	var rows []storedLedger
	for _, b := range batches {
		if l := b.Ledger; l != nil {
			rows = append(rows, storedLedger{b.Source.String(), b.Segment.Block, time.Unix(60*b.Segment.MinuteUnix, 0).UTC(),
				l.Reports, l.Refused, l.Bytes, l.FirstOffset, l.EndOffset, l.Closed})
		}
	}
	slices.SortFunc(rows, func(a, b storedLedger) int {
		return cmp.Or(strings.Compare(a.Source, b.Source), cmp.Compare(a.Block, b.Block), a.Minute.Compare(b.Minute))
	})
	return rows
}
