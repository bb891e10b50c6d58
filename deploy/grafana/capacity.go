package grafana

// fullLimits colour how soon a disk is full: red within a day, yellow within a week, as there is time then to do something on a working day.
var fullLimits = limits{{86400, yellow}, {7 * 86400, green}}

// capacity is how much of what there is is used.
func capacity(d *Dashboard, scope string) {
	d.row("Capacity")
	const growth = "simpleLinearRegression(dateDiff('second', $__fromTime, ts), last).1"
	disks := func(column string) string {
		return "SELECT " + column + " AS value FROM (SELECT " + growth + " AS per_second, argMax(last, ts) AS used FROM gauge_values_1m\nWHERE name = 'disk_used_ratio' AND node != '' AND $__timeFilter(ts) AND " + scope + "\nGROUP BY env, cluster, node HAVING count() > 1)"
	}
	inUse := func(kind string) string {
		return "SELECT countIf(last_used >= $__fromTime - INTERVAL 1 HOUR) / nullIf(count(), 0) AS used FROM resources WHERE kind = '" + kind + "' AND NOT internal AND " + seen + " AND " + scope
	}
	d.number(spec{title: "Disk full in", help: "Until the first disk of any broker is full, if all go on as they did in the range. Ten years stand for longer, and for disks that do not grow by a ten-thousandth in a day. Red is a day, yellow a week.", unit: "s", base: red, limits: fullLimits,
		sql: disks("minOrNull(if(per_second * 86400 > 0.0001, least(greatest(1 - used, 0) / per_second, 315360000), 315360000))")})
	d.number(spec{title: "Disk growth, a day", help: "Share of a disk by which that of the broker that grows fastest grows in a day, by the range. Below 0 all shrink.", unit: "percentunit", base: blue,
		sql: disks("maxOrNull(per_second) * 86400")})
	d.number(spec{title: "Retention left", help: "Until the first unread message of any group expires, at the end of the range. RetentionRisk fires below an hour.", unit: "s", base: red, limits: below(retentionSeconds),
		sql: "SELECT minOrNull(newest_left) AS seconds FROM (SELECT argMax(last, ts) AS newest_left FROM gauge_values WHERE name = 'retention_left_seconds' AND " + newest + " AND " + scope + " GROUP BY env, cluster, consumer_group, topic, partition)"})
	d.number(spec{title: "Partitions", help: "Replicas of partitions on all brokers, as the newest poll has it. RocketMQ has none.", unit: "short", base: blue,
		sql: "SELECT sumOrNull(hosted) AS partitions FROM (SELECT argMax(last, ts) AS hosted FROM gauge_values WHERE name = 'partitions' AND node != '' AND " + newest + " AND " + scope + " GROUP BY env, cluster, node)"})
	d.number(spec{title: "Topics in use", help: "Share of the topics of which anything was sent or consumed since the hour in which the range begins.", unit: "percentunit", base: blue, sql: inUse("topic")})
	d.number(spec{title: "Groups in use", help: "Share of the consumer groups that consumed anything since the hour in which the range begins.", unit: "percentunit", base: blue, sql: inUse("group")})
	d.table(spec{title: "Longest unused", help: "Topics and groups of the range by when they were last used, to the hour: the first may be there for nothing. Ask the owner before you remove any. Empty is never, since it was first seen.", high: 8,
		sql: "SELECT env, cluster, kind, if(kind = 'topic', name, '') AS topic, if(kind = 'group', name, '') AS consumer_group, owner, tier, nullIf(toDateTime(last_used, 'UTC'), toDateTime(0, 'UTC')) AS used, toDateTime(first_seen, 'UTC') AS known_since, toDateTime(last_seen, 'UTC') AS last_reported\nFROM resources\nWHERE kind IN ('topic', 'group') AND NOT internal AND " + seen + " AND " + scope +
			"\nORDER BY last_used, first_seen, name\nLIMIT 50",
		columns: []column{{name: "topic", link: to("topic", "env", "cluster", "topic"), title: "Open this topic"}, {name: "consumer_group", link: to("group", "env", "cluster", "group"), title: "Open this group"},
			{name: "used", unit: "dateTimeAsIso", width: 170}, {name: "known_since", unit: "dateTimeAsIso", width: 170}, {name: "last_reported", unit: "dateTimeAsIso", width: 170}}})
}
