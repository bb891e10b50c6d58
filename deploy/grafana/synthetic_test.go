package grafana_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/weirmq/weir/sink/clickhouse"
	"github.com/weirmq/weir/telemetry"
)

// The synthetic fleet: three clusters of Kafka and RocketMQ for twenty minutes, in which one broker gets slow, one consumer stops, one
// topic fails to be sent, one gets large messages, and a roll-out goes on. It has all that the dashboards can show.
const (
	fleetLasts  = 20 * time.Minute
	fleetPane   = 10 * time.Second
	fleetTopics = 4
)

var fleetClusters = []struct{ env, name, system string }{
	{"prod", "orders-kafka", "kafka"}, {"prod", "shop-rocketmq", "rocketmq"}, {"staging", "o'brien-kafka", "kafka"},
}

// teller writes the story of the fleet, pane by pane.
type teller struct {
	end   time.Time
	cells map[int64][]telemetry.Cell // by minute
}

// tellFleet writes the fleet's cells, ledger and alerts; the last pane ends at end.
func tellFleet(t *testing.T, s *clickhouse.Store, end time.Time) {
	t.Helper()
	tell := &teller{end: end.Truncate(fleetPane), cells: map[int64][]telemetry.Cell{}}
	for at := tell.end.Add(-fleetLasts); at.Before(tell.end); at = at.Add(fleetPane) {
		for i := range fleetClusters {
			tell.clusterPane(at, i)
		}
		tell.twinPane(at)
		stage := telemetry.Labels{Env: "prod", Cluster: "orders-kafka", System: "kafka", Op: "group", Group: "weir-aggregate", Topic: "weir.telemetry", Partition: "0"}
		tell.gauges(at, stage, "lag_messages", 12*tell.wave(at, 1), "lag_seconds", tell.wave(at, 1))
	}
	tell.write(t, s, 7)
	tell.tellBesides(t, s)
	if err := s.WriteAlerts(t.Context(), tell.alerts()); err != nil {
		t.Fatal(err)
	}
	if err := s.WriteInspection(t.Context(), tell.inspection()); err != nil {
		t.Fatal(err)
	}
	tell.tellTraces(t, s)
}

// topicOf is the name of a cluster's topic.
func topicOf(topic, cluster int) string {
	return fmt.Sprintf("%s-%d", []string{"orders", "payments", "media", "audit"}[topic], cluster)
}

// write writes the cells with their ledger, as two partitions of a topic have them.
func (tell *teller) write(t *testing.T, s *clickhouse.Store, topic byte) {
	t.Helper()
	table := &telemetry.CellTable{}
	offset := int64(0)
	for minute := tell.end.Add(-fleetLasts).Unix() / 60; minute <= tell.end.Unix()/60; minute++ {
		for partition := range int32(2) {
			batch := telemetry.CellBatch{Source: telemetry.Source{TopicID: [16]byte{topic}, Partition: partition}, Segment: telemetry.Segment{MinuteUnix: minute}}
			ledger := telemetry.Ledger{FirstOffset: offset, Closed: minute < tell.end.Unix()/60}
			for i, cell := range tell.cells[minute] {
				if int32(i%2) == partition {
					batch.Cells = append(batch.Cells, cell)
					ledger.Reports += cell.Totals.Reports
				}
			}
			ledger.Bytes, ledger.Refused = ledger.Reports*180, uint64(minute%7/6)
			ledger.EndOffset = offset + int64(ledger.Reports+ledger.Refused)
			batch.Ledger = &ledger
			if err := table.Add(telemetry.AppendCellBatch(nil, &batch)); err != nil {
				t.Fatal(err)
			}
		}
		offset += 1 << 20
	}
	if err := s.WriteCells(t.Context(), table); err != nil {
		t.Fatal(err)
	}
}

