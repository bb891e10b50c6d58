package docs_test

import (
	"cmp"
	"testing"
	"time"

	"github.com/weirmq/weir/sink/clickhouse"
	"github.com/weirmq/weir/telemetry"
)

// fleet is what docs/sql.md asks of: cells by minute, day and week before one minute, each far from the edges of what is asked for, so
// that a slow test answers as a fast one.
type fleet struct {
	minute time.Time
	day    time.Time // begin of the day before
	batch  telemetry.CellBatch
	engine engine
	shown  map[int]string // answers to write into the page, by the line where their blocks begin
}

// fleetClients are by name: machine, language and version.
var fleetClients = map[string][3]string{
	"checkout-7":   {"10.1.4.7", "go", "1.4.0"},
	"checkout-8":   {"10.1.4.8", "go", "1.4.0"},
	"legacy-batch": {"10.1.9.2", "java", "0.9.0"},
	"web-1":        {"10.1.2.1", "go", "1.3.2"},
	"media-upload": {"10.1.6.1", "java", "1.2.0"},
	"billing-1":    {"10.1.5.1", "go", "1.4.0"},
	"billing-2":    {"10.1.5.2", "go", "1.4.0"},
	"index-1":      {"10.1.6.9", "java", "1.2.0"},
}

// add begins a cell of a cluster, which is orders-kafka where no other is named.
func (f *fleet) add(at time.Time, labels telemetry.Labels, change func(*telemetry.Totals)) {
	labels.Env, labels.Cluster, labels.System = "production", cmp.Or(labels.Cluster, "orders-kafka"), "kafka"
	cell := telemetry.Cell{Pane: at, Labels: labels, Totals: telemetry.Totals{Reports: 1}}
	change(&cell.Totals)
	f.batch.Cells = append(f.batch.Cells, cell)
}

// flow is what a client saw of a topic: messages of so many bytes, of which each fiftieth took ten times as long. With a group it consumes.
type flow struct {
	cluster, topic, group, client string
	messages, bytes, micros       uint64
	more                          func(*telemetry.Totals)
}

func (f *fleet) flows(at time.Time, flows ...flow) {
	for _, flow := range flows {
		who := fleetClients[flow.client]
		labels := telemetry.Labels{Cluster: flow.cluster, Topic: flow.topic, Group: flow.group, Op: "send", Client: flow.client, Node: who[0], SDKLang: who[1], SDKVersion: who[2]}
		if flow.group != "" {
			labels.Op = "consume"
		}
		f.add(at, labels, func(t *telemetry.Totals) {
			t.Messages, t.Bytes = flow.messages, flow.messages*flow.bytes
			for i := range flow.messages {
				took := flow.micros
				if i%50 == 49 {
					took *= 10
				}
				if t.LatencyMicros.Observe(took); flow.group != "" {
					t.DelayMicros.Observe(took * 100)
				}
				t.SizeBytes.Observe(flow.bytes)
			}
			if flow.more != nil {
				flow.more(t)
			}
		})
	}
}

// gauges are what a collector says of something, by name and value.
func (f *fleet) gauges(at time.Time, labels telemetry.Labels, values map[string]float64) {
	f.add(at, labels, func(t *telemetry.Totals) {
		report := telemetry.Report{StartUnixMillis: at.UnixMilli(), LengthMillis: 1}
		for name, value := range values {
			report.Gauges = append(report.Gauges, telemetry.Gauge{Name: name, Value: value})
		}
		t.AddLists(&report)
	})
}

