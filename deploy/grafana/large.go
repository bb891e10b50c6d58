package grafana

// large is where large messages come from.
func large() *Dashboard {
	d := newDashboard("large", "Large messages", "Which topics carry large messages, and which clients send them.", environments(), clusters(), named("topic", "Topic", "topic"))
	scope := where("env", "cluster", "topic")
	sent := "op = 'send' AND $__timeFilter(ts) AND " + scope
	d.number(spec{title: "Largest message", help: "The largest that was sent in the range, uncompressed.", unit: "bytes", limits: sizeLimits, sql: "SELECT max(size_max_bytes) AS bytes FROM traffic WHERE " + sent})
	d.number(spec{title: "Topics above 10 KiB", help: "Topics with at least one message above 10 KiB: what LargeMessage lists.", unit: "none", limits: noticeLimits,
		sql: "SELECT countIf(largest > 10240) AS topics FROM (SELECT max(size_max_bytes) AS largest FROM traffic WHERE " + sent + " GROUP BY env, cluster, topic)"})
	d.number(spec{title: "Topics above 1 MiB", help: "Topics whose 99th percentile was above 1 MiB in some minute: LargeMessageP99.", unit: "none", limits: noticeLimits,
		sql: "SELECT uniqExactIf((env, cluster, topic), p99_bytes > 1048576) AS topics FROM size WHERE max_bytes > 1048576 AND " + sent})
	d.number(spec{title: "Senders", help: "Clients that sent a message above 10 KiB in the range.", unit: "none", base: blue, sql: "SELECT uniqExactIf(client, size_max_bytes > 10240) AS clients FROM " + over("rollup_over", "0") + " WHERE op = 'send' AND client != '' AND " + scope})
	d.number(spec{title: "Mean size", help: "Of all messages that were sent in the range.", unit: "bytes", base: blue, sql: "SELECT sum(bytes) / nullIf(sum(messages), 0) AS bytes FROM traffic WHERE " + sent})
	d.number(spec{title: "Bytes", help: "Sent in the range, uncompressed.", unit: "bytes", base: blue, sql: "SELECT sum(bytes) AS bytes FROM traffic WHERE " + sent})

	biggest := "\n  AND " + top(10, "topic", "traffic", "max(size_max_bytes)", sent)
	d.chart(spec{title: "Largest message by topic", links: toTraces("topic"), help: "Of each step, of the ten topics with the largest. The lines are 10 KiB and 1 MiB.", step: minute, unit: "bytes", limits: sizeLimits, name: "${__field.labels.topic}",
		sql: "SELECT $__timeInterval(ts) AS time, topic, max(size_max_bytes) AS bytes FROM traffic\nWHERE op = 'send' AND " + wholeMinutes + " AND " + scope + biggest + "\nGROUP BY time, topic ORDER BY time, topic"})
	d.chart(spec{title: "Size by topic, p99", help: "99th percentile of each step, exactly merged. A topic that is high here is large always, not now and then.", step: minute, unit: "bytes", limits: sizeLimits, name: "${__field.labels.topic}",
		sql: "SELECT ts AS time, topic, max(p99_bytes) AS p99_bytes\nFROM " + over("size_over", coarse) + "\nWHERE op = 'send' AND " + scope + biggest + "\nGROUP BY time, topic ORDER BY time, topic"})
	d.bars(spec{title: "Messages by class of size", help: "How many messages of the range were so large. A kB is 1,000 bytes here.", unit: "short", base: blue, sql: classes("size", "1000", "kB", "op = 'send' AND "+scope)})
	d.chart(spec{title: "Bytes by topic", help: "Bytes per second of the ten topics with most: large messages cost here.", step: minute, unit: "binBps", stack: true, name: "${__field.labels.topic}",
		sql: "SELECT $__timeInterval(ts) AS time, topic, sum(bytes) / $__interval_s AS bytes_per_second FROM traffic\nWHERE op = 'send' AND " + wholeSteps + " AND " + scope + "\n  AND " +
			top(10, "topic", "traffic", "sum(bytes)", sent) + "\nGROUP BY time, topic ORDER BY time, topic"})
	d.table(spec{title: "Topics", help: "By their largest message. Click one for its dashboard.", width: 12,
		sql: "SELECT cluster, topic, max(size_max_bytes) AS largest_bytes, sum(bytes) / nullIf(sum(messages), 0) AS mean_bytes, sum(messages) / greatest(dateDiff('second', $__fromTime, $__toTime), 1) AS sent_per_second\nFROM traffic\nWHERE " + sent +
			"\nGROUP BY env, cluster, topic\nORDER BY largest_bytes DESC\nLIMIT 100",
		columns: []column{{name: "topic", link: to("topic", "cluster", "topic"), title: "Open this topic"}, {name: "largest_bytes", unit: "bytes", limits: sizeLimits}, {name: "mean_bytes", unit: "bytes"}, {name: "sent_per_second", unit: "cps"}}})
	d.table(spec{title: "Who sends them", help: "Clients by their largest message. Click one for its dashboard.", width: 12,
		sql: "SELECT client, topic, node, max(size_max_bytes) AS largest_bytes, sum(bytes) AS bytes, sum(messages) AS messages\nFROM " + over("rollup_over", "0") + "\nWHERE op = 'send' AND client != '' AND " + scope +
			"\nGROUP BY client, topic, node\nORDER BY largest_bytes DESC\nLIMIT 100",
		columns: []column{{name: "client", link: to("client", "client"), title: "Open this client"}, {name: "largest_bytes", unit: "bytes", limits: sizeLimits}, {name: "bytes", unit: "bytes"}, {name: "messages", unit: "short"}}})
	return d
}
