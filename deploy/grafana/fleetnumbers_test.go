package grafana_test

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/weirmq/weir/deploy/grafana"
	"github.com/weirmq/weir/deploy/grafana/datasource"
	"github.com/weirmq/weir/deploy/grafana/proof"
)

// tolerated is how far a number may be from the story's: buckets are within 1%, and of the twenty minutes the last one may be under way.
const tolerated = 0.06

// rowsBy are a frame's rows by some columns, each row by its columns' names.
func rowsBy(frame *proof.Frame, columns ...string) map[string]map[string]any {
	found := map[string]map[string]any{}
	for _, row := range frame.Rows {
		named := map[string]any{}
		for i, c := range frame.Columns {
			named[c.Name] = row[i]
		}
		var key []string
		for _, c := range columns {
			key = append(key, fmt.Sprint(named[c]))
		}
		found[strings.Join(key, " ")] = named
	}
	return found
}

// expectRow compares some columns of a row.
func expectRow(t *testing.T, rows map[string]map[string]any, key string, want map[string]any) {
	t.Helper()
	if rows[key] == nil {
		t.Errorf("there is no %q among %v", key, rows)
		return
	}
	for column, value := range want {
		got := rows[key][column]
		if exact, is := value.(float64); is {
			if number, known := got.(float64); !known || math.Abs(number-exact) > tolerated*exact {
				t.Errorf("%s has %s %v, want about %v", key, column, got, exact)
			}
		} else if got != value {
			t.Errorf("%s has %s %v, want %v", key, column, got, value)
		}
	}
}

// expectTwins: clusters, brokers, topics and groups of the same name in two environments are two.
func expectTwins(t *testing.T, engine proof.Engine, r datasource.Request) {
	clusters := rowsBy(panelFrame(t, engine, "fleet.json", "Clusters now", r, proof.Choice{}), "env", "cluster")
	if len(clusters) != 4 {
		t.Errorf("the clusters are %v, want three and the twin of one", clusters)
	}
	expectRow(t, clusters, "staging orders-kafka", map[string]any{"health": "warning", "sent_per_second": 30 * fleetLasts.Seconds() / fleetPane.Seconds() / 1800, "error_ratio": 0.25,
		"slowest_topic_p99_ms": 321., "heartbeat_p99_ms": 77., "failed_probes": 2., "lag_seconds": 1234., "disk": 0.11, "brokers": 1., "under_replicated": 7., "firing": 0.})
	expectRow(t, clusters, "prod orders-kafka", map[string]any{"failed_probes": 0., "disk": 0.78, "brokers": 3., "under_replicated": 0., "firing": 1.})
	for _, title := range []string{"Messages sent", "Heartbeat, p99"} {
		frame := panelFrame(t, engine, "fleet.json", title, r, proof.Choice{})
		if series := rowsBy(frame, "env", "cluster"); len(series) != 4 {
			t.Errorf("%s has %d series, want one of each cluster", title, len(series))
		}
	}
	groups := rowsBy(panelFrame(t, engine, "fleet.json", "Ten worst groups", r, proof.Choice{}), "env", "consumer_group")
	expectRow(t, groups, "staging orders-0-readers", map[string]any{"lag_seconds": 1234., "lag_messages": 5000., "drain_seconds": 900.})
	one := proof.Choice{Values: map[string][]string{"env": {"staging"}, "cluster": {"orders-kafka"}}}
	brokers := rowsBy(panelFrame(t, engine, "cluster.json", "Brokers now", r, one), "node")
	if expectRow(t, brokers, "10.0.0.2:9092", map[string]any{"heartbeat_p50_ms": 77., "failed_probes": 2., "disk": 0.11, "leaders": 9.}); len(brokers) != 1 {
		t.Errorf("staging's brokers are %v, want its one", brokers)
	}
}

