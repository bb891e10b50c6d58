package main

import "fmt"

// storyAlerts is how many lives of alerts a week has, of three transitions each but those that fire still.
const storyAlerts = 3000

// ledger is what segments held: of the newest day what its rows say, of those before the same.
func (w *storeWriter) ledger() []string {
	const columns = "INSERT INTO ledger (source, segment_block, segment_minute, reports, refused, bytes, first_offset, end_offset, closed, version, inserted_at)\n"
	const offset = "toInt64(toUnixTimestamp(segment_minute)) * 1000"
	out := []string{columns + fmt.Sprintf(`SELECT source, segment_block, segment_minute, sum(rollup_10s.reports) AS held, if(cityHash64(source, segment_minute) %% 97 = 0, 3, 0) AS refused, held * 180, %[1]s,
	%[1]s + 60000, segment_minute < toDateTime(%[2]d, 'UTC'), held + refused, segment_minute + 75 + cityHash64(source, segment_minute) %% 9
FROM rollup_10s FINAL WHERE segment_minute >= toDateTime(%[3]d, 'UTC') GROUP BY source, segment_block, segment_minute`, offset, w.end.Unix()-60, w.begin.Unix())}
	for day := 1; day <= storeDays; day++ {
		out = append(out, columns+fmt.Sprintf(`SELECT source, segment_block, segment_minute - INTERVAL %[1]d DAY AS minute, reports, refused, bytes, first_offset - %[1]d * 86400000, end_offset - %[1]d * 86400000, true, version, inserted_at - INTERVAL %[1]d DAY
FROM ledger FINAL WHERE segment_minute >= toDateTime(%[2]d, 'UTC')`, day, w.begin.Unix()))
	}
	return out
}

// inventory is what the fleet has had for a month, and a topic that nobody has used for ten days; and whose it is.
func (w *storeWriter) inventory() []string {
	at := fmt.Sprintf("toStartOfHour(toDateTime(%d, 'UTC'))", w.end.Unix())
	resource := func(kind, name, where, more string) string {
		return fmt.Sprintf(`INSERT INTO inventory (env, cluster, system, kind, name, first_seen, last_seen, last_used, tier, lane, sdk_lang, sdk_version, node, consumer_group)
SELECT env, cluster, any(system), '%[1]s', %[2]s AS named, %[3]s - INTERVAL 30 DAY, %[3]s, %[3]s, (%[3]s, max(tier)), (%[3]s, max(lane)), %[4]s FROM bench_series WHERE %[5]s GROUP BY env, cluster, named`, kind, name, at, more, where)
	}
	nothing := fmt.Sprintf("(%[1]s, ''), (%[1]s, ''), (%[1]s, ''), (%[1]s, '')", at)
	client := fmt.Sprintf("(%[1]s, max(bench_series.sdk_lang)), (%[1]s, max(bench_series.sdk_version)), (%[1]s, max(bench_series.node)), (%[1]s, max(bench_series.consumer_group))", at)
	return []string{
		resource("topic", "topic", "topic != ''", nothing), resource("group", "consumer_group", "consumer_group != ''", nothing),
		resource("broker", "bench_series.node", "op IN ('broker', 'probe') AND bench_series.node != ''", nothing),
		resource("client", "client", "client != ''", client), resource("node", "bench_series.node", "client != ''", nothing),
		fmt.Sprintf(`INSERT INTO inventory (env, cluster, system, kind, name, first_seen, last_seen, last_used) VALUES ('prod', 'orders-kafka', 'kafka', 'topic', 'archive', %[1]s - INTERVAL 30 DAY, %[1]s, %[1]s - INTERVAL 10 DAY)`, at),
		fmt.Sprintf(`INSERT INTO inventory_hours (day, env, cluster, system, kind, name, hours) SELECT toDate(%s) - back, env, cluster, system, kind, name, 16777215
FROM inventory FINAL CROSS JOIN (SELECT number AS back FROM numbers(%d)) AS days WHERE kind IN ('topic', 'group') AND name != 'archive'`, at, storeDays+1),
		`INSERT INTO owners (written_at, position, owner, contact, tier, clusters, topics, groups) VALUES (now64(6), 0, '', '', '', [], [], []), (now64(6), 1, 'checkout', '#checkout', 'S1', [], ['orders%', 'payments%', 'archive'], ['orders%']),
	(now64(6), 2, 'web', '#web', '', ['shop-kafka'], ['clicks%', 'media%'], []), (now64(6), 3, 'platform', '#platform', '', ['trade-rocketmq'], [], [])`,
	}
}

