package clickhouse

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/weirmq/weir/telemetry"
)

// added are a history's reports by a step and topic.
func (h *history) added(step time.Duration) map[string]*telemetry.Totals {
	out := map[string]*telemetry.Totals{}
	for _, segment := range h.segments {
		for i := range segment.reports {
			p := &segment.reports[i]
			at := fmt.Sprintf("%d\t%s\t%s", p.pane.Truncate(step).Unix(), p.labels.Topic, p.labels.Op)
			if out[at] == nil {
				out[at] = &telemetry.Totals{}
			}
			out[at].AddReport(&p.report)
		}
	}
	return out
}

// expectPercentiles compares a view of percentiles with those of the same histograms in Go, which are the ones that rules read.
func (s *store) expectPercentiles(view string, want map[string]*telemetry.Totals, of func(*telemetry.Totals) *telemetry.Histogram, unit string) {
	s.t.Helper()
	scale := map[string]float64{"ms": 1000, "bytes": 1}[unit]
	columns := strings.ReplaceAll("count, p50_X, p90_X, p99_X, p999_X, mean_X, max_X", "X", unit)
	rows := strings.Split(s.query("SELECT toUnixTimestamp(ts), topic, op, "+columns+" FROM "+view), "\n")
	measured := 0
	for _, totals := range want {
		if of(totals).Count() > 0 {
			measured++
		}
	}
	if measured < 6 || len(rows) != measured {
		s.t.Errorf("%s has %d rows, want %d, and at least 6", view, len(rows), measured)
	}
	for _, line := range rows {
		cells := strings.Split(line, "\t")
		totals := want[strings.Join(cells[:3], "\t")]
		if totals == nil {
			s.t.Errorf("%s has a row of nothing: %s", view, line)
			continue
		}
		h := of(totals)
		values := []float64{float64(h.Count()) * scale, h.Quantile(0.5), h.Quantile(0.9), h.Quantile(0.99), h.Quantile(0.999), float64(h.Sum) / float64(h.Count()), float64(h.Max)}
		for i, value := range values {
			got, err := strconv.ParseFloat(cells[3+i], 64)
			if want := value / scale; err != nil || math.Abs(got-want) > 1e-9*want {
				s.t.Errorf("%s: the value %d of %s is %v, want %v", view, i, line, got, want)
			}
		}
	}
}

// TestPercentilesAreThoseOfRules by minute, and over steps that minutes are merged into.
func TestPercentilesAreThoseOfRules(t *testing.T) {
	t.Parallel()
	s, h := newStore(t), newHistory(11)
	h.spread()
	for _, write := range h.telling() {
		s.write(write...)
	}
	s.round()
	latency := func(t *telemetry.Totals) *telemetry.Histogram { return &t.LatencyMicros }
	size := func(t *telemetry.Totals) *telemetry.Histogram { return &t.SizeBytes }
	s.expectPercentiles("latency", h.added(time.Minute), latency, "ms")
	s.expectPercentiles("size", h.added(time.Minute), size, "bytes")
	const range4 = "(from = now() - INTERVAL 4 DAY, to = now(), step_seconds = "
	s.expectPercentiles("latency_over"+range4+"86400)", h.added(24*time.Hour), latency, "ms")
	s.expectPercentiles("latency_over"+range4+"10)", h.added(time.Minute), latency, "ms")
	s.expect("SELECT toUnixTimestamp(max(ts)), sum(count) = (SELECT sum(count) FROM latency) FROM latency_over(from = toDateTime(1700000000), to = now(), step_seconds = 0)", "1700000000\t1")
	s.expectPercentiles("size_over"+range4+"3600)", h.added(time.Hour), size, "bytes")
	s.expect("SELECT count() FROM delay_over"+range4+"60)", "0")
	s.expect("SELECT count() FROM latency_over(from = now() - INTERVAL 9 DAY, to = now() - INTERVAL 8 DAY, step_seconds = 60)", "0")
}

