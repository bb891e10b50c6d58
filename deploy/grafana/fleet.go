package grafana

// fleet is the health of every cluster on one screen.
func fleet() *Dashboard {
	d := newDashboard("fleet", "Fleet", "Every cluster on one screen: what fires, who is behind, which broker is slow. Begin here.", environments(), clusters())
	scope := where("env", "cluster")
	d.number(spec{title: "Clusters", help: "Clusters that reported in the last five minutes of the range.", unit: "none", base: blue,
		sql: "SELECT uniqExact(env, cluster) AS clusters FROM gauge_values WHERE name = 'brokers_alive' AND " + newest + " AND " + scope})
	d.number(spec{title: "Critical alerts", help: "Alerts of severity critical that fire now.", unit: "none", limits: firingLimits, sql: firing("critical")})
	d.number(spec{title: "Warnings", help: "Alerts of severity warning that fire now.", unit: "none", limits: noticeLimits, sql: firing("warning")})
	d.number(spec{title: "Slowest heartbeat", help: "The greatest round trip of a probe to any broker in the last five minutes. HeartbeatSlow fires above 1 s, critical above 5 s.",
		unit: "ms", limits: heartbeatLimits, sql: "SELECT max(heartbeat_max_ms) AS ms FROM nodes_10s WHERE " + newest + " AND " + scope})
	d.number(spec{title: "Oldest unread message", help: "The greatest lag in seconds of any consumer group, at the end of the range. Yellow, orange and red are BacklogHigh of tiers S1, S2, and S3 and S4.",
		unit: "s", limits: lagLimits, sql: "SELECT max(lag_seconds) AS seconds FROM (SELECT argMax(lag_seconds, ts) AS lag_seconds FROM group_lag_10s WHERE " + newest + " AND " + scope + " GROUP BY env, cluster, consumer_group, topic)"})
	d.number(spec{title: "Stored after", help: "How long after a minute's end its last report was in ClickHouse, the longest of the newest whole minutes. What is shown below can be no newer.",
		unit: "s", limits: storedLimits, sql: "SELECT max(stored_after_seconds) AS seconds FROM pipeline WHERE ts > $__toTime - INTERVAL 10 MINUTE AND ts <= $__toTime"})

	d.table(spec{title: "Clusters now", high: 8,
		help: "One line for each cluster, the worst first: rates and latency of sends over the whole range, the slowest heartbeat of its last five minutes, the rest at its end. Click a cluster for its dashboard. What is not known is left empty, never 0.",
		sql:  fleetTable(scope), columns: []column{
			{name: "health", width: 90, mappings: words(word{"critical", "critical", red}, word{"warning", "warning", orange}, word{"ok", "ok", green})},
			{name: "cluster", link: to("cluster", "env", "cluster"), title: "Open this cluster"},
			{name: "sent_per_second", unit: "cps"}, {name: "error_ratio", unit: "percentunit", limits: errorLimits},
			{name: "slowest_topic_p99_ms", unit: "ms", limits: latencyLimits}, {name: "heartbeat_p99_ms", unit: "ms", limits: heartbeatLimits},
			{name: "failed_probes", limits: failureLimits}, {name: "lag_seconds", unit: "s", limits: lagLimits}, {name: "disk", unit: "percentunit", limits: diskLimits},
			{name: "under_replicated", limits: underLimits}, {name: "leaderless", limits: leaderlessLimits}, {name: "firing", limits: firingLimits}}})

	d.chart(spec{title: "Messages sent", help: "Messages per second that brokers acknowledged to clients, of each cluster.", step: minute, unit: "cps", name: "${__field.labels.cluster} ${__field.labels.env}",
		sql: "SELECT $__timeInterval(ts) AS time, env, cluster, sum(messages) / $__interval_s AS messages_per_second FROM traffic\nWHERE op = 'send' AND " + wholeSteps + " AND " + scope + "\nGROUP BY time, env, cluster ORDER BY time, env, cluster"})
	d.chart(spec{title: "Heartbeat, p99", help: "Round trip of a probe, 99th percentile, of the slowest broker of each cluster. Milliseconds are normal.", step: minute, unit: "ms", limits: heartbeatLimits, name: "${__field.labels.cluster} ${__field.labels.env}",
		sql: "SELECT $__timeInterval(ts) AS time, env, cluster, max(heartbeat_p99_ms) AS p99_ms FROM nodes\nWHERE heartbeat_p99_ms IS NOT NULL AND $__timeFilter(ts) AND " + scope + "\nGROUP BY time, env, cluster ORDER BY time, env, cluster"})
	d.table(spec{title: "Ten worst groups", help: "Consumer groups that are furthest behind at the end of the range, over all clusters. Lag that nobody knows is empty and comes last.", width: 12,
		sql: "SELECT env, cluster, consumer_group, topic, argMax(lag_seconds, ts) AS lag_seconds, argMax(lag_messages, ts) AS lag_messages, argMax(drain_seconds, ts) AS drain_seconds\n" +
			"FROM group_lag_10s\nWHERE " + newest + " AND " + scope + "\nGROUP BY env, cluster, consumer_group, topic\nORDER BY lag_seconds DESC NULLS LAST, lag_messages DESC NULLS LAST\nLIMIT 10",
		columns: []column{{name: "consumer_group", link: to("group", "env", "cluster", "group"), title: "Open this group"}, {name: "topic", link: to("topic", "env", "cluster", "topic"), title: "Open this topic"},
			{name: "lag_seconds", unit: "s", limits: lagLimits}, {name: "lag_messages", unit: "short"}, {name: "drain_seconds", unit: "s"}}})
	d.table(spec{title: "Alerts of this time", help: "Each alert as it stands now, if it changed in the range: those that fire first, then the newest.", width: 12,
		sql:     "SELECT state, severity, rule, cluster, summary, at AS since\nFROM alert_states\nWHERE (state = 'firing' OR $__timeFilter(at)) AND " + ofAlerts("env", "cluster") + "\nORDER BY state = 'firing' DESC, severity = 'critical' DESC, at DESC\nLIMIT 50",
		columns: []column{{name: "state", width: 90, mappings: alertWords}, {name: "severity", width: 90}, {name: "rule", link: to("alerts", "rule"), title: "Open this rule"}, {name: "since", unit: "dateTimeAsIso", width: 170}}})
	return d
}

