package main

import (
	"fmt"
	"strings"
	"time"
)

// The fleet that the store's bench generates: two clusters of Kafka and two of RocketMQ, in two environments. Some of its topics and
// groups have the names that the questions of docs/sql.md ask for.
const (
	fleetTopics = 52 // in all clusters
	// fleetPanes is a day of panes of 10 s.
	fleetPanes = 24 * 60 * 60 / fleetPane
	fleetPane  = 10 // seconds
	// smallSeries is of how many series a fleet is that has too few rows for a day of fleetTopics. Not fewer: each of its topics has a
	// sender and a consumer; not more: its rows shall reach back further than an hour.
	smallSeries = 36
	smallTopics = 12
)

// fleetSize is how large a fleet is, by how many rows clients shall have.
type fleetSize struct {
	series, topics, panes int
}

func sizeOf(rows int) fleetSize {
	if series := rows / fleetPanes; series >= 2*fleetTopics {
		return fleetSize{series, fleetTopics, fleetPanes}
	}
	return fleetSize{smallSeries, smallTopics, min(rows/smallSeries, fleetPanes)}
}

// seriesTable holds one row for each series: its labels, and what its rows are made of. weight is how many messages a row has, base_*
// are medians, beats how many heartbeats, and gauges are name, least value and how much it varies.
const seriesTable = `CREATE TABLE bench_series (id UInt64, env String, cluster String, system String, topic String, partition String, consumer_group String, op String,
	client String, node String, sdk_lang String, sdk_version String, tier String, lane String, tag String, source String, weight Float64, base_latency Float64, base_delay Float64,
	base_size Float64, beats UInt8, gauges Array(Tuple(String, Float64, Float64))) ENGINE = Memory`

// labelsOfTopic are the expressions that name topic number t.
const labelsOfTopic = `WITH ['prod', 'prod', 'prod', 'staging'][1 + t % 4] AS env, ['orders-kafka', 'shop-kafka', 'trade-rocketmq', 'stage-rocketmq'][1 + t % 4] AS cluster,
	if(t % 4 < 2, 'kafka', 'rocketmq') AS system, intDiv(t, 4) AS place,
	concat(['orders', 'clicks', 'media', 'payments', 'invoices', 'shipments', 'stock', 'carts', 'prices', 'audit', 'mails', 'search', 'logs'][1 + place % 13],
		if(t % 4 < 2 AND place = 0, '', ['', '-shop', '-trade', '-stage'][1 + t % 4]), if(place < 13, '', toString(place))) AS topic,
	concat('S', toString(1 + place % 4)) AS tier, if(place % 3 = 0, 4, 2) AS partitions, concat('0000000000000000000000000000000', '1/') AS log`

