package grafana_test

import (
	"testing"
	"time"

	"github.com/weirmq/weir/sink/clickhouse"
	"github.com/weirmq/weir/telemetry"
)

// What there is besides the synthetic fleet of today: what was sent a day before, a cluster of the same name in another environment, what an
// inspection found three days ago, and one of two days ago that found nothing.

// goneTopic is sent to a day before, and not any more.
const goneTopic = "coupons-0"

// yesterdaysShare of today's rate was sent at the same time a day before.
const yesterdaysShare = 0.5

// tellBesides writes it.
func (tell *teller) tellBesides(t *testing.T, s *clickhouse.Store) {
	t.Helper()
	before := &teller{end: tell.end.AddDate(0, 0, -1), cells: map[int64][]telemetry.Cell{}}
	for at := before.end.Add(-fleetLasts); at.Before(before.end); at = at.Add(fleetPane) {
		l := telemetry.Labels{Env: "prod", Cluster: "orders-kafka", System: "kafka", Op: "send", Client: "app", Tier: "S1", Lane: "stable", Tag: "prod", SDKLang: "go", SDKVersion: "1.3.0"}
		for topic, messages := range map[string]float64{"orders-0": 1200 * yesterdaysShare, goneTopic: 60} {
			l.Topic = topic
			before.add(at, l, func(t *telemetry.Totals) { t.Messages, t.Bytes = uint64(messages), uint64(messages)*500 })
		}
	}
	before.write(t, s, 8)
	day := tell.end.Truncate(24*time.Hour).AddDate(0, 0, -3)
	three := &telemetry.Inspection{Day: day, AskedAt: day.Add(25 * time.Hour), Completeness: 1, Revision: "r1", Rules: 9}
	two := *three
	two.Day, two.AskedAt = day.AddDate(0, 0, 1), day.Add(49*time.Hour)
	three.Findings = []telemetry.Finding{{Rule: "LargeMessage", Severity: "info", ID: "1", WindowStart: day, WindowEnd: two.Day, Completeness: 1,
		Labels: map[string]string{"env": "prod", "cluster": "orders-kafka", "topic": "media-0"}, Annotations: map[string]string{"summary": "media-0 carries large messages"}}}
	for _, of := range []*telemetry.Inspection{three, &two} {
		if err := s.WriteInspection(t.Context(), of); err != nil {
			t.Fatal(err)
		}
	}
}

// twinPane is one of staging's cluster of the same name as prod's, whose brokers, topic and group have the same names, too: it is slower, emptier
// and further behind.
func (tell *teller) twinPane(at time.Time) {
	l := telemetry.Labels{Env: "staging", Cluster: "orders-kafka", System: "kafka", Op: "broker"}
	tell.gauges(at, l, "brokers_alive", 1., "nodes_alive", 1., "under_replicated_partitions", 7., "under_min_isr_partitions", 0., "leaderless_partitions", 0., "active_controllers", 1.)
	l.Node = "10.0.0.2:9092"
	tell.gauges(at, l, "disk_used_ratio", 0.11, "leaders", 9., "partitions", 9.)
	l.Op = "probe"
	tell.add(at, l, func(t *telemetry.Totals) {
		t.HeartbeatMicros.Observe(77_000)
		t.Gauges = []telemetry.GaugeValue{{Name: "heartbeat_failures_in_a_row", Last: 2, Max: 2, TimeUnixMillis: at.UnixMilli()}}
	})
	l.Node, l.Op, l.Topic, l.Tier, l.Lane, l.Tag = "", "group", "orders-0", "S1", "stable", "prod"
	l.Group = "orders-0-readers"
	tell.gauges(at, l, "drain_seconds", 900., "consumed_messages_per_second", 1.)
	l.Partition = "0"
	tell.gauges(at, l, "lag_messages", 5000., "lag_seconds", 1234.)
	l.Partition, l.Group, l.Op, l.Client, l.Node, l.SDKLang = "", "", "send", "orders-0-send-0", "app-0-0", "go"
	tell.add(at, l, func(t *telemetry.Totals) {
		t.Messages, t.Bytes = 30, 9000
		t.Errors = []telemetry.ErrorCount{{Class: "timeout", Count: 10}}
		t.LatencyMicros.Observe(321_000)
	})
}
