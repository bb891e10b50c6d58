package grafana

// cluster is one cluster, or some: brokers, replicas, and what uses them.
func cluster() *Dashboard {
	d := newDashboard("cluster", "Cluster", "Brokers of a cluster, the state of its replicas, and what uses it.", environments(), clusters())
	scope := where("env", "cluster")
	state := func(column, how string) string {
		return "SELECT " + how + "(value) AS partitions FROM (SELECT argMax(" + column + ", ts) AS value FROM cluster_states_10s WHERE " + newest + " AND " + scope + " GROUP BY env, cluster)"
	}
	d.number(spec{title: "Brokers alive", help: "Brokers that answered the newest poll.", unit: "none", base: blue, sql: state("brokers_alive", "sum")})
	d.number(spec{title: "Without a leader", help: "Partitions that nobody leads: nothing can be written to them. ReplicaHealthCritical fires at the first.", unit: "none", limits: leaderlessLimits, sql: state("leaderless_partitions", "sum")})
	d.number(spec{title: "Under min ISR", help: "Partitions with fewer replicas in sync than producers with acks=all need. ReplicaHealthCritical fires at the first.", unit: "none", limits: leaderlessLimits, sql: state("under_min_isr_partitions", "sum")})
	d.number(spec{title: "Under-replicated", help: "Partitions of which a replica is not in sync. ReplicaHealth fires where it stays so.", unit: "none", limits: underLimits, sql: state("under_replicated_partitions", "sum")})
	d.number(spec{title: "Active controllers", help: "Kafka: 1 where the active controller answers, of the cluster that has fewest. RocketMQ has none.", unit: "none", limits: below(1), base: red, sql: state("active_controllers", "min")})
	d.number(spec{title: "Fullest disk", help: "Used share of the fullest disk of any broker. DiskWatermark fires at 75%, critical at 85%.", unit: "percentunit", limits: diskLimits,
		sql: "SELECT max(disk_used_ratio) AS used FROM nodes_10s WHERE " + newest + " AND " + scope})

	d.row("Traffic")
	d.chart(spec{title: "Messages", help: "Messages per second that clients sent, and that were given to consumers.", step: minute, unit: "cps", name: "${__field.labels.op}", sql: byOp("messages", scope)})
	d.chart(spec{title: "Bytes", help: "Uncompressed bytes per second of the same messages: keys, values and headers.", step: minute, unit: "binBps", name: "${__field.labels.op}", sql: byOp("bytes", scope)})
	d.chart(spec{title: "Busiest topics", help: "Messages per second sent to the ten topics that were sent most in the range.", step: minute, unit: "cps", name: "${__field.labels.topic}", stack: true, sql: busiestTopics(scope)})
	d.chart(spec{title: "Errors by class", help: "Failed messages per second by class; too_large and timeout are the commonest. SendErrors fires above 1% of what is sent.", step: minute, unit: "cps", name: "${__field.labels.class}",
		sql: "SELECT $__timeInterval(ts) AS time, class, sum(errors) / $__interval_s AS errors_per_second FROM errors\nWHERE " + wholeSteps + " AND " + scope + "\nGROUP BY time, class ORDER BY time, class"})

	d.row("Brokers")
	node := func(title, help, unit, column string, l limits) {
		d.chart(spec{title: title, help: help, step: minute, unit: unit, limits: l, name: "${__field.labels.node}",
			sql: "SELECT $__timeInterval(ts) AS time, node, max(" + column + ") AS value FROM nodes\nWHERE " + column + " IS NOT NULL AND $__timeFilter(ts) AND " + scope + "\nGROUP BY time, node ORDER BY time, node\nLIMIT 20000"})
	}
	node("Heartbeat, p99", "Round trip of a probe to each broker, 99th percentile. One broker above its peers is what SlowBroker looks for.", "ms", "heartbeat_p99_ms", heartbeatLimits)
	node("Failed probes in a row", "Probes of each broker that failed since the last good one. HeartbeatFailed fires at three.", "none", "heartbeat_failures_in_a_row", failureLimits)
	node("Disk used", "Used share of each broker's fullest disk.", "percentunit", "disk_used_ratio", diskLimits)
	node("Partitions led", "Kafka: partitions that each broker leads. After a restart a broker leads few until leaders are moved back.", "none", "leaders", nil)
	const probed, queued, locked = "('probe', heartbeat_max_ms / 1000)", "('send queue', send_queue_wait_seconds)", "('page cache lock', page_cache_lock_seconds)"
	d.chart(spec{title: "Longest waits", help: "What had to wait longest at each broker: the slowest probe, and of RocketMQ the oldest request to write, and a write that holds the commit log. FlowControlRisk fires above 200 ms of a request, and above 1 s of the log.", step: minute, unit: "s", limits: queueLimits, name: "${__field.labels.node} ${__field.labels.what}", width: 24,
		sql: "SELECT $__timeInterval(ts) AS time, node, wait.1 AS what, max(wait.2) AS value FROM nodes\nARRAY JOIN [" + probed + ", " + queued + ", " + locked + "] AS wait\nWHERE wait.2 IS NOT NULL AND $__timeFilter(ts) AND " + scope + "\nGROUP BY time, node, what ORDER BY time, node, what\nLIMIT 20000"})
	d.table(spec{title: "Brokers now", help: "Each broker at the end of the range, the slowest first.",
		sql: "SELECT cluster, node, argMax(heartbeat_p50_ms, ts) AS heartbeat_p50_ms, max(heartbeat_max_ms) AS heartbeat_max_ms, argMax(heartbeat_failures_in_a_row, ts) AS failed_probes,\n" +
			"       argMax(disk_used_ratio, ts) AS disk, argMax(leaders, ts) AS leaders, argMax(partitions, ts) AS partitions\nFROM nodes_10s\nWHERE " + newest + " AND " + scope + "\nGROUP BY env, cluster, node\nORDER BY heartbeat_max_ms DESC NULLS LAST, node\nLIMIT 200",
		columns: []column{{name: "heartbeat_p50_ms", unit: "ms", limits: heartbeatLimits}, {name: "heartbeat_max_ms", unit: "ms", limits: heartbeatLimits}, {name: "failed_probes", limits: failureLimits}, {name: "disk", unit: "percentunit", limits: diskLimits}}})
	capacity(d, scope)
	d.row("What uses it")
	d.table(spec{title: "Topics", help: "What was sent in the range, the busiest first. Click one for its dashboard.", width: 12, sql: topicTable(scope),
		columns: []column{{name: "topic", link: to("topic", "cluster", "topic"), title: "Open this topic"}, {name: "sent_per_second", unit: "cps", bar: true}, {name: "error_ratio", unit: "percentunit", limits: errorLimits},
			{name: "mean_ms", unit: "ms", limits: latencyLimits}, {name: "largest_bytes", unit: "bytes", limits: sizeLimits}}})
	d.table(spec{title: "Consumer groups", help: "Groups of the cluster at the end of the range, the furthest behind first.", width: 12, sql: groupTable(scope), columns: groupColumns})
	return d
}