// seriesOf are statements that fill the table: of clients, of members, of groups by partition, by topic and as a whole, of partitions, of brokers
// and their probes, of clusters, and of the stages of Weir.
func seriesOf(size fleetSize) []string {
	const columns = "INSERT INTO bench_series (id, env, cluster, system, topic, partition, consumer_group, op, client, node, sdk_lang, sdk_version, tier, lane, tag, source, weight, base_latency, base_delay, base_size, beats, gauges)\n"
	gauged := func(from, labels, gauges string) string { // topic, partition, group, op, node of what a collector says
		return columns + labelsOfTopic + "\nSELECT 100000 + cityHash64(" + labels + ") % 900000, env, cluster, system, " + labels + ", '', '', tier, '', '', concat(log, toString(t % 8)), 0, 0, 0, 0, 0, " + gauges + "\nFROM " + from
	}
	gaugedLabels := func(topic, partition, group, op, node string) string {
		return topic + ", " + partition + ", " + group + ", '" + op + "', '', " + node
	}
	topics := fmt.Sprintf("(SELECT number AS t FROM numbers(%d))", size.topics)
	partitions := fmt.Sprintf("(SELECT number %% %[1]d AS t, intDiv(number, %[1]d) AS p FROM numbers(%[1]d * 4))", size.topics)
	brokers := "(SELECT number % 4 AS t, intDiv(number, 4) AS b FROM numbers(16))"
	const name = "if(system = 'kafka', toString(p), concat('broker-', if(p % 2 = 0, 'a', 'b'), ':', toString(p)))"
	const address = "concat('10.', toString(t), '.0.', toString(b + 1), ':9092')"
	const readers = "concat(topic, '-readers')"
	clients := columns + labelsOfTopic + fmt.Sprintf(`, number %% %[1]d AS t, intDiv(number, %[1]d) AS role, role %% 2 = 0 AS sends, ['go', 'java', 'java', 'python'][1 + (t + role) %% 4] AS lang
SELECT number, env, cluster, system, topic, '', if(sends, '', concat(topic, if(intDiv(role, 2) %% 2 = 1, '-audit', '-readers'))), if(sends, 'send', 'consume'),
	concat(topic, if(sends, '-service-', '-worker-'), toString(role)), concat('10.', toString(t %% 4), '.1.', toString((t * 7 + role) %% 24)), lang,
	['1.4.0', '1.4.0', '1.3.2', '1.3.0', '0.9.0', ''][1 + cityHash64(number) %% 6], tier, if(role = 4, 'canary', 'stable'), if(role = 5, 'blue', ''), concat(log, toString(number %% 8)),
	[57, 45, 34, 25, 20, 15, 12, 10, 8, 7, 6, 5, 3][1 + place %% 13], if(sends, 3000, 900) * (1 + place %% 5) * if(cityHash64(number) %% 31 = 0, 12, 1),
	if(sends, 0, 40000. * (1 + place)), if(place = 2, 300000, 300 * (1 + place)), 0, if(role = 1 AND place = 1, [('paused', 1, 0), ('paused_seconds', 5400, 0)], [])
FROM numbers(%[2]d)`, size.topics, size.series)
	const lagGauges = `[('commit_age_seconds', if(stuck, 310, 1), 4), ('growing_partitions', 0, 0), ('lag_messages', if(stuck, 9000, 0), 400), ('lag_seconds', if(stuck, 300, 0), 9),
	('retention_left_seconds', if(stuck, 3000, 80000), 500), ('rewound_partitions', 0, 0), ('stalled_partitions', stuck, 0), ('stopped_partitions', 0, 0)]`
	inPartitions := "(SELECT *, t % 7 = 0 AND p = 1 AS stuck FROM " + partitions + ")\nWHERE p < partitions"
	// What members say of rebalances is of their group, and of no topic.
	const members = columns + `SELECT 2000000 + id, env, cluster, system, '', '', consumer_group, 'group', client, node, sdk_lang, sdk_version, tier, lane, '', source, 0, 0, 0, 0, 0, []
FROM bench_series WHERE op = 'consume'`
	return []string{"DROP TABLE IF EXISTS bench_series", seriesTable, clients, members,
		gauged(inPartitions, gaugedLabels("topic", name, readers, "group", "''"), lagGauges),
		gauged("(SELECT *, 0 AS stuck FROM "+partitions+")\nWHERE p < partitions AND t % 4 = 1", gaugedLabels("topic", name, "concat(topic, '-audit')", "group", "''"), lagGauges),
		gauged(topics, gaugedLabels("topic", "''", readers, "group", "''"), "[('consumed_messages_per_second', 20, 60), ('drain_seconds', 0, 40), ('lag_median_messages', 0, 300)]"),
		gauged(topics, gaugedLabels("''", "''", readers, "group", "''"), "[('members', 3, 1), ('rebalancing_groups', 0, 0)]"),
		gauged(partitions+"\nWHERE p < partitions", gaugedLabels("topic", name, "''", "broker", "''"), "[('partition_messages_per_second', if(p = 3, 90, 20), 20)]"),
		gauged("(SELECT number AS t FROM numbers(4))", gaugedLabels("''", "''", "''", "broker", "''"),
			"[('active_controllers', 1, 0), ('brokers_alive', 4, 0), ('leaderless_partitions', 0, 0), ('nodes_alive', 5, 0), ('under_min_isr_partitions', 0, 0), ('under_replicated_partitions', 0, 2)]"),
		gauged(brokers, gaugedLabels("''", "''", "''", "broker", address),
			"arraySort(arrayConcat([('disk_used_ratio', 0.4 + 0.1 * b, 0.05)], if(system = 'kafka', [('leaders', 40, 3), ('partitions', 150, 0)], [('page_cache_lock_seconds', 0, 0.01), ('send_queue_wait_seconds', 0, 0.05)])))"),
		strings.Replace(gauged(brokers, gaugedLabels("''", "''", "''", "probe", address), "[('heartbeat_failures_in_a_row', 0, 0)]"), "0, 0, 0, 0, 0, [", "0, if(b = 3, 9000, 2500), 0, 0, 10, [", 1),
		gauged("(SELECT 0 AS t, number AS p FROM numbers(8))", gaugedLabels("'weir.telemetry'", "toString(p)", "'weir-aggregate'", "group", "''"), "[('lag_messages', 10, 50), ('lag_seconds', 0, 2)]"),
	}
}

// normal is an expression that gives value k of row h from a normal distribution: by Box and Muller, of the halves of a hash.
func normal(seed int) string {
	hash := fmt.Sprintf("intHash64(h + k * 7919 + %d)", seed)
	return fmt.Sprintf("sqrt(-2 * log((%[1]s %% 65536 + 1) / 65537)) * cos(2 * pi() * (bitShiftRight(%[1]s, 16) %% 65536) / 65536)", hash)
}

// bucketsAround is an expression that gives the buckets of so many values around a median: bucket i of telemetry.Histogram has values up to g^i.
func bucketsAround(count, median, spread string, seed int) string {
	return fmt.Sprintf("arrayMap(k -> toInt16(ceil((log(%[2]s) + %[3]s * %[4]s) / log(101 / 99))), range(if(%[2]s > 0, %[1]s, 0)))", count, median, spread, normal(seed))
}

