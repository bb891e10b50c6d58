package grafana

// topic is one topic, or some: who writes, who reads, how fast and how large.
func topic() *Dashboard {
	d := newDashboard("topic", "Topic", "Rates, latency, size and errors of topics, who writes them and who reads them.", environments(), clusters(), named("topic", "Topic", "topic"))
	scope := where("env", "cluster", "topic")
	sent := "op = 'send' AND $__timeFilter(ts) AND " + scope
	d.number(spec{title: "Sent", help: "Messages per second over the range.", unit: "cps", base: blue,
		sql: "SELECT sum(messages) / greatest(dateDiff('second', $__fromTime, $__toTime), 1) AS per_second FROM traffic WHERE " + sent})
	d.number(spec{title: "Bytes", help: "Uncompressed bytes per second that were sent over the range.", unit: "binBps", base: blue,
		sql: "SELECT sum(bytes) / greatest(dateDiff('second', $__fromTime, $__toTime), 1) AS per_second FROM traffic WHERE " + sent})
	d.number(spec{title: "Errors", help: "Share of messages that could not be sent. SendErrors fires above 1%.", unit: "percentunit", limits: errorLimits,
		sql: "SELECT sum(errors) / nullIf(sum(messages) + sum(errors), 0) AS ratio FROM traffic WHERE " + sent})
	d.number(spec{title: "Send latency, p99", help: "99th percentile over the whole range, of the slowest of the topics. SendSlow fires above 800 ms.", unit: "ms", limits: latencyLimits,
		sql: "SELECT max(p99_ms) AS p99_ms FROM " + over("latency_over", "0") + " WHERE op = 'send' AND " + scope})
	d.number(spec{title: "Largest message", help: "Of the range. LargeMessage lists topics with messages above 10 KiB.", unit: "bytes", limits: sizeLimits,
		sql: "SELECT max(size_max_bytes) AS bytes FROM traffic WHERE " + sent})
	d.number(spec{title: "Producers", help: "Clients that sent in the range.", unit: "none", base: blue,
		sql: "SELECT uniqExactIf(client, messages > 0) AS producers FROM " + over("rollup_over", "0") + " WHERE op = 'send' AND client != '' AND " + scope})

	d.row("Traffic")
	d.chart(spec{title: "Messages", help: "Messages per second of the ten busiest of the topics: sent, and given to consumers of all groups together. Consumed above sent means several groups.", step: minute, unit: "cps", name: "${__field.labels.topic} ${__field.labels.op}",
		sql: "SELECT $__timeInterval(ts) AS time, topic, op, sum(messages) / $__interval_s AS messages_per_second FROM traffic\nWHERE op IN ('send', 'consume') AND " + wholeSteps + " AND " + scope + "\n  AND " +
			top(10, "topic", "traffic", "sum(messages)", sent) + "\nGROUP BY time, topic, op ORDER BY time, topic, op"})
	d.chart(spec{title: "Bytes by topic", help: "Uncompressed bytes per second sent to the ten topics with most.", step: minute, unit: "binBps", name: "${__field.labels.topic}", stack: true,
		sql: "SELECT $__timeInterval(ts) AS time, topic, sum(bytes) / $__interval_s AS bytes_per_second FROM traffic\nWHERE op = 'send' AND " + wholeSteps + " AND " + scope + "\n  AND " +
			top(10, "topic", "traffic", "sum(bytes)", sent) + "\nGROUP BY time, topic ORDER BY time, topic"})
	d.chart(spec{title: "Against yesterday", high: tableHigh, help: "Messages per second sent to all of the topics, now and at the same time a day before. A day that is not in the store has no line.", step: minute, unit: "cps", name: "${__field.labels.day}",
		sql: "SELECT $__timeInterval(moment) AS time, day, sum(messages) / $__interval_s AS messages_per_second\nFROM (" +
			"\n    SELECT ts AS moment, 'this day' AS day, messages FROM traffic WHERE op = 'send' AND " + wholeSteps + " AND " + scope +
			"\n    UNION ALL\n    SELECT ts + INTERVAL 1 DAY AS moment, 'the day before' AS day, messages FROM traffic WHERE op = 'send' AND " + aDayBefore + " AND " + scope +
			"\n)\nGROUP BY time, day ORDER BY time, day"})
	againstYesterday(d, scope)
	d.chart(spec{title: "Change of the rate", help: "Greatest less smallest rate, by the median, over five minutes of each topic. TopicRateVolatile fires above 1 where the median is 50/s or more; yellow and red are those of a cluster.", step: minute, unit: "percentunit", limits: volatilityLimits, name: "${__field.labels.topic}",
		sql: `SELECT ts AS time, topic, (highest - lowest) / nullIf(middle, 0) AS volatility
FROM (
    SELECT ts, topic, max(rate) OVER w AS highest, min(rate) OVER w AS lowest, quantileExact(0.5)(rate) OVER w AS middle
    FROM (SELECT ts, topic, sum(messages_per_second) AS rate FROM traffic WHERE op = 'send' AND ` + wholeMinutes + " AND " + scope + "\n          AND " + top(10, "topic", "traffic", "sum(messages)", sent) + ` GROUP BY ts, topic)
    WINDOW w AS (PARTITION BY topic ORDER BY ts ROWS BETWEEN 4 PRECEDING AND CURRENT ROW)
)
WHERE volatility IS NOT NULL
ORDER BY time, topic`})
	d.chart(spec{title: "Errors by class", help: "Failed messages per second by class.", step: minute, unit: "cps", name: "${__field.labels.class}",
		sql: "SELECT $__timeInterval(ts) AS time, class, sum(errors) / $__interval_s AS errors_per_second FROM errors\nWHERE " + wholeSteps + " AND " + scope + "\nGROUP BY time, class ORDER BY time, class"})

	d.row("Latency and size")
	steps := func(view, columns, op, label string) string {
		return "SELECT ts AS time, " + label + ", " + columns + "\nFROM " + over(view, coarse) + "\nWHERE op = '" + op + "' AND " + scope + "\n  AND " +
			top(10, label, "traffic", "sum(messages)", "op = '"+op+"' AND $__timeFilter(ts) AND "+scope) + "\nGROUP BY time, " + label + " ORDER BY time, " + label
	}
	d.chart(spec{title: "Send latency by topic, p99", links: toTraces("topic"), help: "From the send to the broker's acknowledgement: 99th percentile of each step, exactly merged over all clients.", step: minute, unit: "ms", limits: latencyLimits, name: "${__field.labels.topic}", sql: steps("latency_over", "max(p99_ms) AS p99_ms", "send", "topic")})
	d.chart(spec{title: "Send latency, percentiles", help: "The same, of the slowest of the ten busiest topics: choose one to see its own.", step: minute, unit: "ms", limits: latencyLimits,
		sql: "SELECT ts AS time, max(p50_ms) AS p50, max(p90_ms) AS p90, max(p99_ms) AS p99, max(p999_ms) AS p999\nFROM " + over("latency_over", coarse) + "\nWHERE op = 'send' AND " + scope + "\n  AND " +
			top(10, "topic", "traffic", "sum(messages)", sent) + "\nGROUP BY time ORDER BY time"})
	d.chart(spec{title: "Delay, p99", help: "From the message's timestamp until a consumer was given it, by group.", step: minute, unit: "ms", name: "${__field.labels.consumer_group}", sql: steps("delay_over", "max(p99_ms) AS p99_ms", "consume", "consumer_group")})
	d.chart(spec{title: "Message size, p99", help: "Uncompressed size of messages, 99th percentile. LargeMessageP99 fires above 1 MiB.", step: minute, unit: "bytes", limits: sizeLimits, name: "${__field.labels.topic}", sql: steps("size_over", "max(p99_bytes) AS p99_bytes", "send", "topic")})
	d.bars(spec{title: "Sends by class of latency", help: "How many messages of the range took so long. S1 topics should have few above 500 ms.", unit: "short", base: blue, sql: classes("latency", "1000", "ms", "op = 'send' AND "+scope)})
	d.chart(spec{title: "Partitions", help: "Messages per second written to each partition, as the broker has it, of the twenty busiest. SendSkew fires where one has more than three times the mean.", step: minute, unit: "cps", name: "${__field.labels.topic}/${__field.labels.partition}",
		sql: "SELECT $__timeInterval(ts) AS time, topic, partition, avg(last) AS messages_per_second FROM gauge_values_1m\nWHERE name = 'partition_messages_per_second' AND $__timeFilter(ts) AND " + scope + "\n  AND " +
			top(20, "topic, partition", "gauge_values_1m", "sum(last)", "name = 'partition_messages_per_second' AND $__timeFilter(ts) AND "+scope) + "\nGROUP BY time, topic, partition ORDER BY time, topic, partition"})

	d.row("Who")
	d.table(spec{title: "Who writes", help: "Clients that sent in the range, the busiest first. Click one for its dashboard.", width: 12,
		sql: "SELECT client, topic, node, concat(sdk_lang, ' ', sdk_version) AS sdk, sum(messages) AS messages, sum(errors) AS errors, max(latency_p99_ms) AS worst_p99_ms, max(size_max_bytes) AS largest_bytes\nFROM " + over("clients_over", "0") + "\nWHERE op = 'send' AND " + scope +
			"\nGROUP BY client, topic, node, sdk\nORDER BY messages DESC\nLIMIT 100",
		columns: []column{{name: "client", link: to("client", "client"), title: "Open this client"}, {name: "messages", unit: "short", bar: true}, {name: "errors", unit: "short", limits: noticeLimits}, {name: "worst_p99_ms", unit: "ms", limits: latencyLimits}, {name: "largest_bytes", unit: "bytes", limits: sizeLimits}}})
	d.table(spec{title: "Groups that read it", help: "At the end of the range, the furthest behind first. Click one for its dashboard.", width: 12, sql: groupTable(scope), columns: groupColumns})
	return d
}

// classes counts values of a histogram by the classes of message governance: up to 1, 5, 10, 50, 100, 500 and 1000 of a unit, and more. A bucket counts
// where its middle is.
func classes(histogram, unit, name, conditions string) string {
	return `SELECT concat(if(bound = 0, 'more than 1000', concat('up to ', toString(bound))), ' ` + name + `') AS class, sum(c) AS messages
FROM (
    SELECT if(i < 0, 0, 2 * pow(101 / 99, i) / (101 / 99 + 1)) / ` + unit + ` AS value, arrayFirst(x -> value <= x, [1, 5, 10, 50, 100, 500, 1000]) AS bound, c
    FROM ` + over("topic_over", "0") + `
    ARRAY JOIN ` + "`" + histogram + ".i` AS i, `" + histogram + ".c` AS c" + `
    WHERE ` + conditions + `
)
GROUP BY bound
ORDER BY bound = 0, bound`
}