// newFleet tells of a surge of orders by checkout-8, of a group that hangs in one partition and one that has paused, of a slow broker,
// large messages and an old SDK.
func newFleet(minute time.Time) *fleet {
	f := &fleet{minute: minute, day: minute.Truncate(24*time.Hour).AddDate(0, 0, -1), shown: map[int]string{}}
	for back := 20; back < 30; back++ {
		f.minuteOfTraffic(minute.Add(-time.Duration(back)*time.Minute), 600)
	}
	f.minuteOfTraffic(minute.Add(-time.Minute), 600)
	f.minuteOfTraffic(minute, 6_000)
	f.flows(minute.AddDate(0, 0, -7).Add(-30*time.Minute),
		flow{topic: "orders", client: "checkout-7", messages: 600, bytes: 500, micros: 8_000},
		flow{topic: "clicks", client: "web-1", messages: 600, bytes: 200, micros: 2_000})
	// Of days another cluster has something, since an hour ago may be yesterday.
	const daily = "shop-kafka"
	f.flows(f.day.Add(12*time.Hour),
		flow{cluster: daily, topic: "orders", client: "checkout-7", messages: 40_000, bytes: 50_000, micros: 8_000},
		flow{cluster: daily, topic: "orders", group: "billing", client: "billing-1", messages: 40_000, bytes: 50_000, micros: 1_000},
		flow{cluster: daily, topic: "clicks", client: "web-1", messages: 30_000, bytes: 200_000, micros: 2_000})
	f.flows(f.day.Add(-12*time.Hour),
		flow{cluster: daily, topic: "orders", client: "checkout-7", messages: 50_000, bytes: 50_000, micros: 8_000},
		flow{cluster: daily, topic: "media", client: "media-upload", messages: 2_000, bytes: 900_000, micros: 30_000})
	f.consumers()
	f.brokers()
	return f
}

// minuteOfTraffic is a usual minute but for the orders that checkout-8 sends.
func (f *fleet) minuteOfTraffic(at time.Time, orders uint64) {
	surges := func(t *telemetry.Totals) {
		if orders > 600 {
			t.Errors = []telemetry.ErrorCount{{Class: "timeout", Count: 45}, {Class: "too_large", Count: 3}}
		}
	}
	loses := func(t *telemetry.Totals) { t.DroppedReports = 1 }
	f.flows(at,
		flow{topic: "orders", client: "checkout-7", messages: 600, bytes: 500, micros: 12_000},
		flow{topic: "orders", client: "checkout-8", messages: orders, bytes: 500, micros: 20_000, more: surges},
		flow{topic: "invoices", client: "legacy-batch", messages: 60, bytes: 800, micros: 5_000, more: loses},
		flow{topic: "clicks", client: "web-1", messages: 1_200, bytes: 200, micros: 2_000},
		flow{topic: "media", client: "media-upload", messages: 12, bytes: 700_000, micros: 30_000},
		flow{topic: "orders", group: "billing", client: "billing-1", messages: 500, bytes: 500, micros: 3_000},
		flow{topic: "orders", group: "billing", client: "billing-2", messages: 500, bytes: 500, micros: 4_000})
	f.rebalance(at, "billing", "billing-1", "billing-2")
}

// rebalance is what the SDK says of one: each member that sees it reports it under op group, and of no topic.
func (f *fleet) rebalance(at time.Time, group string, members ...string) {
	for _, client := range members {
		who := fleetClients[client]
		f.add(at, telemetry.Labels{Op: "group", Group: group, Client: client, Node: who[0], SDKLang: who[1], SDKVersion: who[2]}, func(t *telemetry.Totals) { t.Rebalances = 1 })
	}
}

