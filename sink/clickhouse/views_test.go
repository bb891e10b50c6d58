package clickhouse

import (
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/weirmq/weir/telemetry"
)

func unixText(at time.Time) string { return strconv.FormatInt(at.Unix(), 10) }

// expectLines compares the answer to sql, whose rows stand below each other.
func (s *store) expectLines(sql, want string) {
	s.t.Helper()
	s.expect(sql, strings.TrimSpace(want))
}

var viewByMinute = regexp.MustCompile(`FROM (lag|group_lag|nodes|cluster_states)\b`)

// expectBoth compares the answer to sql of a view by minute, and that of the view by pane: of minutes that have one pane both say the same.
func (s *store) expectBoth(sql, want string) {
	s.t.Helper()
	if !viewByMinute.MatchString(sql) {
		s.t.Fatalf("%s asks no view by minute", sql)
	}
	s.expectLines(viewByMinute.ReplaceAllString(sql, "FROM ${1}_10s"), want)
	s.round()
	s.expectLines(sql, want)
}

func groupLabels(group, topic, partition string) telemetry.Labels {
	return telemetry.Labels{Env: "e", Cluster: "eu", System: "kafka", Op: "group", Group: group, Topic: topic, Partition: partition}
}

// burrow are the four gauges of a partition's state, of which at most one is 1.
func burrow(is string) []telemetry.GaugeValue {
	var out []telemetry.GaugeValue
	for _, name := range []string{telemetry.GaugeGrowing, telemetry.GaugeRewound, telemetry.GaugeStalled, telemetry.GaugeStopped} {
		value := 0.0
		if name == is {
			value = 1
		}
		out = append(out, gauge(name, value))
	}
	return out
}

// TestLagIsKnownOrNull: what nobody reported is NULL, and a state of which a part is missing is unknown.
func TestLagIsKnownOrNull(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	partition := func(topic, number string, gauges ...telemetry.GaugeValue) telemetry.Cell {
		return named(1, groupLabels("billing", topic, number), 0, gauges...)
	}
	paused := telemetry.Labels{Env: "e", Cluster: "eu", System: "kafka", Op: "consume", Group: "billing", Topic: "held", Client: "c1", Node: "n1"}
	s.write(telemetry.CellBatch{Cells: []telemetry.Cell{
		partition("orders", "0", append(burrow(""), gauge(telemetry.GaugeLagMessages, 0), gauge(telemetry.GaugeLagSeconds, 0), gauge(telemetry.GaugeCommitAge, 0), gauge(telemetry.GaugeRetentionLeft, 86400))...),
		partition("orders", "1", append(burrow(telemetry.GaugeStalled), gauge(telemetry.GaugeLagMessages, 90))...),
		partition("orders", "2", burrow(telemetry.GaugeStopped)...),
		partition("orders", "3", burrow(telemetry.GaugeRewound)...),
		partition("orders", "4", burrow(telemetry.GaugeGrowing)...),
		partition("orders", "5", gauge(telemetry.GaugeLagSeconds, 7)),
		partition("orders", "6", gauge(telemetry.GaugeGrowing, 0), gauge(telemetry.GaugeStalled, 0)), // the two others are not known
		partition("orders", "7", gauge(telemetry.GaugeStopped, 1)),                                   // of a topic of which others are unknown, what is bad is told
		partition("held", "0", append(burrow(""), gauge(telemetry.GaugeLagMessages, 40))...),
		named(1, paused, 0, gauge(telemetry.GaugePaused, 1)),
	}})
	s.expectBoth("SELECT topic, partition, lag_messages, lag_seconds, commit_age_seconds, retention_left_seconds, state FROM lag ORDER BY topic, partition", `
held	0	40	\N	\N	\N	paused
orders	0	0	0	0	86400	ok
orders	1	90	\N	\N	\N	stall
orders	2	\N	\N	\N	\N	stop
orders	3	\N	\N	\N	\N	rewind
orders	4	\N	\N	\N	\N	warn
orders	5	\N	7	\N	\N	unknown
orders	6	\N	\N	\N	\N	unknown
orders	7	\N	\N	\N	\N	stop`)
	s.expect("SELECT count(), uniqExact(ts, env, cluster, system, consumer_group) FROM lag WHERE ts = toDateTime('"+inventoryDay.Add(time.Minute).Format(time.DateTime)+"', 'UTC')", "9\t1")
}

