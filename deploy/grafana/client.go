package grafana

// client is clients and the machines that they run on.
func client() *Dashboard {
	d := newDashboard("client", "Clients and nodes", "Single clients and machines: who sends, who fails, who is slow. Any column can be filtered by.",
		append([]Variable{environments(), clusters(), named("node", "Node", "node"), named("client", "Client", "client")}, adHoc("clients")...)...)
	scope := where("env", "cluster", "node", "client")
	const filters = "\nSETTINGS $__adHocFilters('clients_over')"
	whole := over("clients_over", "0")
	number := func(title, help, unit, expression string, l limits) {
		base := blue
		if len(l) > 0 {
			base = green
		}
		d.number(spec{title: title, help: help, unit: unit, base: base, limits: l, sql: "SELECT " + expression + " AS value FROM " + whole + "\nWHERE " + scope + filters})
	}
	number("Clients", "Clients that reported in the range.", "none", "uniqExactIf(client, client != '')", nil)
	number("Nodes", "Machines that these clients run on.", "none", "uniqExactIf(node, node != '' AND client != '')", nil)
	number("Messages", "Sent and received by them in the range.", "short", "sum(messages)", nil)
	number("Errors", "Share of messages that failed. One whose handler failed counts once.", "percentunit", "sum(errors) / nullIf(sum(messages) + sum(errors) - sum(handler_errors), 0)", errorLimits)
	number("Reports lost", "Reports that clients could not deliver and dropped: what they would have said is missing from all numbers.", "none", "sum(dropped_reports)", noticeLimits)
	number("Rebalances", "That clients saw in the range.", "none", "sum(rebalances)", nil)

	chart := func(title, help, unit, label, value, order string, l limits) {
		d.chart(spec{title: title, help: help, step: minute, unit: unit, limits: l, links: toTracesOf(label), name: "${__field.labels." + label + "}",
			sql: "SELECT ts AS time, " + label + ", " + value + " AS value FROM " + wholeOver("clients_over", coarseByClient) + "\nWHERE " + label + " != '' AND " + scope + "\n  AND " +
				top(10, label, whole, order, scope) + "\nGROUP BY time, " + label + " ORDER BY time, " + label + filters})
	}
	chart("Messages by client", "Messages per second of the ten busiest clients, sent and received.", "cps", "client", "sum(messages) / "+covered, "sum(messages)", nil)
	chart("Messages by node", "The same messages by machine, of the ten busiest machines.", "cps", "node", "sum(messages) / "+covered, "sum(messages)", nil)
	chart("Slowest clients", "99th percentile of send or handler in each step, of the ten slowest clients. SendSlow and ConsumeSlow fire above 800 ms.", "ms", "client", "max(latency_p99_ms)", "max(latency_p99_ms)", latencyLimits)
	chart("Slowest nodes", "The same by machine: one slow machine under many clients is no fault of theirs.", "ms", "node", "max(latency_p99_ms)", "max(latency_p99_ms)", latencyLimits)
	d.table(spec{title: "Busiest clients", help: "The busiest of the range. An empty version is unknown, not old.", high: 11,
		sql: "SELECT client, node, cluster, topic, consumer_group, op, concat(sdk_lang, ' ', sdk_version) AS sdk, tier, sum(messages) AS messages, sum(errors) AS errors, max(latency_p99_ms) AS worst_p99_ms, max(size_max_bytes) AS largest_bytes, sum(dropped_reports) AS lost_reports\n" +
			"FROM " + whole + "\nWHERE client != '' AND " + scope + "\nGROUP BY client, node, cluster, topic, consumer_group, op, sdk, tier\nORDER BY messages DESC\nLIMIT 500" + filters,
		columns: []column{{name: "topic", link: to("topic", "cluster", "topic"), title: "Open this topic"}, {name: "consumer_group", link: to("group", "cluster", "group"), title: "Open this group"}, {name: "messages", unit: "short", bar: true},
			{name: "errors", unit: "short", limits: noticeLimits}, {name: "worst_p99_ms", unit: "ms", limits: latencyLimits}, {name: "largest_bytes", unit: "bytes", limits: sizeLimits}, {name: "lost_reports", limits: noticeLimits}}})
	return d
}