// TestTrafficAddsUp to what was reported, however it was written.
func TestTrafficAddsUp(t *testing.T) {
	t.Parallel()
	s, h := newStore(t), newHistory(12)
	h.spread()
	for _, write := range h.telling() {
		s.write(write...)
	}
	s.round()
	want := h.added(time.Minute)
	for at, totals := range want {
		cells := strings.Split(at, "\t")
		where := fmt.Sprintf(" WHERE ts = toDateTime(%s, 'UTC') AND topic = '%s' AND op = '%s'", cells[0], cells[1], cells[2])
		s.expect("SELECT messages, bytes, errors, dropped_reports, round(messages_per_second * 60), round(bytes_per_second * 60) FROM traffic"+where,
			fmt.Sprintf("%d\t%d\t%d\t%d\t%[1]d\t%[2]d", totals.Messages, totals.Bytes, totals.ErrorTotal(), totals.DroppedReports))
		s.expect("SELECT sum(messages), sum(bytes), sum(errors), sum(dropped_reports), sum(rebalances), round(max(latency_max_ms) * 1000), max(size_max_bytes) FROM clients"+where,
			fmt.Sprintf("%d\t%d\t%d\t%d\t%d\t%s\t%s", totals.Messages, totals.Bytes, totals.ErrorTotal(), totals.DroppedReports, totals.Rebalances,
				known(&totals.LatencyMicros), known(&totals.SizeBytes)))
		s.expect("SELECT sum(errors) FROM errors"+where, fmt.Sprint(totals.ErrorTotal()))
	}
	s.expect("SELECT count() FROM traffic", fmt.Sprint(len(want)))
	s.expect("SELECT sum(messages) = (SELECT sum(messages) FROM traffic), max(clients) > 1 FROM sdk_versions", "1\t1")
}

// TestStepsOfClients: whole hours are taken from the table of hours, up to the newest that is over, and the rest from minutes; both say the same.
func TestStepsOfClients(t *testing.T) {
	t.Parallel()
	s, h := newStore(t), newHistory(13)
	h.spread()
	for _, write := range h.telling() {
		s.write(write...)
	}
	s.round()
	const sums = "sum(messages), sum(bytes), sum(errors), sum(rebalances), sum(dropped_reports), max(latency_max_ms), max(size_max_bytes), uniqExact(client)"
	const days = "(from = toDateTime(toDate(now()) - 5, 'UTC'), to = now() + INTERVAL 2 HOUR, step_seconds = "
	byMinute := s.query("SELECT " + sums + " FROM clients")
	for _, step := range []string{"0)", "10)", "60)", "3600)", "5400)", "86400)"} {
		s.expect("SELECT "+sums+" FROM clients_over"+days+step, byMinute)
	}
	const hours = "toUnixTimestamp(toStartOfHour(ts)) AS hour, client, topic, op, "
	s.expect("SELECT "+hours+"latency_p99_ms, messages FROM clients_over"+days+"3600) ORDER BY ALL",
		s.query(`WITH quantilesExactWeightedArray(0.99)("latency.i", "latency.c")[1] AS i SELECT `+hours+`
			if(sum(arraySum("latency.c")) = 0, NULL, least(if(i < 0, 0, 2 * pow(101 / 99, i) / (101 / 99 + 1)), toFloat64(max(latency_max_us))) / 1000) AS p99, sum(rollup_1m.messages) AS passed
			FROM rollup_1m FINAL WHERE client != '' AND op != 'probe'
			GROUP BY hour, client, topic, op, env, cluster, system, consumer_group, node, sdk_lang, sdk_version, tier, lane, tag ORDER BY ALL`))
	s.expect("SELECT sum(messages), max(clients) FROM sdk_versions_over"+days+"0)",
		s.query("SELECT sum(passed), max(n) FROM (SELECT sum(messages) AS passed, uniqExact(client) AS n FROM clients GROUP BY env, cluster, sdk_lang, sdk_version)"))
	// Clocks of clients that are ahead have an hour be added up before it is over: its minutes count until then.
	s.query("INSERT INTO rollup_1h (ts, env, cluster, topic, op, client, messages, reports) VALUES (toStartOfHour(now('UTC')), 'e', 'c', 't', 'send', 'early', 1, 1)")
	s.expect("SELECT "+sums+" FROM clients_over"+days+"0)", byMinute)
	s.query("TRUNCATE TABLE rollup_1m")
	s.expect("SELECT sum(messages) > 0 FROM clients_over"+days+"0)", "1")
	s.expect("SELECT sum(messages) FROM clients_over"+days+"60)", "0")
}

