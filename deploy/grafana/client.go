package grafana

import "strings"

// client is clients and the machines that they run on.
func client() *Dashboard {
	d := newDashboard("client", "Clients and nodes", "Single clients and machines: who sends, who fails, who is slow. Any column can be filtered by.",
		append([]Variable{environments(), clusters(), named("node", "Node", "node"), named("client", "Client", "client")}, adHoc("clients")...)...)
	scope := where("env", "cluster", "node", "client")
	const filters = "\nSETTINGS $__adHocFilters('clients')"
	here := "$__timeFilter(ts) AND " + scope
	number := func(title, help, unit, expression string, l limits) {
		base := blue
		if len(l) > 0 {
			base = green
		}
		d.number(spec{title: title, help: help, unit: unit, base: base, limits: l, sql: "SELECT " + expression + " AS value FROM clients WHERE " + here + filters})
	}
	number("Clients", "Clients that reported in the range.", "none", "uniqExactIf(client, client != '')", nil)
	number("Nodes", "Machines that these clients run on.", "none", "uniqExactIf(node, node != '' AND client != '')", nil)
	number("Messages", "Sent and received by them in the range.", "short", "sum(messages)", nil)
	number("Errors", "Share of messages that failed. One whose handler failed counts once.", "percentunit", "sum(errors) / nullIf(sum(messages) + sum(errors) - ("+bothOf(here)+"), 0)", errorLimits)
	number("Reports lost", "Reports that clients could not deliver and dropped: what they would have said is missing from all numbers.", "none", "sum(dropped_reports)", noticeLimits)
	number("Rebalances", "That clients saw in the range.", "none", "sum(rebalances)", nil)

	chart := func(title, help, unit, label, value, order string, l limits) {
		span := wholeMinutes
		if strings.Contains(value, "$__interval_s") { // a rate
			span = wholeSteps
		}
		d.chart(spec{title: title, help: help, step: minute, unit: unit, limits: l, links: toTracesOf(label), name: "${__field.labels." + label + "}",
			sql: "SELECT $__timeInterval(ts) AS time, " + label + ", " + value + " AS value FROM clients\nWHERE " + label + " != '' AND " + span + " AND " + scope + "\n  AND " +
				top(10, label, "clients", order, here) + "\nGROUP BY time, " + label + " ORDER BY time, " + label + filters})
	}
	chart("Messages by client", "Messages per second of the ten busiest clients, sent and received.", "cps", "client", "sum(messages) / $__interval_s", "sum(messages)", nil)
	chart("Messages by node", "The same messages by machine, of the ten busiest machines.", "cps", "node", "sum(messages) / $__interval_s", "sum(messages)", nil)
	chart("Slowest clients", "99th percentile of send or handler in a minute, its greatest in each step, of the ten slowest clients. SendSlow and ConsumeSlow fire above 800 ms.", "ms", "client", "max(latency_p99_ms)", "max(latency_p99_ms)", latencyLimits)
	chart("Slowest nodes", "The same by machine: one slow machine under many clients is no fault of theirs.", "ms", "node", "max(latency_p99_ms)", "max(latency_p99_ms)", latencyLimits)
	d.table(spec{title: "Busiest clients", help: "The busiest of the range. An empty version is unknown, not old.", high: 11,
		sql: "SELECT client, node, cluster, topic, consumer_group, op, concat(sdk_lang, ' ', sdk_version) AS sdk, tier, sum(messages) AS messages, sum(errors) AS errors, max(latency_p99_ms) AS worst_p99_ms, max(size_max_bytes) AS largest_bytes, sum(dropped_reports) AS lost_reports, max(ts) AS last_minute\n" +
			"FROM clients\nWHERE client != '' AND " + here + "\nGROUP BY client, node, cluster, topic, consumer_group, op, sdk, tier\nORDER BY messages DESC\nLIMIT 500" + filters,
		columns: []column{{name: "topic", link: to("topic", "cluster", "topic"), title: "Open this topic"}, {name: "consumer_group", link: to("group", "cluster", "group"), title: "Open this group"}, {name: "messages", unit: "short", bar: true},
			{name: "errors", unit: "short", limits: noticeLimits}, {name: "worst_p99_ms", unit: "ms", limits: latencyLimits}, {name: "largest_bytes", unit: "bytes", limits: sizeLimits}, {name: "lost_reports", limits: noticeLimits}, {name: "last_minute", unit: "dateTimeAsIso"}}})
	return d
}