// sdk is which versions run, and whether they make a difference.
func sdk() *Dashboard {
	d := newDashboard("sdk", "SDK versions", "Which SDK versions run, how a roll-out goes, and whether a version makes things slower.", environments(), clusters())
	scope := where("env", "cluster")
	const version = "concat(sdk_lang, ' ', if(sdk_version = '', 'unknown', sdk_version))"
	whole, known := over("rollup_over", "0"), "client != '' AND op != 'probe' AND sdk_lang != '' AND "+scope
	d.number(spec{title: "Clients", help: "Clients of the range whose language is known.", unit: "none", base: blue, sql: "SELECT uniqExact(client) AS clients FROM " + whole + " WHERE " + known})
	d.number(spec{title: "Versions", help: "Different versions of all languages.", unit: "none", base: blue, sql: "SELECT uniqExactIf((sdk_lang, sdk_version), sdk_version != '') AS versions FROM " + whole + " WHERE " + known})
	d.number(spec{title: "Unknown versions", help: "Clients that do not say their version. They are unknown, never outdated.", unit: "none", base: blue, sql: "SELECT uniqExactIf(client, sdk_version = '') AS clients FROM " + whole + " WHERE " + known})
	d.number(spec{title: "Outdated, by alerts", help: "Clients for which ClientOutdated fired in the range: their version is below the policy's sdk_min.", unit: "none", limits: noticeLimits,
		sql: "SELECT uniqExact(fingerprint) AS clients FROM alert_transitions WHERE rule = 'ClientOutdated' AND state = 'firing' AND $__timeFilter(at) AND " + ofAlerts("env", "cluster")})

	d.row("Which run")
	d.bars(spec{title: "Clients by version", help: "How many clients ran each version in the range.", unit: "none", base: blue, high: 9,
		sql: "SELECT " + version + " AS version, uniqExact(client) AS clients FROM " + whole + " WHERE " + known + "\nGROUP BY version ORDER BY clients DESC, version"})
	d.chart(spec{title: "Clients by version over time", help: "Clients that reported in each step. A roll-out is one colour giving way to another.", step: minute, unit: "none", stack: true, high: 9, name: "${__field.labels.version}",
		sql: "SELECT ts AS time, " + version + " AS version, sum(clients) AS clients FROM " + wholeOver("sdk_versions_over", coarseByClient) + "\nWHERE sdk_lang != '' AND " + scope + "\nGROUP BY time, version ORDER BY time, version"})
	d.chart(spec{title: "Messages by version", help: "Messages per second, sent and received by clients of each version.", step: minute, unit: "cps", stack: true, name: "${__field.labels.version}",
		sql: "SELECT ts AS time, " + version + " AS version, sum(messages) / " + covered + " AS messages_per_second FROM " + wholeOver("sdk_versions_over", coarseByClient) + "\nWHERE sdk_lang != '' AND " + scope + "\nGROUP BY time, version ORDER BY time, version"})
	d.chart(spec{title: "Send latency by version", help: "99th percentile of all sends by clients of each version, of the slowest cluster. Compare versions on the same topics before blaming one.", step: minute, unit: "ms", limits: latencyLimits, name: "${__field.labels.version}",
		sql: "SELECT ts AS time, " + version + " AS version, max(send_p99_ms) AS p99_ms FROM " + wholeOver("sdk_versions_over", coarseByClient) + "\nWHERE send_p99_ms IS NOT NULL AND sdk_lang != '' AND " + scope + "\nGROUP BY time, version ORDER BY time, version"})
	d.table(spec{title: "Versions compared", help: "What clients of each version did in the range. A message whose handler failed counts once in the ratio.", width: 12,
		sql:     versionTable("client != '' AND sdk_lang != '' AND " + scope),
		columns: []column{{name: "clients", bar: true}, {name: "sent", unit: "short"}, {name: "consumed", unit: "short"}, {name: "error_ratio", unit: "percentunit", limits: errorLimits}, {name: "worst_send_p99_ms", unit: "ms", limits: latencyLimits}}})
	d.table(spec{title: "Outdated clients", help: "What ClientOutdated said, by the policy's sdk_min.", width: 12,
		sql:     "SELECT argMax(state, (starts_at, seq)) AS state, cluster, labels['sdk_lang'] AS sdk_lang, client, argMax(summary, (starts_at, seq)) AS summary, max(at) AS since\nFROM alert_transitions\nWHERE rule = 'ClientOutdated' AND $__timeFilter(at) AND " + ofAlerts("env", "cluster") + "\nGROUP BY fingerprint, cluster, sdk_lang, client\nORDER BY since DESC\nLIMIT 100",
		columns: []column{{name: "state", width: 90, mappings: alertWords}, {name: "since", unit: "dateTimeAsIso", width: 170}, {name: "client", link: to("client", "client"), title: "Open this client"}}})
	return d
}

// versionTable is one line for each version.
func versionTable(conditions string) string {
	return "SELECT sdk_lang, if(sdk_version = '', 'unknown', sdk_version) AS version, uniqExact(client) AS clients, sumIf(messages, op = 'send') AS sent, sumIf(messages, op = 'consume') AS consumed,\n" +
		"       sum(errors) / nullIf(sum(messages) + sum(errors) - sum(handler_errors), 0) AS error_ratio, maxIf(latency_p99_ms, op = 'send') AS worst_send_p99_ms\n" +
		"FROM " + over("clients_over", "0") + "\nWHERE " + conditions + "\nGROUP BY sdk_lang, version\nORDER BY clients DESC, version"
}