var alertWords = words(word{"firing", "firing", red}, word{"pending", "pending", orange}, word{"resolved", "resolved", green}, word{"inactive", "inactive", blue})

// firing counts alerts that fire now.
func firing(severity string) string {
	return "SELECT count() AS alerts FROM alert_states WHERE state = 'firing' AND severity = '" + severity + "' AND " + ofAlerts("env", "cluster")
}

// fleetTable is one line for each cluster that reported; what another view does not know of it is NULL. An alert that does not say its
// environment is of its cluster in all of them.
func fleetTable(scope string) string {
	return `WITH ifNull(critical_here, 0) + ifNull(critical_anywhere, 0) AS critical, ifNull(warnings_here, 0) + ifNull(warnings_anywhere, 0) AS warnings
SELECT multiIf(critical > 0 OR leaderless > 0 OR failed_probes >= 3 OR disk >= 0.85 OR heartbeat_p99_ms > 5000, 'critical',
               warnings > 0 OR under_replicated > 0 OR error_ratio > 0.01 OR disk >= 0.75 OR heartbeat_p99_ms > 1000, 'warning', 'ok') AS health,
       cluster, env, system, sent_per_second, error_ratio, slowest_topic_p99_ms, heartbeat_p99_ms, failed_probes, lag_seconds, disk,
       brokers, under_replicated, leaderless, critical + warnings AS firing
FROM (SELECT env, cluster, any(system) AS system, argMax(brokers_alive, ts) AS brokers, argMax(under_replicated_partitions, ts) AS under_replicated,
             argMax(leaderless_partitions, ts) AS leaderless
      FROM cluster_states_10s WHERE ` + newest + " AND " + scope + ` GROUP BY env, cluster) AS c
LEFT JOIN (SELECT env, cluster, sum(messages) / greatest(dateDiff('second', $__fromTime, $__toTime), 1) AS sent_per_second,
                  sum(errors) / nullIf(sum(messages) + sum(errors), 0) AS error_ratio
           FROM traffic WHERE op = 'send' AND $__timeFilter(ts) AND ` + scope + ` GROUP BY env, cluster) AS t USING (env, cluster)
LEFT JOIN (SELECT env, cluster, max(p99_ms) AS slowest_topic_p99_ms
           FROM ` + over("latency_over", "0") + ` WHERE op = 'send' AND ` + scope + ` GROUP BY env, cluster) AS l USING (env, cluster)
LEFT JOIN (SELECT env, cluster, max(slowest_ms) AS heartbeat_p99_ms, max(newest_failures) AS failed_probes, max(newest_disk) AS disk
           FROM (SELECT env, cluster, max(heartbeat_p99_ms) AS slowest_ms, argMax(heartbeat_failures_in_a_row, ts) AS newest_failures, argMax(disk_used_ratio, ts) AS newest_disk
                 FROM nodes_10s WHERE ` + newest + " AND " + scope + ` GROUP BY env, cluster, node)
           GROUP BY env, cluster) AS n USING (env, cluster)
LEFT JOIN (SELECT env, cluster, max(newest_lag) AS lag_seconds
           FROM (SELECT env, cluster, argMax(lag_seconds, ts) AS newest_lag FROM group_lag_10s WHERE ` + newest + " AND " + scope + ` GROUP BY env, cluster, consumer_group, topic)
           GROUP BY env, cluster) AS g USING (env, cluster)
LEFT JOIN (SELECT env, cluster, countIf(severity = 'critical') AS critical_here, countIf(severity = 'warning') AS warnings_here
           FROM alert_states WHERE state = 'firing' AND env != '' GROUP BY env, cluster) AS a USING (env, cluster)
LEFT JOIN (SELECT cluster, countIf(severity = 'critical') AS critical_anywhere, countIf(severity = 'warning') AS warnings_anywhere
           FROM alert_states WHERE state = 'firing' AND env = '' GROUP BY cluster) AS w USING (cluster)
ORDER BY health = 'critical' DESC, health = 'warning' DESC, lag_seconds DESC, cluster
SETTINGS join_use_nulls = 1`
}
