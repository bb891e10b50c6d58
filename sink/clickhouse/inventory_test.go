package clickhouse

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/weirmq/weir/telemetry"
)

// inventoryDay is one that the store keeps.
var inventoryDay = time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, -20)

// named is a cell at a minute of inventoryDay.
func named(minute int, labels telemetry.Labels, messages uint64, gauges ...telemetry.GaugeValue) telemetry.Cell {
	return telemetry.Cell{Pane: inventoryDay.Add(time.Duration(minute) * time.Minute), Labels: labels,
		Totals: telemetry.Totals{Reports: 1, Messages: messages, Gauges: gauges}}
}

func gauge(name string, value float64) telemetry.GaugeValue {
	return telemetry.GaugeValue{Name: name, Last: value, Max: value, Series: 1}
}

const allResources = `SELECT kind, name, toHour(first_seen), toHour(last_seen), if(last_used = 0, -1, toHour(last_used)), tier, lane, sdk_lang, sdk_version, node, consumer_group, internal
	FROM resources ORDER BY kind, name`

// TestTheInventoryHasWhatCellsName, whoever reports it: to the hour when it was seen first and last and used last, and what is known of it.
func TestTheInventoryHasWhatCellsName(t *testing.T) {
	t.Parallel()
	client := telemetry.Labels{Env: "e", Cluster: "eu", System: "kafka", Topic: "orders", Op: "send", Client: "c1", Node: "n1", SDKLang: "go", SDKVersion: "1.9.0", Tier: "S1", Lane: "stable"}
	upgraded, consumer := client, client
	upgraded.SDKVersion = "1.10.0"
	consumer.Op, consumer.Group, consumer.Client, consumer.Tier = "consume", "billing", "c2", "S2"
	at := func(op string) telemetry.Labels {
		return telemetry.Labels{Env: "e", Cluster: "eu", System: "kafka", Op: op}
	}
	broker, cold, idle, group, retry, own := at("broker"), at("broker"), at("probe"), at("group"), at("consume"), at("group")
	broker.Node, cold.Topic, cold.Tier, group.Group, group.Topic = "b1:9092", "audit", "S3", "nightly", "orders"
	idle.Node, idle.Client = "b2:9092", "collector"
	heard, full, departed := idle, at("broker"), idle
	heard.Node, full.Node, departed.Node = "b3:9092", "b4:9092", "b5:9092"
	answered := named(61, heard, 0, gauge(telemetry.GaugeHeartbeatFailed, 0))
	answered.Totals.HeartbeatMicros.Observe(2_000)
	retry.Topic, retry.Group, own.Group = "%RETRY%billing", "billing", "weir-rules"
	delays, timers := at("broker"), at("broker")
	delays.Topic, timers.Topic = "SCHEDULE_TOPIC_XXXX", "rmq_sys_wheel_timer"
	commits := at("group")
	commits.Group, commits.Topic = "batch", "moves"
	s := newStore(t)
	s.write(telemetry.CellBatch{Cells: []telemetry.Cell{
		named(61, client, 5), named(61, consumer, 0), named(62, consumer, 3), named(130, upgraded, 0),
		named(61, broker, 0, gauge(telemetry.GaugeLeaders, 3), gauge(telemetry.GaugeThrottle, 0)), named(200, broker, 0, gauge(telemetry.GaugeLeaders, 3)),
		named(61, cold, 0, gauge(telemetry.GaugePartitionRate, 0), gauge(telemetry.GaugeInSyncReplicas, 3)),
		named(61, idle, 0, gauge(telemetry.GaugeHeartbeatFailed, 4)), answered,
		named(61, departed, 0, gauge(telemetry.GaugeHeartbeatFailed, 0)), // nobody waits for it any more
		named(200, heard, 0, gauge(telemetry.GaugeHeartbeatFailed, 1)), named(61, full, 0, gauge(telemetry.GaugeDiskUsed, 0.5)), named(61, group, 0, gauge(telemetry.GaugeMembers, 0)), named(200, group, 0, gauge(telemetry.GaugeMembers, 2)),
		named(61, retry, 0), named(61, own, 0), named(61, commits, 0, gauge(telemetry.GaugeConsumed, 0), gauge(telemetry.GaugeLagMessages, 9)),
		named(200, commits, 0, gauge(telemetry.GaugeConsumed, 0.2)), named(61, delays, 0, gauge(telemetry.GaugeDelayOverdue, 0)), named(61, timers, 0),
	}})
	want := strings.TrimSpace(`
broker	b1:9092	1	3	1							0
broker	b2:9092	1	1	-1							0
broker	b3:9092	1	3	1							0
broker	b4:9092	1	1	1							0
broker	b5:9092	1	1	-1							0
client	c1	1	2	1	S1	stable	go	1.10.0	n1		0
client	c2	1	1	1	S2	stable	go	1.9.0	n1	billing	0
group	batch	1	3	3							0
group	billing	1	1	1	S2	stable					0
group	nightly	1	3	3							0
group	weir-rules	1	1	-1							1
node	n1	1	2	1							0
topic	%RETRY%billing	1	1	-1							1
topic	SCHEDULE_TOPIC_XXXX	1	1	-1							1
topic	audit	1	1	-1	S3						0
topic	moves	1	3	3							0
topic	orders	1	3	1	S1	stable					0
topic	rmq_sys_wheel_timer	1	1	-1							1`)
	s.expect(allResources, want)
	s.expect("SELECT name, hours FROM inventory_hours FINAL ORDER BY name", "batch\t8\nbilling\t2\nmoves\t8\nnightly\t8\norders\t2")
	written := cold
	written.Partition = "7"
	s.write(telemetry.CellBatch{Cells: []telemetry.Cell{named(300, written, 0, gauge(telemetry.GaugePartitionRate, 0.2))}})
	s.expect("SELECT toHour(last_used) FROM resources WHERE name = 'audit'", "5")
}