// known is the greatest value of a histogram as SQL has it.
func known(h *telemetry.Histogram) string {
	if h.Count() == 0 {
		return `\N`
	}
	return fmt.Sprint(h.Max)
}

// TestTrafficIsKnownOrNull: where nothing was measured there is no latency of 0, a failed handler counts once, and what brokers
// report is no traffic.
func TestTrafficIsKnownOrNull(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	client := telemetry.Labels{Env: "e", Cluster: "eu", System: "kafka", Topic: "orders", Op: "send", Client: "c1", SDKLang: "go", SDKVersion: "1.9.0"}
	quiet, consumer, broker, member := client, client, client, client
	quiet.Topic, consumer.Op, consumer.Group, broker.Op, broker.Client = "quiet", "consume", "billing", "broker", ""
	member.Op, member.Topic, member.Client = "broker", "", "billing@10.1.4.7"
	failing := named(1, consumer, 10)
	failing.Totals.Errors = []telemetry.ErrorCount{{Class: "handler", Count: 4}, {Class: "timeout", Count: 2}}
	failing.Totals.DelayMicros.Observe(1500)
	s.write(telemetry.CellBatch{Cells: []telemetry.Cell{named(1, client, 5), named(1, quiet, 0), failing, named(1, broker, 0, gauge(telemetry.GaugePartitionRate, 1)), named(1, member, 0)}})
	s.round()
	s.expectLines("SELECT topic, op, consumer_group, messages, clients, error_ratio, latency_mean_ms, latency_max_ms, size_max_bytes FROM traffic ORDER BY topic, op", `
orders	consume	billing	10	1	0.5	\N	\N	\N
orders	send		5	1	0	\N	\N	\N
quiet	send		0	1	\N	\N	\N	\N`)
	s.expectLines("SELECT topic, op, client, messages, latency_p99_ms, latency_max_ms, size_max_bytes FROM clients ORDER BY topic, op", `
	broker	billing@10.1.4.7	0	\N	\N	\N
orders	consume	c1	10	\N	\N	\N
orders	send	c1	5	\N	\N	\N
quiet	send	c1	0	\N	\N	\N`)
	s.expectLines("SELECT topic, consumer_group, op, class, errors FROM errors ORDER BY class", `
orders	billing	consume	handler	4
orders	billing	consume	timeout	2`)
	s.expect("SELECT topic, consumer_group, count, round(p99_ms, 1), max_ms FROM delay", "orders\tbilling\t1\t1.5\t1.5")
	s.expect("SELECT sdk_lang, sdk_version, clients, messages FROM sdk_versions", "go\t1.9.0\t2\t15")
}

// TestHoursThatWereLeftAreReadAsMinutes: the newest hour is made before older ones, of which minutes are there.
func TestHoursThatWereLeftAreReadAsMinutes(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	begin := time.Now().UTC().Truncate(time.Hour).Add(-6 * time.Hour)
	s.query(fmt.Sprintf("INSERT INTO rollup_1m (ts, topic, op, client, reports, messages) SELECT %d + 60 * number, 'orders', 'send', 'a', 1, 1 FROM numbers(300)", begin.Unix()))
	s.query(fmt.Sprintf("INSERT INTO rollup_1h (ts, topic, op, client, reports, messages) VALUES (%d, 'orders', 'send', 'a', 60, 60)", begin.Add(3*time.Hour).Unix()))
	over := fmt.Sprintf("SELECT sum(messages) FROM clients_over(from = '%s', to = '%s', step_seconds = 3600)", begin.Format(time.DateTime), begin.Add(5*time.Hour).Format(time.DateTime))
	for workedOff, want := range map[time.Duration]string{time.Minute: "300", 2 * time.Hour: "120"} { // with all worked off, the newest hour by itself, and the minutes after it
		s.query("TRUNCATE TABLE rollup_backlog")
		s.query(fmt.Sprintf("INSERT INTO rollup_backlog (name, since, until, worked_off_seconds) VALUES ('rollup_1h', %d, %d, %d)", begin.Unix(), begin.Add(2*time.Hour).Unix(), int(workedOff.Seconds())))
		s.expect(over, want)
	}
}