// add keeps a cell of a pane; totals are of one report.
func (tell *teller) add(at time.Time, labels telemetry.Labels, fill func(*telemetry.Totals)) {
	totals := telemetry.Totals{Reports: 1, IntervalMillis: uint64(fleetPane / time.Millisecond)}
	fill(&totals)
	minute := at.Unix() / 60
	tell.cells[minute] = append(tell.cells[minute], telemetry.Cell{Pane: at, Labels: labels, Totals: totals})
}

// gauges adds a cell of gauges, given as names and values in turn.
func (tell *teller) gauges(at time.Time, labels telemetry.Labels, pairs ...any) {
	tell.add(at, labels, func(t *telemetry.Totals) {
		for i := 0; i < len(pairs); i += 2 {
			value := pairs[i+1].(float64)
			t.Gauges = append(t.Gauges, telemetry.GaugeValue{Name: pairs[i].(string), Last: value, Max: value,
				TimeUnixMillis: at.Add(fleetPane / 2).UnixMilli()})
		}
	})
}

// progress is how far the story has come, 0 to 1, and wave a rate that goes up and down with it.
func (tell *teller) progress(at time.Time) float64 {
	return 1 - tell.end.Sub(at).Seconds()/fleetLasts.Seconds()
}

func (tell *teller) wave(at time.Time, shift float64) float64 {
	return 1 + 0.4*math.Sin(7*tell.progress(at)+shift)
}

// trouble says that the story is in its bad part.
func (tell *teller) trouble(at time.Time) bool {
	p := tell.progress(at)
	return p > 0.4 && p < 0.7
}

func (tell *teller) clusterPane(at time.Time, number int) {
	c := fleetClusters[number]
	labels := telemetry.Labels{Env: c.env, Cluster: c.name, System: c.system}
	tell.brokers(at, labels, number)
	for topic := range fleetTopics {
		l := labels
		l.Topic, l.Tier, l.Lane, l.Tag = topicOf(topic, number), fmt.Sprintf("S%d", topic+1), "stable", "prod"
		tell.traffic(at, l, topic, number)
		tell.group(at, l, topic, number)
	}
}

func (tell *teller) brokers(at time.Time, labels telemetry.Labels, number int) {
	state := labels
	state.Op = "broker"
	under := 0.
	if number == 0 && tell.trouble(at) {
		under = 3
	}
	pairs := []any{"brokers_alive", 3., "nodes_alive", 4., "under_replicated_partitions", under, "under_min_isr_partitions", 0., "leaderless_partitions", 0.}
	if labels.System == "kafka" {
		pairs = append(pairs, "active_controllers", 1.)
	}
	tell.gauges(at, state, pairs...)
	for broker := range 3 {
		l := labels
		l.Op, l.Node = "probe", fmt.Sprintf("10.%d.0.%d:9092", number, broker+1)
		failures := 0.
		tell.add(at, l, func(t *telemetry.Totals) {
			micros := uint64(2000*tell.wave(at, float64(broker))) + uint64(broker)*300
			if number == 0 && broker == 1 && tell.trouble(at) {
				micros, failures = 1_400_000, 1
			}
			t.HeartbeatMicros.Observe(micros)
			t.Gauges = []telemetry.GaugeValue{{Name: "heartbeat_failures_in_a_row", Last: failures, Max: failures, TimeUnixMillis: at.UnixMilli()}}
		})
		l.Op = "broker"
		disk := 0.4 + 0.1*float64(broker) + 0.18*tell.progress(at)
		if labels.System == "kafka" {
			tell.gauges(at, l, "disk_used_ratio", disk, "leaders", 40+10*float64(broker), "partitions", 150.)
		} else {
			tell.gauges(at, l, "disk_used_ratio", disk, "send_queue_wait_seconds", 0.02*tell.wave(at, 0), "page_cache_lock_seconds", 0.001*tell.wave(at, 2))
		}
	}
}

// version is that of a client: a roll-out from 1.3.0 to 1.4.0 goes from one to the next.
func (tell *teller) version(at time.Time, client int) string {
	switch {
	case client == 5:
		return "0.0.9"
	case float64(client)/5 < tell.progress(at):
		return "1.4.0"
	}
	return "1.3.0"
}