// sdk is which versions run, and whether they make a difference.
func sdk() *Dashboard {
	d := newDashboard("sdk", "SDK versions", "Which SDK versions run, how a roll-out goes, and whether a version makes things slower.", environments(), clusters())
	scope := where("env", "cluster")
	const version = "concat(sdk_lang, ' ', if(sdk_version = '', 'unknown', sdk_version))"
	clients := "$__timeFilter(ts) AND client != '' AND sdk_lang != '' AND " + scope
	d.number(spec{title: "Clients", help: "Clients of the range whose language is known.", unit: "none", base: blue, sql: "SELECT uniqExact(client) AS clients FROM clients WHERE " + clients})
	d.number(spec{title: "Versions", help: "Different versions of all languages.", unit: "none", base: blue, sql: "SELECT uniqExactIf((sdk_lang, sdk_version), sdk_version != '') AS versions FROM clients WHERE " + clients})
	d.number(spec{title: "Unknown versions", help: "Clients that do not say their version. They are unknown, never outdated.", unit: "none", base: blue, sql: "SELECT uniqExactIf(client, sdk_version = '') AS clients FROM clients WHERE " + clients})
	d.number(spec{title: "Outdated, by alerts", help: "Clients for which ClientOutdated fired in the range: their version is below the policy's sdk_min.", unit: "none", limits: noticeLimits,
		sql: "SELECT uniqExact(fingerprint) AS clients FROM alert_transitions WHERE rule = 'ClientOutdated' AND state = 'firing' AND $__timeFilter(at) AND " + ofAlerts("env", "cluster")})

	d.row("Which run")
	d.bars(spec{title: "Clients by version", help: "How many clients ran each version in the range.", unit: "none", base: blue, high: 9,
		sql: "SELECT " + version + " AS version, uniqExact(client) AS clients FROM clients WHERE " + clients + "\nGROUP BY version ORDER BY clients DESC, version"})
	d.chart(spec{title: "Clients by version over time", help: "The most clients that reported in one minute of each step. A roll-out is one colour giving way to another.", step: minute, unit: "none", stack: true, high: 9, name: "${__field.labels.version}",
		sql: "SELECT $__timeInterval(ts) AS time, concat(sdk_lang, ' ', if(sdk_version = '', 'unknown', sdk_version)) AS version, max(minute_clients) AS clients\n" +
			"FROM (SELECT ts, sdk_lang, sdk_version, sum(clients) AS minute_clients FROM sdk_versions WHERE sdk_lang != '' AND " + wholeMinutes + " AND " + scope + " GROUP BY ts, sdk_lang, sdk_version)\nGROUP BY time, version ORDER BY time, version"})
	d.chart(spec{title: "Messages by version", help: "Messages per second, sent and received by clients of each version.", step: minute, unit: "cps", stack: true, name: "${__field.labels.version}",
		sql: "SELECT $__timeInterval(ts) AS time, " + version + " AS version, sum(messages) / $__interval_s AS messages_per_second FROM sdk_versions\nWHERE sdk_lang != '' AND " + wholeSteps + " AND " + scope + "\nGROUP BY time, version ORDER BY time, version"})
	d.chart(spec{title: "Send latency by version", help: "99th percentile of a minute, of the slowest client of each version. Compare versions on the same topics before blaming one.", step: minute, unit: "ms", limits: latencyLimits, name: "${__field.labels.version}",
		sql: "SELECT $__timeInterval(ts) AS time, " + version + " AS version, max(latency_p99_ms) AS p99_ms FROM clients\nWHERE op = 'send' AND sdk_lang != '' AND " + wholeMinutes + " AND " + scope + "\nGROUP BY time, version ORDER BY time, version"})
	d.table(spec{title: "Versions compared", help: "What clients of each version did in the range. A message whose handler failed counts once in the ratio.", width: 12,
		sql:     versionTable(clients),
		columns: []column{{name: "clients", bar: true}, {name: "sent", unit: "short"}, {name: "consumed", unit: "short"}, {name: "error_ratio", unit: "percentunit", limits: errorLimits}, {name: "worst_send_p99_ms", unit: "ms", limits: latencyLimits}}})
	d.table(spec{title: "Outdated clients", help: "What ClientOutdated said, by the policy's sdk_min.", width: 12,
		sql:     "SELECT argMax(state, (starts_at, seq)) AS state, cluster, labels['sdk_lang'] AS sdk_lang, client, argMax(summary, (starts_at, seq)) AS summary, max(at) AS since\nFROM alert_transitions\nWHERE rule = 'ClientOutdated' AND $__timeFilter(at) AND " + ofAlerts("env", "cluster") + "\nGROUP BY fingerprint, cluster, sdk_lang, client\nORDER BY since DESC\nLIMIT 100",
		columns: []column{{name: "state", width: 90, mappings: alertWords}, {name: "since", unit: "dateTimeAsIso", width: 170}, {name: "client", link: to("client", "client"), title: "Open this client"}}})
	return d
}

// inBoth is how many messages of a row count as messages and as errors: those whose handler failed, as in the view traffic.
const inBoth = "least(messages, arraySum((class, count) -> if(class = 'handler', count, 0), `error.class`, `error.count`))"

// bothOf counts such messages of the clients that conditions and ad-hoc filters leave. The view clients has no classes of errors, and the
// table has not all columns to filter by: so only minutes of clients with errors are looked up in it.
func bothOf(conditions string) string {
	const key = "ts, env, cluster, topic, consumer_group, op, client, node, sdk_lang, sdk_version, tier, lane, tag"
	return "\n    SELECT sum(" + inBoth + ") FROM rollup_1m FINAL\n    WHERE has(`error.class`, 'handler') AND " + conditions +
		"\n    AND (" + key + ") IN (SELECT " + key + " FROM clients WHERE errors > 0 AND " + conditions + ")\n"
}

// versionTable is one line for each version.
func versionTable(conditions string) string {
	const named = "sdk_lang, if(sdk_version = '', 'unknown', sdk_version) AS version"
	return "SELECT sdk_lang, version, reporting AS clients, sent, consumed, failed / nullIf(done + failed - both, 0) AS error_ratio, worst_send_p99_ms\n" +
		"FROM (SELECT " + named + ", uniqExact(client) AS reporting, sumIf(messages, op = 'send') AS sent, sumIf(messages, op = 'consume') AS consumed,\n" +
		"             sum(messages) AS done, sum(errors) AS failed, maxIf(latency_p99_ms, op = 'send') AS worst_send_p99_ms\n" +
		"      FROM clients WHERE " + conditions + " GROUP BY sdk_lang, version) AS c\n" +
		"LEFT JOIN (SELECT " + named + ", sum(" + inBoth + ") AS both\n           FROM rollup_1m FINAL WHERE op != 'probe' AND " + conditions + " GROUP BY sdk_lang, version) AS b USING (sdk_lang, version)\n" +
		"ORDER BY clients DESC, version"
}