// TestTheInventoryIsTheSameHoweverItIsTold: twice, in another order, by a process that knows nothing of what was written, or by one that
// forgets.
func TestTheInventoryIsTheSameHoweverItIsTold(t *testing.T) {
	t.Parallel()
	for seed := range uint64(2) {
		r := rand.New(rand.NewPCG(seed, 7))
		var all []telemetry.CellBatch
		want := map[string][]seen{}
		for range 8 {
			var batch telemetry.CellBatch
			for range 30 {
				minute, topic, messages := r.IntN(30*60), fmt.Sprint("topic-", r.IntN(4)), uint64(r.IntN(2))
				tier := []string{"", "S1", "S2"}[r.IntN(3)]
				batch.Cells = append(batch.Cells, named(minute, telemetry.Labels{Cluster: "eu", Topic: topic, Op: "send", Tier: tier}, messages))
				want[topic] = append(want[topic], seen{minute / 60, messages, tier})
			}
			slices.SortFunc(batch.Cells, func(a, b telemetry.Cell) int {
				return cmp.Or(a.Pane.Compare(b.Pane), cmp.Compare(a.Labels.Topic, b.Labels.Topic))
			})
			all = append(all, batch)
		}
		var lines []string
		for _, topic := range slices.Sorted(maps.Keys(want)) {
			lines = append(lines, topic+"\t"+modelled(want[topic]))
		}
		database := shared.database(t)
		first := openStore(t, shared, database, nil)
		if err := first.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		again, forgetful := openStore(t, shared, database, nil), openStore(t, shared, database, nil)
		forgetful.sightings = newSightings(1)
		for telling, s := range []*store{first, first, again, forgetful} {
			batches := slices.Clone(all)
			r.Shuffle(len(batches), func(i, j int) { batches[i], batches[j] = batches[j], batches[i] })
			for most := 1 + 10*(telling%2); len(batches) > 0; batches = batches[min(most, len(batches)):] { // other boundaries
				if err := s.writeInventory(t.Context(), tableOf(t, batches[:min(most, len(batches))]...)); err != nil {
					t.Fatal(err)
				}
			}
			s.expect(strings.ReplaceAll(`SELECT name, dateDiff('hour', BEGIN, first_seen), dateDiff('hour', BEGIN, last_seen),
				if(last_used = 0, -1, dateDiff('hour', BEGIN, last_used)), tier.2, (SELECT sum(bitCount(hours)) FROM inventory_hours FINAL WHERE name = i.name)
				FROM inventory AS i FINAL ORDER BY name`, "BEGIN", quoted(inventoryDay.Format(time.DateTime))+"::DateTime('UTC')"), strings.Join(lines, "\n"))
			if t.Failed() {
				t.Fatalf("seed %d, telling %d", seed, telling)
			}
		}
	}
}