// alerts are lives of alerts, spread over the week, the last of which fire; and what inspections found each day.
func (w *storeWriter) alerts() []string {
	lives := storyAlerts
	if w.size.series == smallSeries {
		lives = storyAlerts / 10
	}
	return []string{fmt.Sprintf(`INSERT INTO alerts (rule, fingerprint, starts_at, seq, state, at, fired_at, resolved_at, labels, annotations, values, window_start, window_end, completeness, late_reports, reason, revision)
WITH intDiv(number, 3) AS life, number %% 3 AS step, life %% 12 AS kind, cityHash64(life) AS h,
	['TrafficSurge', 'BacklogHigh', 'SendSlow', 'HeartbeatSlow', 'ConsumeSlow', 'SendErrors', 'ClientOutdated', 'LargeMessage', 'RebalanceStorm', 'DiskWatermark', 'SlowBroker', 'RetentionRisk'][1 + kind] AS name,
	['critical', 'warning', 'warning', 'critical', 'warning', 'info'][1 + kind %% 6] AS severity, if(h %% 3 = 0, 'orders-kafka', ['shop-kafka', 'trade-rocketmq', 'stage-rocketmq'][1 + h %% 3]) AS of_cluster,
	toDateTime64(%[1]d, 3, 'UTC') - toIntervalMillisecond((%[2]d - life) * 604800000 / %[2]d) AS began, 30 + h %% 1200 AS lasted, began + 30 * step + if(step = 2, lasted, 0) AS changed
SELECT name, lower(hex(sipHash64(kind, life %% 240))), began, step + 1, ['pending', 'firing', 'resolved'][1 + step], changed, if(step > 0, began + 30, NULL), if(step = 2, changed, NULL),
	map('alertname', name, 'severity', severity, 'env', if(of_cluster = 'stage-rocketmq', 'staging', 'prod'), 'cluster', of_cluster, 'topic', if(kind IN (3, 9, 10), '', 'orders'), 'group', if(kind IN (1, 4, 11), 'orders-readers', ''),
		'node', if(kind IN (3, 9, 10), '10.0.0.4:9092', ''), 'client', if(kind = 6, concat('orders-service-', toString(h %% 12)), ''), 'sdk_lang', if(kind = 6, 'go', '')),
	map('summary', concat(name, ' of ', of_cluster)), map('tps', 100 + h %% 900, 'p99', h %% 4000 / 1000), changed - 60, changed, if(h %% 40 = 0, 0.9, 1), 0, '', 'r1'
FROM numbers(3 * %[2]d) WHERE changed < toDateTime64(%[1]d, 3, 'UTC') AND NOT (step = 2 AND life + 24 > %[2]d)`, w.end.Unix(), lives),
		fmt.Sprintf(`INSERT INTO inspection_findings (day, asked_at, rule, fingerprint, severity, labels, values, summary, annotations, window_start, window_end, completeness, revision)
WITH toDate(toDateTime(%[1]d, 'UTC')) - 1 - intDiv(number, 21) AS on_day, number %% 21 AS place
SELECT on_day, toDateTime64(on_day, 6, 'UTC') + 90000, if(place = 0, '', 'UnownedTopic'), if(place = 0, '', toString(place)), if(place = 0, '', 'info'), map('topic', toString(place)), map(), 'nobody owns it', map(), toDateTime(on_day), toDateTime(on_day) + 86400, 1, 'r1'
FROM numbers(21 * %[2]d)`, w.end.Unix(), storeDays)}
}

// details are steps of messages, as many as there are rows: of each message a sender and two receipts; and events of clients.
func (w *storeWriter) details() []string {
	var out []string
	const each = 1_000_000 // a statement's
	for from := 0; from < w.rows; from += each {
		out = append(out, fmt.Sprintf(`INSERT INTO trace_hops (ts, env, cluster, system, topic, consumer_group, op, client, node, trace_id, message_id, step, kept, latency_us, delay_us, size_bytes, sampled_of, source, source_offset, position)
WITH intDiv(number, 3) AS message, intHash64(message) AS h, h %% %[5]d AS t
SELECT toDateTime64(%[1]d, 3, 'UTC') + toIntervalMillisecond(intDiv(message * 3 * %[2]d000, %[3]d)), env, cluster, system, topic, ['', concat(topic, '-readers'), concat(topic, '-audit')][1 + number %% 3],
	['send', 'consume', 'consume'][1 + number %% 3], concat(topic, ['-service-', '-worker-', '-worker-'][1 + number %% 3], toString(intHash64(number) %% 12)), concat('10.', toString(t %% 4), '.1.', toString(intHash64(number) %% 24)),
	lower(hex(MD5(toString(message)))), concat(topic, '/', toString(message %% 4), '/', toString(7000000 + message)), ['sent', 'received', 'received'][1 + number %% 3], if(h %% 50 = 0, 'slow', 'sampled'),
	intHash64(number) %% 20000, if(number %% 3 = 0, 0, intHash64(number + 1) %% 90000), 100 + number %% 900, 1000, concat(log, toString(number %% 8)), intDiv(number, 8), number %% 2
FROM (%[6]s SELECT number, env, cluster, system, topic, log FROM (SELECT number, intHash64(intDiv(number, 3)) %% %[5]d AS t FROM numbers(%[4]d, least(%[7]d, %[3]d - %[4]d))))
SETTINGS min_insert_block_size_rows = %[7]d, min_insert_block_size_bytes = 0`,
			w.begin.Unix(), int(w.end.Sub(w.begin).Seconds()), w.rows, from, w.size.topics, labelsOfTopic, each))
	}
	return append(out, fmt.Sprintf(`INSERT INTO client_event_log (ts, env, cluster, system, topic, consumer_group, op, client, node, kind, detail, source, source_offset, position)
SELECT toDateTime64(%[1]d, 3, 'UTC') - toIntervalSecond(number * 604800 / %[2]d), env, cluster, system, topic, consumer_group, op, client, node, ['started', 'rebalanced', 'stopped', 'paused', 'resumed'][1 + number %% 5], '', source, number, 0
FROM (SELECT number FROM numbers(%[2]d)) AS events INNER JOIN bench_series AS s ON s.id = number %% %[3]d`, w.end.Unix(), max(w.rows/25, 100), w.size.series))
}