func byOp(what, scope string) string {
	return "SELECT $__timeInterval(ts) AS time, op, sum(" + what + ") / $__interval_s AS per_second FROM traffic\nWHERE op IN ('send', 'consume') AND " + wholeSteps + " AND " + scope + "\nGROUP BY time, op ORDER BY time, op"
}

func busiestTopics(scope string) string {
	return "SELECT $__timeInterval(ts) AS time, topic, sum(messages) / $__interval_s AS messages_per_second FROM traffic\nWHERE op = 'send' AND " + wholeSteps + " AND " + scope + "\n  AND " +
		top(10, "topic", "traffic", "sum(messages)", "op = 'send' AND $__timeFilter(ts) AND "+scope) + "\nGROUP BY time, topic ORDER BY time, topic"
}

func topicTable(scope string) string {
	return "SELECT cluster, topic, sum(messages) / greatest(dateDiff('second', $__fromTime, $__toTime), 1) AS sent_per_second, sum(errors) / nullIf(sum(messages) + sum(errors), 0) AS error_ratio,\n" +
		"       sum(latency_mean_ms * messages) / nullIf(sum(messages), 0) AS mean_ms, max(size_max_bytes) AS largest_bytes\nFROM traffic\nWHERE op = 'send' AND $__timeFilter(ts) AND " + scope + "\nGROUP BY env, cluster, topic\nORDER BY sent_per_second DESC\nLIMIT 100"
}

func groupTable(scope string) string {
	return "SELECT cluster, consumer_group, topic, argMax(lag_seconds, ts) AS lag_seconds, argMax(lag_messages, ts) AS lag_messages, argMax(drain_seconds, ts) AS drain_seconds,\n" +
		"       argMax(consumed_messages_per_second, ts) AS consumed_per_second, argMax(members, ts) AS members\nFROM group_lag_10s\nWHERE " + newest + " AND " + scope +
		"\nGROUP BY env, cluster, consumer_group, topic\nORDER BY lag_seconds DESC NULLS LAST, lag_messages DESC NULLS LAST\nLIMIT 100"
}

var groupColumns = []column{{name: "consumer_group", link: to("group", "cluster", "group"), title: "Open this group"}, {name: "lag_seconds", unit: "s", limits: lagLimits}, {name: "lag_messages", unit: "short"},
	{name: "drain_seconds", unit: "s"}, {name: "consumed_per_second", unit: "cps"}}