// modelled is what a topic is by its sightings: hour, messages and tier.
func modelled(sightings []seen) string {
	first, last, used, tier := math.MaxInt, 0, -1, seen{}
	hours := map[int]bool{}
	for _, each := range sightings {
		first, last = min(first, each.hour), max(last, each.hour)
		if each.messages > 0 {
			used, hours[each.hour] = max(used, each.hour), true
		}
		if each.tier != "" && (each.hour > tier.hour || each.hour == tier.hour && each.tier > tier.tier) {
			tier = each
		}
	}
	return fmt.Sprintf("%d\t%d\t%d\t%s\t%d", first, last, used, tier.tier, len(hours))
}

// seen is one sighting.
type seen struct {
	hour     int
	messages uint64
	tier     string
}

// TestWhatIsKnownIsWrittenOnceAnHour, and what is used first, or learned, in between.
func TestWhatIsKnownIsWrittenOnceAnHour(t *testing.T) {
	t.Parallel()
	s := newSightings(10)
	labels := telemetry.Labels{Cluster: "eu", Topic: "orders", Op: "send"}
	tiered := labels
	tiered.Tier = "S1"
	for _, c := range []struct {
		what string
		cell telemetry.Cell
		want int
	}{
		{"seen first", named(0, labels, 0), 1},
		{"seen again", named(59, labels, 0), 0},
		{"used first", named(10, labels, 1), 1},
		{"used again", named(11, labels, 9), 0},
		{"of a tier", named(12, tiered, 0), 1},
		{"of that tier again", named(13, tiered, 1), 0},
		{"of none again", named(14, labels, 1), 0},
		{"in the next hour", named(60, tiered, 1), 1},
		{"late", named(15, labels, 1), 0},
		{"on the next day", named(24*60, tiered, 1), 1},
		{"in an hour before", named(23*60, tiered, 1), 1},
	} {
		if got := s.take(tableOf(t, telemetry.CellBatch{Cells: []telemetry.Cell{c.cell}})); len(got) != c.want {
			t.Errorf("%s: %d rows, want %d: %+v", c.what, len(got), c.want, got)
		}
	}
	// One row for all that a batch tells of an hour.
	s = newSightings(10)
	got := s.take(tableOf(t, telemetry.CellBatch{Cells: []telemetry.Cell{named(0, labels, 0), named(1, tiered, 0), named(2, labels, 7), named(60, labels, 0)}}))
	if len(got) != 2 || !got[0].used || got[0].attributes[attributeTier] != "S1" || got[1].used {
		t.Errorf("got %+v, want the first hour used and of tier S1, and the second not", got)
	}
}

// TestSightingsAreBounded: what was not looked at for long is forgotten, and written again.
func TestSightingsAreBounded(t *testing.T) {
	t.Parallel()
	const most = 100
	s := newSightings(most)
	of := func(i int) *telemetry.CellTable {
		return tableOf(t, telemetry.CellBatch{Cells: []telemetry.Cell{named(0, telemetry.Labels{Topic: fmt.Sprint("topic-", i), Op: "send"}, 0)}})
	}
	for i := range 10 * most {
		if rows := len(s.take(of(i))) + len(s.take(of(0))); rows > 1+1/(i+1) || len(s.lately)+len(s.before) > 2*most {
			t.Fatalf("after %d topics %d rows are made, and %d and %d are remembered", i+1, rows, len(s.lately), len(s.before))
		}
	}
	if rows := s.take(of(1)); len(rows) != 1 {
		t.Errorf("a topic that was forgotten makes %d rows, want 1", len(rows))
	}
}