// fleetRows makes the rows of panes from a time until another: as the stage clickhouse writes them, each a cell of one segment. Traffic goes
// up and down by the day, orders of one cluster surge in the last ten minutes, each 250th row of a client's series has errors, a member rebalances every 2,000 s, and some
// versions change at noon.
func fleetRows(from, to, end time.Time) string {
	histogram := func(name, unit string) (columns, values string) {
		columns = fmt.Sprintf("`%[1]s.i`, `%[1]s.c`, %[1]s_sum_%[2]s, %[1]s_max_%[2]s", name, unit)
		values = fmt.Sprintf("arrayCompact(sorted_%[1]s), arrayMap((begin, next) -> toUInt64(next - begin), starts_%[1]s, arraySlice(arrayPushBack(starts_%[1]s, length(in_%[1]s) + 1), 2)), toUInt64(arraySum(x -> pow(101 / 99, x - 0.5), in_%[1]s)), toUInt64(if(empty(in_%[1]s), 0, pow(101 / 99, arrayMax(in_%[1]s))))", name)
		return columns, values
	}
	var columns, values, found []string
	for _, h := range [][2]string{{"latency", "us"}, {"delay", "us"}, {"size", "bytes"}, {"heartbeat", "us"}} {
		c, v := histogram(h[0], h[1])
		columns, values = append(columns, c), append(values, v)
		found = append(found, fmt.Sprintf("arraySort(in_%[1]s) AS sorted_%[1]s, arrayFilter((at, x, before) -> x != before, arrayEnumerate(sorted_%[1]s), sorted_%[1]s, arraySlice(arrayPushFront(sorted_%[1]s, toInt16(-9999)), 1, length(sorted_%[1]s))) AS starts_%[1]s", h[0]))
	}
	return fmt.Sprintf(`INSERT INTO rollup_10s (ts, env, cluster, system, topic, partition, consumer_group, op, client, node, sdk_lang, sdk_version, tier, lane, tag, source,
	segment_block, segment_minute, reports, messages, bytes, errors, "error.class", "error.count", %[1]s, rebalances, dropped_reports, interval_ms, "gauge.name", "gauge.last", "gauge.max", "gauge.at")
SELECT at, env, cluster, system, topic, partition, consumer_group, op, client, node, sdk_lang, if(id %% 10 = 3 AND sdk_version != '' AND toHour(at) < 12, '1.3.0', sdk_version), tier, lane, tag, source,
	0, toStartOfMinute(at + 5), if(weight > 0, 10, 2), n, arraySum(x -> toUInt64(pow(101 / 99, x - 0.5)), in_size), failed,
	if(failed > 0, [class], []), if(failed > 0, [failed], []), %[2]s,
	op = 'group' AND client != '', op = 'send' AND turn %% 500 = 2, 10000, gauges.1, values, values, arrayMap(x -> toDateTime64(at, 3, 'UTC') + 7, gauges)
FROM (
	SELECT *, %[3]s, if(weight > 0 AND turn %% 250 = 0, toUInt64(1 + h %% 3), 0) AS failed, if(op = 'consume', 'handler', ['timeout', 'too_large', 'timeout'][1 + h %% 3]) AS class,
		arrayMap(g -> g.2 + if(g.3 >= 1, round(g.3 * wave), g.3 * wave), gauges) AS values
	FROM (
		SELECT *, %[4]s AS in_latency, %[5]s AS in_delay, %[6]s AS in_size, %[7]s AS in_heartbeat
		FROM (
			SELECT s.*, toDateTime(%[8]d + %[9]d * number, 'UTC') AS at, cityHash64(id, number, %[8]d) AS h,
				intDiv(toUnixTimestamp(at), %[9]d) + id AS turn, -- what is rare has its turn, so that none is without
				0.5 + 0.5 * sin(toUnixTimestamp(at) / 900 + id) AS wave,
				if(weight = 0, 0, toUInt64(ceil(weight * (0.7 + 0.3 * sin(toUnixTimestamp(at) / 13750)) * (0.5 + h %% 1000 / 1000) * if(cluster = 'orders-kafka' AND topic = 'orders' AND at >= toDateTime(%[10]d, 'UTC'), 5, 1) / 0.72))) AS n
			FROM numbers(%[11]d) AS panes CROSS JOIN bench_series AS s
			WHERE op != 'group' OR client = '' OR turn %% 200 = 1 -- members say something where they rebalance
		)
	)
)
SETTINGS max_threads = 2, max_insert_threads = 1, max_block_size = 32768, min_insert_block_size_rows = 2000000, min_insert_block_size_bytes = 0`,
		strings.Join(columns, ", "), strings.Join(values, ", "), strings.Join(found, ", "),
		bucketsAround("n", "base_latency", "0.5", 1), bucketsAround("n", "base_delay", "0.6", 2), bucketsAround("n", "base_size", "0.2", 3), bucketsAround("beats", "if(beats > 0, base_latency, 0)", "0.15", 4),
		from.Unix(), fleetPane, end.Add(-10*time.Minute).Unix(), int(to.Sub(from).Seconds())/fleetPane)
}