// expectNewest: a broker whose probes failed minutes ago, and do no more, has none that failed.
func expectNewest(t *testing.T, engine proof.Engine, r datasource.Request) {
	for before, failed := range map[time.Duration]float64{7 * time.Minute: 1, 4 * time.Minute: 0} { // the trouble ends six minutes before the story does
		r := r
		r.From, r.To = r.From.Add(-before), r.To.Add(-before)
		recent, err := engine.Ask(t.Context(), fmt.Sprintf("SELECT max(heartbeat_failures_in_a_row) FROM nodes WHERE env = 'prod' AND cluster = 'orders-kafka' AND ts > toDateTime(%d) - INTERVAL 5 MINUTE AND ts <= toDateTime(%[1]d)", r.To.Unix()))
		if err != nil || recent.Rows[0][0] != 1. {
			t.Fatalf("within five minutes before %v some failed: %v, %v", r.To, recent, err)
		}
		prod := proof.Choice{Values: map[string][]string{"env": {"prod"}}}
		clusters := rowsBy(panelFrame(t, engine, "fleet.json", "Clusters now", r, prod), "cluster")
		expectRow(t, clusters, "orders-kafka", map[string]any{"failed_probes": failed})
		brokers := rowsBy(panelFrame(t, engine, "cluster.json", "Brokers now", r, prod), "cluster", "node")
		expectRow(t, brokers, "orders-kafka 10.0.0.2:9092", map[string]any{"failed_probes": failed})
	}
}

// expectWholeRange: the views that take a step add up all of the range where it is 0: one row of each series, whose percentile is that of all
// its values, and no mean of those of minutes.
func expectWholeRange(t *testing.T, engine proof.Engine, r datasource.Request) {
	const buckets = "SELECT topic, quantileExactWeighted(0.99)(i, c) AS bucket, toFloat64(max(%[1]s_max_%[2]s)) AS greatest FROM topic_1m FINAL ARRAY JOIN `%[1]s.i` AS i, `%[1]s.c` AS c WHERE op = 'send' AND env = 'prod' AND cluster = 'orders-kafka' AND ts >= toDateTime(%[3]d) AND ts < toDateTime(%[4]d) GROUP BY topic"
	for _, view := range []struct{ name, histogram, unit, column string }{{"latency_over", "latency", "us", "p99_ms * 1000"}, {"size_over", "size", "bytes", "p99_bytes"}} {
		frame, err := engine.Ask(t.Context(), fmt.Sprintf("SELECT count() AS series, uniqExact(env, cluster, topic, consumer_group, op) AS different, uniqExact(ts) AS times FROM %s(from = toDateTime(%d), to = toDateTime(%d), step_seconds = 0)", view.name, r.From.Unix(), r.To.Unix()))
		if err != nil {
			t.Fatal(err)
		}
		if row := frame.Rows[0]; row[0] != row[1] || row[2] != 1. {
			t.Errorf("%s of the whole range has %v rows of %v series, of %v times", view.name, row[0], row[1], row[2])
		}
		frame, err = engine.Ask(t.Context(), fmt.Sprintf("SELECT topic, abs(%s / least(2 * pow(101 / 99, bucket) / (101 / 99 + 1), greatest) - 1) < 0.0001 AS same FROM %s(from = toDateTime(%d), to = toDateTime(%[4]d), step_seconds = 0) AS v JOIN (%s) AS b USING (topic) WHERE op = 'send' AND env = 'prod' AND cluster = 'orders-kafka'",
			view.column, view.name, r.From.Unix(), r.To.Unix(), fmt.Sprintf(buckets, view.histogram, view.unit, r.From.Unix(), r.To.Unix())))
		if err != nil {
			t.Fatal(err)
		}
		if len(frame.Rows) != fleetTopics {
			t.Errorf("%s has %d topics, want %d", view.name, len(frame.Rows), fleetTopics)
		}
		for _, row := range frame.Rows {
			if fmt.Sprint(row[1]) != "1" && fmt.Sprint(row[1]) != "true" {
				t.Errorf("%s of %v is not that of all buckets of the range", view.name, row[0])
			}
		}
	}
	choice := proof.Choice{Values: map[string][]string{"env": {"prod"}, "topic": {"payments-0"}}}
	stat := panelFrame(t, engine, "topic.json", "Send latency, p99", r, choice).Rows[0][0].(float64)
	exact, err := engine.Ask(t.Context(), fmt.Sprintf("SELECT p99_ms FROM latency_over(from = toDateTime(%d), to = toDateTime(%d), step_seconds = 0) WHERE op = 'send' AND topic = 'payments-0'", r.From.Unix(), r.To.Unix()))
	if err != nil || len(exact.Rows) != 1 || exact.Rows[0][0] != stat {
		t.Errorf("Send latency, p99, says %v, want the one of %v, %v", stat, exact, err)
	}
}