// TestLagOfTwoCollectors is the newer one's, whatever other labels they give.
func TestLagOfTwoCollectors(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	tiered := groupLabels("billing", "orders", "0")
	tiered.Tier = "S1"
	at := func(labels telemetry.Labels, millis int64, value float64) telemetry.Cell {
		g := gauge(telemetry.GaugeLagMessages, value)
		g.TimeUnixMillis = millis
		return named(1, labels, 0, g)
	}
	s.write(telemetry.CellBatch{Cells: []telemetry.Cell{at(tiered, 2000, 5), at(groupLabels("billing", "orders", "0"), 1000, 70)}})
	s.expectBoth("SELECT lag_messages FROM lag", "5")
	s.expectBoth("SELECT lag_messages FROM group_lag", "5")
}

// TestGroupsByTopic adds up what is known, names the worst partition by time, and gives every topic the members of its group.
func TestGroupsByTopic(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	s.write(telemetry.CellBatch{Cells: []telemetry.Cell{
		named(1, groupLabels("billing", "orders", "0"), 0, gauge(telemetry.GaugeLagMessages, 900), gauge(telemetry.GaugeLagSeconds, 3)),
		named(1, groupLabels("billing", "orders", "1"), 0, gauge(telemetry.GaugeLagMessages, 10), gauge(telemetry.GaugeLagSeconds, 600)),
		named(1, groupLabels("billing", "orders", "2"), 0, burrow("")...),
		named(1, groupLabels("billing", "orders", ""), 0, gauge(telemetry.GaugeDrain, 12), gauge(telemetry.GaugeConsumed, 70)),
		named(1, groupLabels("billing", "idle", "0"), 0, gauge(telemetry.GaugeLagMessages, 0), gauge(telemetry.GaugeLagSeconds, 0)),
		named(1, groupLabels("billing", "unread", ""), 0, gauge(telemetry.GaugeConsumed, 0)),
		named(1, groupLabels("billing", "", ""), 0, gauge(telemetry.GaugeMembers, 4)),
		named(1, groupLabels("audit", "orders", "0"), 0, gauge(telemetry.GaugeLagMessages, 1)),
	}})
	s.expectBoth("SELECT consumer_group, topic, lag_messages, lag_seconds, worst_partition, drain_seconds, consumed_messages_per_second, members FROM group_lag ORDER BY consumer_group, topic", `
audit	orders	1	\N	0	\N	\N	\N
billing	idle	0	0	\N	\N	\N	4
billing	orders	910	600	1	12	70	4
billing	unread	\N	\N	\N	\N	0	4`)
}

// TestNodesAndClusters put what brokers and probers say into one row, and leave NULL what none said.
func TestNodesAndClusters(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	of := func(op, node, client string) telemetry.Labels {
		return telemetry.Labels{Env: "e", Cluster: "eu", System: "kafka", Op: op, Node: node, Client: client}
	}
	probe := named(1, of("probe", "b1:9092", "collector-1"), 0, gauge(telemetry.GaugeHeartbeatFailed, 3))
	for range 99 {
		probe.Totals.HeartbeatMicros.Observe(2_000)
	}
	probe.Totals.HeartbeatMicros.Observe(700_000)
	s.write(telemetry.CellBatch{Cells: []telemetry.Cell{
		probe,
		named(1, of("probe", "b1:9092", "collector-2"), 0, gauge(telemetry.GaugeHeartbeatFailed, 1)),
		named(1, of("broker", "b1:9092", ""), 0, gauge(telemetry.GaugeDiskUsed, 0.81), gauge(telemetry.GaugeLeaders, 12), gauge(telemetry.GaugePartitions, 36)),
		named(1, of("broker", "b2:10911", ""), 0, gauge(telemetry.GaugeSendQueueWait, 0.25), gauge(telemetry.GaugePageCacheLock, 0)),
		named(1, of("broker", "10.1.4.7", "billing@10.1.4.7"), 0, gauge(telemetry.GaugeAssigned, 3)), // a client, no broker
		named(1, of("broker", "", ""), 0, gauge(telemetry.GaugeBrokersAlive, 2), gauge(telemetry.GaugeLeaderless, 0)),
	}})
	s.expectBoth(`SELECT node, round(heartbeat_p50_ms, 1), round(heartbeat_p99_ms, 1), heartbeat_max_ms, heartbeat_failures_in_a_row, disk_used_ratio, leaders, partitions,
		send_queue_wait_seconds, page_cache_lock_seconds FROM nodes ORDER BY node`, `
b1:9092	2	2	700	1	0.81	12	36	\N	\N
b2:10911	\N	\N	\N	\N	\N	\N	\N	0.25	0`)
	s.expectBoth(`SELECT env, cluster, system, brokers_alive, nodes_alive, under_replicated_partitions, under_min_isr_partitions, leaderless_partitions, active_controllers
		FROM cluster_states`, `e	eu	kafka	2	\N	\N	\N	0	\N`)
}

