package grafana

// group is one consumer group, or some.
func group() *Dashboard {
	d := newDashboard("group", "Consumer group", "How far groups are behind, which partition holds them up, and who reads it.", environments(), clusters(), named("group", "Group", "group"))
	scope := where("env", "cluster", "group")
	read := "op = 'consume' AND $__timeFilter(ts) AND " + scope
	last := func(how, column string) string {
		return "SELECT " + how + "(value) AS value FROM (SELECT argMax(" + column + ", ts) AS value FROM group_lag_10s WHERE " + newest + " AND " + scope + " GROUP BY env, cluster, consumer_group, topic)"
	}
	d.number(spec{title: "Unread", help: "Messages that are not committed, of all topics.", unit: "short", base: blue, sql: last("sum", "lag_messages")})
	d.number(spec{title: "Oldest unread", help: "Age of the oldest message that is not committed. BacklogHigh fires above 60 s for S1, 5 min for S2 and 30 min for S3 and S4.", unit: "s", limits: lagLimits, sql: last("max", "lag_seconds")})
	d.number(spec{title: "Drained in", help: "Until nothing is unread, if the groups go on as they do, of the slowest. Unknown where one does not catch up.", unit: "s", base: blue, sql: last("max", "drain_seconds")})
	d.number(spec{title: "Consumed", help: "Messages per second, by the commits.", unit: "cps", base: blue, sql: last("sum", "consumed_messages_per_second")})
	d.number(spec{title: "Members", help: "Members of the groups, as the brokers say. GroupOffline fires where there are none and something is unread.", unit: "none", base: blue,
		sql: "SELECT sum(value) AS members FROM (SELECT argMax(last, ts) AS value FROM gauge_values WHERE name = 'members' AND " + newest + " AND " + scope + " GROUP BY env, cluster, consumer_group)"})
	d.number(spec{title: "Not well", help: "Partitions that are stopped, stalled, rewound or growing, by Burrow's rules.", unit: "none", limits: noticeLimits,
		sql: "SELECT countIf(state IN ('stop', 'stall', 'rewind', 'warn')) AS partitions FROM (SELECT argMax(state, ts) AS state FROM lag_10s WHERE " + newest + " AND " + scope + " GROUP BY env, cluster, consumer_group, topic, partition)"})

	d.row("Lag")
	furthest := "\n  AND " + top(10, "consumer_group, topic", "group_lag", "max(lag_messages)", "$__timeFilter(ts) AND "+scope)
	lag := func(title, help, unit, column string, l limits) {
		d.chart(spec{title: title, help: help, step: minute, unit: unit, limits: l, name: "${__field.labels.consumer_group} ${__field.labels.topic}",
			sql: "SELECT $__timeInterval(ts) AS time, consumer_group, topic, max(" + column + ") AS value FROM group_lag\nWHERE " + column + " IS NOT NULL AND $__timeFilter(ts) AND " + scope + furthest + "\nGROUP BY time, consumer_group, topic ORDER BY time, consumer_group, topic"})
	}
	lag("Unread messages", "Messages that are not committed, of the ten groups and topics with most.", "short", "lag_messages", nil)
	lag("Oldest unread message", "Its age. The lines are the limits of the tiers.", "s", "lag_seconds", lagLimits)
	d.chart(spec{title: "Sent against consumed", help: "Messages per second sent to the topics of the groups, and those that the groups consumed by their commits. While consumed is below sent, lag grows. Of several groups that read the same topic choose one.", step: minute, unit: "cps",
		sql: `SELECT time, maxIf(per_second, kind = 'sent') AS sent_per_second, maxIf(per_second, kind = 'consumed') AS consumed_per_second
FROM (
    SELECT $__timeInterval(ts) AS time, 'sent' AS kind, sum(messages) / $__interval_s AS per_second FROM traffic
    WHERE op = 'send' AND ` + wholeSteps + " AND " + where("env", "cluster") + ` AND topic IN (SELECT topic FROM group_lag WHERE $__timeFilter(ts) AND ` + scope + `)
    GROUP BY time
    UNION ALL
    SELECT time, 'consumed' AS kind, sum(rate) AS per_second FROM (
        SELECT $__timeInterval(ts) AS time, avg(consumed_messages_per_second) AS rate FROM group_lag
        WHERE consumed_messages_per_second IS NOT NULL AND ` + wholeSteps + " AND " + scope + ` GROUP BY time, env, cluster, consumer_group, topic)
    GROUP BY time
)
GROUP BY time
ORDER BY time`})
	d.chart(spec{title: "Members over time", help: "Members of each group. A step down without a deployment is what ConsumerNodeOffline and GroupOffline look for.", step: minute, unit: "none", name: "${__field.labels.consumer_group}",
		sql: "SELECT $__timeInterval(ts) AS time, consumer_group, max(last) AS members FROM gauge_values_1m\nWHERE name = 'members' AND $__timeFilter(ts) AND " + scope + "\nGROUP BY time, consumer_group ORDER BY time, consumer_group\nLIMIT 20000"})
	d.states(spec{title: "State of partitions", unit: "none", help: "Burrow's states over time, of the thirty partitions that were worst: a group takes that of its worst.", step: minute, name: "${__field.labels.series}", limits: limits{{1, blue}, {2, yellow}, {3, orange}, {4, red}}, mappings: lagWords,
		sql: "SELECT $__timeInterval(ts) AS time, concat(consumer_group, ' ', topic, '/', partition) AS series, max(" + lagState + ") AS state_number FROM lag\nWHERE state != 'unknown' AND $__timeFilter(ts) AND " + scope +
			"\n  AND " + top(30, "consumer_group, topic, partition", "lag", "(max("+lagState+"), max(lag_messages))", "$__timeFilter(ts) AND "+scope) + "\nGROUP BY time, series ORDER BY time, series"})
	d.table(spec{title: "Partitions now", help: "Each partition at the end of the range, the worst first. RetentionRisk fires where less than an hour is left until unread messages expire.",
		sql: "SELECT cluster, consumer_group, topic, partition, argMax(state, ts) AS state, argMax(lag_messages, ts) AS lag_messages, argMax(lag_seconds, ts) AS lag_seconds, argMax(commit_age_seconds, ts) AS commit_age_seconds, argMax(retention_left_seconds, ts) AS retention_left_seconds\n" +
			"FROM lag_10s\nWHERE " + newest + " AND " + scope + "\nGROUP BY env, cluster, consumer_group, topic, partition\nORDER BY lag_seconds DESC NULLS LAST, lag_messages DESC NULLS LAST\nLIMIT 500",
		columns: []column{{name: "topic", link: to("topic", "cluster", "topic"), title: "Open this topic"}, {name: "state", width: 100, mappings: words(word{"ok", "ok", green}, word{"warn", "warn", yellow}, word{"paused", "paused", blue}, word{"rewind", "rewind", orange}, word{"stall", "stall", red}, word{"stop", "stop", red}, word{"unknown", "unknown", "text"})},
			{name: "lag_messages", unit: "short"}, {name: "lag_seconds", unit: "s", limits: lagLimits}, {name: "commit_age_seconds", unit: "s"}, {name: "retention_left_seconds", unit: "s", limits: below(retentionSeconds), base: red}}})

	readers(d, scope, read)
	return d
}