// consumers are groups as a collector has them now, and one that says itself that it has paused.
func (f *fleet) consumers() {
	states := func(stalled float64, more map[string]float64) map[string]float64 {
		out := map[string]float64{telemetry.GaugeStalled: stalled, telemetry.GaugeStopped: 0, telemetry.GaugeRewound: 0, telemetry.GaugeGrowing: 0}
		for name, value := range more {
			out[name] = value
		}
		return out
	}
	of := func(group, topic, partition string) telemetry.Labels {
		return telemetry.Labels{Op: "group", Group: group, Topic: topic, Partition: partition}
	}
	f.gauges(f.minute, of("billing", "orders", "0"), states(0, map[string]float64{telemetry.GaugeLagMessages: 120, telemetry.GaugeLagSeconds: 4, telemetry.GaugeCommitAge: 2, telemetry.GaugeRetentionLeft: 86_000}))
	f.gauges(f.minute, of("billing", "orders", "1"), states(0, map[string]float64{telemetry.GaugeLagMessages: 0, telemetry.GaugeLagSeconds: 0, telemetry.GaugeCommitAge: 0, telemetry.GaugeRetentionLeft: 86_400}))
	f.gauges(f.minute, of("billing", "orders", "2"), states(1, map[string]float64{telemetry.GaugeLagMessages: 9_800, telemetry.GaugeLagSeconds: 312, telemetry.GaugeCommitAge: 310, telemetry.GaugeRetentionLeft: 3_000}))
	f.gauges(f.minute, of("billing", "orders", ""), map[string]float64{telemetry.GaugeConsumed: 16})
	f.gauges(f.minute, of("billing", "", ""), map[string]float64{telemetry.GaugeMembers: 2})
	f.gauges(f.minute, of("audit", "orders", "0"), map[string]float64{telemetry.GaugeLagMessages: 50})
	f.gauges(f.minute, of("search", "clicks", "0"), states(0, map[string]float64{telemetry.GaugeLagMessages: 800, telemetry.GaugeLagSeconds: 40, telemetry.GaugeCommitAge: 1}))
	f.gauges(f.minute, of("search", "clicks", ""), map[string]float64{telemetry.GaugeDrain: 25, telemetry.GaugeConsumed: 52})
	f.gauges(f.minute, of("search", "", ""), map[string]float64{telemetry.GaugeMembers: 1})
	f.gauges(f.minute, of("media-index", "media", "0"), states(0, map[string]float64{telemetry.GaugeLagMessages: 70, telemetry.GaugeLagSeconds: 5_400, telemetry.GaugeCommitAge: 5_400}))
	f.gauges(f.minute, telemetry.Labels{Op: "consume", Group: "media-index", Topic: "media", Client: "index-1", Node: "10.1.6.9", SDKLang: "java", SDKVersion: "1.2.0"},
		map[string]float64{telemetry.GaugePaused: 1, telemetry.GaugePausedSeconds: 5_400})
}

// brokers are three, of which one is slow and fills up; four partitions, of which one has the most; and a topic that was used last nine
// days ago.
func (f *fleet) brokers() {
	for node, of := range map[string]struct {
		micros       uint64
		before, disk float64
	}{"b1:9092": {2_000, 0.55, 0.55}, "b2:9092": {2_400, 0.60, 0.62}, "b3:9092": {41_000, 0.78, 0.83}} {
		f.add(f.minute, telemetry.Labels{Op: "probe", Node: node, Client: "collector-1"}, func(t *telemetry.Totals) { t.HeartbeatMicros.Observe(of.micros) })
		f.gauges(f.minute, telemetry.Labels{Op: "probe", Node: node, Client: "collector-2"}, map[string]float64{telemetry.GaugeHeartbeatFailed: 0})
		f.gauges(f.minute, telemetry.Labels{Op: "broker", Node: node}, map[string]float64{telemetry.GaugeDiskUsed: of.disk, telemetry.GaugeLeaders: 4})
		f.gauges(f.minute.Add(-24*time.Hour), telemetry.Labels{Op: "broker", Node: node}, map[string]float64{telemetry.GaugeDiskUsed: of.before})
	}
	f.gauges(f.minute, telemetry.Labels{Op: "broker"}, map[string]float64{telemetry.GaugeBrokersAlive: 3, telemetry.GaugeUnderReplicated: 4, telemetry.GaugeUnderMinISR: 0,
		telemetry.GaugeLeaderless: 0, telemetry.GaugeControllers: 1})
	for partition, rate := range map[string]float64{"0": 9, "1": 11, "2": 10, "3": 90} {
		f.gauges(f.minute, telemetry.Labels{Op: "broker", Topic: "orders", Partition: partition}, map[string]float64{telemetry.GaugePartitionRate: rate})
	}
	for back, rate := range map[int]float64{0: 0, 9: 3} {
		f.gauges(f.minute.AddDate(0, 0, -back), telemetry.Labels{Op: "broker", Topic: "archive", Partition: "0"}, map[string]float64{telemetry.GaugePartitionRate: rate})
	}
}