func (tell *teller) traffic(at time.Time, labels telemetry.Labels, topic, number int) {
	for client := range 3 {
		for _, op := range []string{"send", "consume"} {
			l := labels
			l.Op, l.Client, l.Node = op, fmt.Sprintf("%s-%s-%d", labels.Topic, op, client), fmt.Sprintf("app-%d-%d", number, client)
			l.SDKLang, l.SDKVersion = []string{"go", "java"}[topic%2], tell.version(at, client+topic)
			if op == "consume" {
				l.Group = labels.Topic + "-readers"
			}
			tell.add(at, l, func(t *telemetry.Totals) { tell.fill(t, at, op, topic, client) })
			if op == "consume" && at.Unix()%300 < 10 {
				l.Op, l.Topic = "group", ""
				tell.add(at, l, func(t *telemetry.Totals) { t.Rebalances = 1 })
			}
		}
	}
}

func (tell *teller) fill(t *telemetry.Totals, at time.Time, op string, topic, client int) {
	t.Messages = uint64(float64(400/(topic+1)) * tell.wave(at, float64(topic+client)))
	size := uint64(600 + 100*client)
	if topic == 2 {
		size = 40_000
		if tell.trouble(at) {
			size = 1_500_000
		}
	}
	t.Bytes = t.Messages * size
	slow := uint64(1)
	if topic == 1 && tell.trouble(at) {
		slow = 120
	}
	for i := range uint64(20) { // twenty values stand for all
		t.LatencyMicros.Observe((1500 + i*i*90) * slow)
		t.SizeBytes.Observe(size + i*i*size/200)
		if op == "consume" {
			t.DelayMicros.Observe((9000 + i*i*200) * slow)
		}
	}
	if op == "send" && topic == 1 && tell.trouble(at) {
		t.Errors = []telemetry.ErrorCount{{Class: "timeout", Count: 9}, {Class: "too_large", Count: 2}}
	}
	if op == "consume" && topic == 1 && tell.trouble(at) { // delivered, so they are messages, too
		t.Errors = []telemetry.ErrorCount{{Class: telemetry.ErrorClassHandler, Count: 7}}
	}
	if client == 2 && topic == 3 && tell.trouble(at) {
		t.DroppedReports = 1
	}
}

// group is what a collector says of a consumer group and its topic. One group stops in the bad part, and catches up.
func (tell *teller) group(at time.Time, labels telemetry.Labels, topic, number int) {
	l := labels
	l.Op, l.Group = "group", labels.Topic+"-readers"
	whole := l
	whole.Topic = ""
	tell.gauges(at, whole, "members", 3., "rebalancing_groups", 0.)
	behind := 0.
	if topic == 0 && tell.trouble(at) {
		behind = 4000 * (tell.progress(at) - 0.4)
	}
	tell.gauges(at, l, "lag_median_messages", behind, "drain_seconds", behind/20, "consumed_messages_per_second", float64(120/(topic+1))*tell.wave(at, float64(topic)))
	for partition := range 3 {
		p := l
		p.Partition = fmt.Sprint(partition)
		if labels.System == "rocketmq" {
			p.Partition = fmt.Sprintf("broker-a:%d", partition)
		}
		stalled := 0.
		if partition == 1 && behind > 200 {
			stalled = 1
		}
		tell.gauges(at, p, "lag_messages", behind*float64(partition+1), "lag_seconds", behind/10*float64(partition), "commit_age_seconds", behind/20,
			"retention_left_seconds", 86400-behind, "stalled_partitions", stalled, "stopped_partitions", 0., "rewound_partitions", 0., "growing_partitions", 0.)
		p.Op, p.Group = "broker", ""
		tell.gauges(at, p, "partition_messages_per_second", float64(40/(topic+1))*tell.wave(at, float64(partition)))
	}
}