// readers is the part about the clients of groups.
func readers(d *Dashboard, scope, read string) {
	d.row("Consumers")
	consumers := func(title, help, unit, view, column string, l limits) {
		d.chart(spec{title: title, help: help, step: minute, unit: unit, limits: l, links: toTraces("group", "topic"), name: "${__field.labels.consumer_group} ${__field.labels.topic}",
			sql: "SELECT ts AS time, consumer_group, topic, max(" + column + ") AS value\nFROM " + over(view, coarse) + "\nWHERE op = 'consume' AND " + scope +
				"\n  AND " + top(10, "consumer_group, topic", "traffic", "sum(messages)", read) + "\nGROUP BY time, consumer_group, topic ORDER BY time, consumer_group, topic"})
	}
	consumers("Handler, p99", "Time in the consumer's handler for each message. ConsumeSlow fires above 800 ms.", "ms", "latency_over", "p99_ms", latencyLimits)
	consumers("Delay, p99", "From the message's timestamp until the consumer was given it.", "ms", "delay_over", "p99_ms", nil)
	d.chart(spec{title: "Rebalances", high: tableHigh, help: "Rebalances that clients saw in each step. RebalanceStorm fires at eight in ten minutes.", step: minute, unit: "none", limits: rebalanceLimits, name: "${__field.labels.consumer_group}",
		sql: "SELECT toStartOfInterval(ts, toIntervalSecond(" + coarseByClient + ")) AS time, consumer_group, sum(rebalances) AS rebalances FROM " + wholeOver("rollup_over", coarseByClient) + "\nWHERE consumer_group != '' AND client != '' AND op != 'probe' AND " + scope + "\nGROUP BY time, consumer_group ORDER BY time, consumer_group\nLIMIT 20000"})
	d.table(spec{title: "Who reads", help: "Clients that were given messages in the range.", width: 12,
		sql: "SELECT client, consumer_group, topic, node, concat(sdk_lang, ' ', sdk_version) AS sdk, sum(messages) AS messages, sum(errors) AS errors, max(latency_p99_ms) AS worst_p99_ms\nFROM " + over("clients_over", "0") + "\nWHERE op = 'consume' AND " + scope +
			"\nGROUP BY client, consumer_group, topic, node, sdk\nORDER BY messages DESC\nLIMIT 100",
		columns: []column{{name: "client", link: to("client", "client"), title: "Open this client"}, {name: "messages", unit: "short", bar: true}, {name: "errors", unit: "short", limits: noticeLimits}, {name: "worst_p99_ms", unit: "ms", limits: latencyLimits}}})
}

// lagState orders Burrow's states, so that the greatest is the worst.
const lagState = "multiIf(state = 'ok', 0, state = 'paused', 1, state = 'warn', 2, state = 'rewind', 3, state IN ('stall', 'stop'), 4, NULL)"

var lagWords = words(word{"0", "ok", green}, word{"1", "paused", blue}, word{"2", "growing", yellow}, word{"3", "rewound", orange}, word{"4", "stalled or stopped", red})