// expectYesterday: today stands beside the same time a day before, and a topic that is not sent to any more comes first and is unknown today.
func expectYesterday(t *testing.T, engine proof.Engine, r datasource.Request) {
	r.Interval = time.Minute
	choice := proof.Choice{Values: map[string][]string{"env": {"prod"}, "cluster": {"orders-kafka"}}}
	both, right := map[string]int{}, 0
	for _, row := range panelFrame(t, engine, "topic.json", "Against yesterday", r, choice).Rows {
		both[fmt.Sprint(row[0])]++
		if row[1] == "the day before" && row[2] == (1200*yesterdaysShare+60)/10 {
			right++
		}
	}
	maps.DeleteFunc(both, func(_ string, days int) bool { return days < 2 })
	if len(both) < 15 || right < 15 {
		t.Errorf("%d minutes have both days, and %d the rate of the day before, want those of twenty minutes, of which some are not whole", len(both), right)
	}
	frame := panelFrame(t, engine, "topic.json", "Topics against yesterday", r, choice)
	topics := rowsBy(frame, "topic")
	expectRow(t, topics, goneTopic, map[string]any{"sent_per_second": nil, "day_before_per_second": 6., "change": nil})
	if fmt.Sprint(frame.Rows[0][2]) != goneTopic {
		t.Errorf("%v come first, want %s, which nobody sends to any more", frame.Rows[0], goneTopic)
	}
	orders := topics["orders-0"]
	now, _ := orders["sent_per_second"].(float64)
	expectRow(t, topics, "orders-0", map[string]any{"day_before_per_second": 1200 * yesterdaysShare / 10, "change": now/(1200*yesterdaysShare/10) - 1})
	expectRow(t, topics, "audit-0", map[string]any{"day_before_per_second": nil, "change": nil})
}

// expectFindings: those of the newest day that was inspected by the end of the range, also where nothing was found of it.
func expectFindings(t *testing.T, engine proof.Engine, r datasource.Request) {
	d, err := grafana.Load("alerts.json")
	if err != nil {
		t.Fatal(err)
	}
	at := slices.IndexFunc(d.Panels, func(p grafana.Panel) bool { return p.Title == "Findings of the inspection" })
	const nobody = "no inspection was made up to this day: set inspection.at, or ask by weir rules inspect --write"
	for days, want := range map[int]string{0: "2 findings of 2 rules, IdleGroup, IdleTopic", -1: "2 findings of 2 rules, IdleGroup, IdleTopic", -2: "0 findings of 9 rules",
		-3: "1 findings of 9 rules, LargeMessage", -9: nobody} {
		r := r
		r.To = r.To.AddDate(0, 0, days)
		sql, err := datasource.Expand(d.Panels[at].Targets[0].RawSQL, []datasource.Variable{{Name: "env", Values: []string{datasource.All}}, {Name: "cluster", Values: []string{datasource.All}}}, nil, r)
		if err != nil {
			t.Fatal(err)
		}
		frame, err := engine.Ask(t.Context(), sql)
		if err != nil {
			t.Fatal(err)
		}
		var rules []string
		for _, row := range frame.Rows {
			if row[2] == "" { // the inspection itself
				row[2] = row[7]
			}
			rules = append(rules, fmt.Sprint(row[2]))
		}
		if got := strings.Join(rules, ", "); got != want {
			t.Errorf("%d days ago the findings were of %q, want %q", -days, got, want)
		}
	}
}

// expectCapacity compares with the story: the disks grow by 0.18 in its twenty minutes.
func expectCapacity(t *testing.T, engine proof.Engine, r datasource.Request) {
	choice := proof.Choice{Values: map[string][]string{"env": {"prod"}, "cluster": {"orders-kafka"}}}
	number := func(title string) float64 {
		value, _ := panelFrame(t, engine, "cluster.json", title, r, choice).Rows[0][0].(float64)
		return value
	}
	perSecond := 0.18 / fleetLasts.Seconds()
	for title, want := range map[string]float64{"Disk full in": (1 - 0.6 - 0.18) / perSecond, "Disk growth, a day": 86400 * perSecond, "Retention left": 86400, "Partitions": 450, "Topics in use": 1, "Groups in use": 1} {
		if got := number(title); math.Abs(got-want) > 0.02*want {
			t.Errorf("%s: %v, want %v", title, got, want)
		}
	}
	choice.Values["env"] = []string{"staging"}
	if frame := panelFrame(t, engine, "cluster.json", "Disk full in", r, choice); fmt.Sprint(frame.Rows[0][0]) != fmt.Sprint(float64(315360000)) {
		t.Errorf("a disk that does not grow is full in %v, want ten years", frame.Rows[0][0])
	}
}