// alerts are one that fires, after it was over once, and one that was over.
func (f *fleet) alerts() []telemetry.Alert {
	transition := func(rule string, life time.Time, seq uint64, state telemetry.AlertState, after time.Duration, values map[string]float64) telemetry.Alert {
		a := telemetry.Alert{ID: "id of " + rule, Rule: rule, State: state, Seq: seq, ActiveAt: life, EvaluatedAt: life.Add(after), Completeness: 1, Values: values,
			Labels:      map[string]string{"alertname": rule, "cluster": "orders-kafka", "topic": "orders", "severity": "critical"},
			Annotations: map[string]string{"summary": "orders jumped to 110 msg/s"}}
		if rule == "BacklogHigh" {
			a.Labels["group"], a.Annotations["summary"] = "billing", "billing is 312 s behind in orders"
		}
		if state != telemetry.AlertPending {
			a.FiredAt = life.Add(30 * time.Second)
		}
		if state == telemetry.AlertResolved {
			a.ResolvedAt = a.EvaluatedAt
		}
		return a
	}
	before := f.day.Add(-36 * time.Hour)
	return []telemetry.Alert{
		transition("BacklogHigh", before, 1, telemetry.AlertPending, 0, nil),
		transition("BacklogHigh", before, 2, telemetry.AlertFiring, 30*time.Second, nil),
		transition("BacklogHigh", before, 3, telemetry.AlertResolved, 10*time.Minute+30*time.Second, nil),
		transition("TrafficSurge", before, 1, telemetry.AlertFiring, 30*time.Second, nil),
		transition("TrafficSurge", before, 2, telemetry.AlertResolved, 5*time.Minute+30*time.Second, nil),
		transition("TrafficSurge", f.minute, 1, telemetry.AlertPending, 0, map[string]float64{"tps": 110, `over("5m").tps`: 38}),
		transition("TrafficSurge", f.minute, 2, telemetry.AlertFiring, 30*time.Second, map[string]float64{"tps": 110, `over("5m").tps`: 46.25}),
	}
}

// seedFleet writes it into a database of its own, where other pages' queries do not see it.
func (e engine) seedFleet(t *testing.T) *fleet {
	t.Helper()
	if _, err := e.query("CREATE DATABASE fleet"); err != nil {
		t.Fatal(err)
	}
	e.database = "fleet"
	store, f := e.open(t), newFleet(time.Now().UTC().Truncate(time.Minute).Add(-2*time.Minute))
	f.batch.Source, f.batch.Segment = seedSource, telemetry.Segment{MinuteUnix: f.minute.Unix() / 60}
	f.batch.Ledger = &telemetry.Ledger{Reports: uint64(len(f.batch.Cells)), Refused: 2, Bytes: 90_000, EndOffset: int64(len(f.batch.Cells)) + 2, Closed: true}
	write(t, store, f.batch)
	write(t, store, telemetry.CellBatch{Source: seedSource, Segment: telemetry.Segment{MinuteUnix: f.minute.Unix()/60 + 1},
		Ledger: &telemetry.Ledger{Reports: 5, FirstOffset: f.batch.Ledger.EndOffset, EndOffset: f.batch.Ledger.EndOffset + 5}})
	if err := store.WriteAlerts(t.Context(), f.alerts()); err != nil {
		t.Fatal(err)
	}
	owners := []telemetry.Owner{{Name: "checkout", Tier: "S1", Topics: []string{"orders", "archive"}}, {Name: "billing", Topics: []string{"invoices"}}, {Name: "web", Topics: []string{"clicks"}}}
	if err := store.WriteOwners(t.Context(), owners, f.minute); err != nil {
		t.Fatal(err)
	}
	if err := store.NewCompactor(func(clickhouse.Compaction) {}).Round(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.engine = e
	return f
}