// TestAlertsByView: an alert stands where its newest life's newest transition left it.
func TestAlertsByView(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	begin := inventoryDay.Add(time.Hour)
	transition := func(life int, seq uint64, state telemetry.AlertState, values map[string]float64) telemetry.Alert {
		a := telemetry.Alert{ID: "f1", Rule: "BacklogHigh", State: state, Seq: seq, ActiveAt: begin.Add(time.Duration(life) * time.Hour),
			EvaluatedAt: begin.Add(time.Duration(life)*time.Hour + time.Duration(seq)*time.Minute), Completeness: 0.5, Values: values,
			Labels:      map[string]string{"alertname": "BacklogHigh", "severity": "critical", "cluster": "eu", "topic": "orders", "group": "billing"},
			Annotations: map[string]string{"summary": "billing is behind"}}
		if state == telemetry.AlertFiring || state == telemetry.AlertResolved {
			a.FiredAt = a.ActiveAt.Add(2 * time.Minute)
		}
		if state == telemetry.AlertResolved {
			a.ResolvedAt = a.FiredAt.Add(90 * time.Second)
		}
		return a
	}
	all := []telemetry.Alert{
		transition(0, 1, telemetry.AlertPending, map[string]float64{"lag_seconds": 61}),
		transition(0, 2, telemetry.AlertFiring, map[string]float64{"lag_seconds": 70, "lag": 9}),
		transition(0, 3, telemetry.AlertResolved, nil),
		transition(1, 1, telemetry.AlertPending, nil),
	}
	for range 2 { // what is written twice is there once
		if err := s.WriteAlerts(t.Context(), all); err != nil {
			t.Fatal(err)
		}
	}
	s.expectLines("SELECT rule, seq, state, severity, cluster, topic, consumer_group, summary, fired_seconds, completeness FROM alert_transitions ORDER BY starts_at, seq", `
BacklogHigh	1	pending	critical	eu	orders	billing	billing is behind	\N	0.5
BacklogHigh	2	firing	critical	eu	orders	billing	billing is behind	\N	0.5
BacklogHigh	3	resolved	critical	eu	orders	billing	billing is behind	90	0.5
BacklogHigh	1	pending	critical	eu	orders	billing	billing is behind	\N	0.5`)
	s.expect("SELECT rule, fingerprint, state, toUnixTimestamp(starts_at) FROM alert_states", "BacklogHigh\tf1\tpending\t"+unixText(begin.Add(time.Hour)))
	s.expectLines("SELECT rule, fingerprint, state, name, value, completeness FROM rule_evaluations ORDER BY at, name", `
BacklogHigh	f1	pending	lag_seconds	61	0.5
BacklogHigh	f1	firing	lag	9	0.5
BacklogHigh	f1	firing	lag_seconds	70	0.5`)
}

// TestThePipelineByMinute: how late an open segment will be stored is not known.
func TestThePipelineByMinute(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	minute := time.Now().UTC().Truncate(time.Minute).Add(-time.Hour)
	segment := func(source int32, block uint64, closed bool) telemetry.CellBatch {
		return telemetry.CellBatch{Source: telemetry.Source{Partition: source}, Segment: telemetry.Segment{Block: block, MinuteUnix: minute.Unix() / 60},
			Ledger: &telemetry.Ledger{Reports: 10, Refused: 1, Bytes: 100, EndOffset: 11, Closed: closed}}
	}
	s.write(segment(1, 0, true), segment(1, 1, true), segment(2, 0, false))
	s.write(segment(1, 0, true))
	s.expectLines(`SELECT substring(source, 34), reports, refused, bytes, stored_after_seconds >= 3540 AND stored_after_seconds < 7200 FROM pipeline
		WHERE ts = toDateTime(`+unixText(minute)+`, 'UTC') ORDER BY source`, `
1	20	2	200	1
2	10	1	100	\N`)
}
