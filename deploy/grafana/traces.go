package grafana

import "fmt"

// traces is single messages: those that were slow or failed, and some that did neither.
func traces() *Dashboard {
	d := newDashboard("traces", "Traces", "Single messages on their way: those that were slow or failed, and a sample of the others. weir find follows one from a terminal.",
		append([]Variable{environments(), clusters(), named("topic", "Topic", "topic"), named("group", "Group", "group"),
			typed("message_id", "Message id", "RocketMQ's message id, or topic/partition/offset of Kafka. The range must have it."),
			typed("trace_id", "Trace id", "32 hexadecimal digits. The range must have it.")}, adHoc("traces")...)...)
	scope := where("env", "cluster", "topic") + "\n  AND $__conditionalAll(consumer_group IN ('', ${group:singlequote}), $group)" +
		"\n  AND " + equals("message_id", "%s") + "\n  AND " + equals("trace_id", "lower(%s)")
	here := "$__timeFilter_ms(ts) AND " + scope
	const filters = "\nSETTINGS $__adHocFilters('traces')"
	number := func(title, help, unit, expression string, l limits) {
		base := blue
		if len(l) > 0 {
			base = green
		}
		d.number(spec{title: title, help: help, unit: unit, base: base, limits: l, sql: "SELECT " + expression + " AS value FROM traces WHERE " + here + filters})
	}
	number("Steps", "Steps that are known of messages: each was sent, received by a group, or handled.", "short", "count()", nil)
	number("Messages", "Different messages that have an id, to a hundredth where there are very many. A send that failed has none, unless it has a trace.", "short", "uniqIf(message_id, message_id != '')", nil)
	number("Failed", "Steps that failed. Clients tell of all of them, up to 32 in a second of each topic.", "short", "countIf(error_class != '')", noticeLimits)
	number("Slow", "Steps that took longer than the client's SlowAfter, 800 ms unless it is set. Clients tell of all of them, as of failed ones.", "short", "countIf(kept = 'slow')", noticeLimits)
	number("Slowest step", "The longest send or handler of the range.", "ms", "max(latency_us) / 1000", latencyLimits)
	number("Longest delay", "From a message's timestamp until a consumer had it: of a group that is behind, its lag.", "ms", "max(delay_us) / 1000", nil)

	d.row("When")
	d.chart(spec{title: "Steps by reason", help: "Steps in each interval, by why clients tell of them. One of so many is sampled; the slowest and the largest are told of every ten seconds.", step: pane, unit: "short", stack: true, name: "${__field.labels.kept}",
		sql: "SELECT $__timeInterval(ts) AS time, kept, count() AS steps FROM traces\nWHERE " + here + "\nGROUP BY time, kept ORDER BY time, kept" + filters})
	d.chart(spec{title: "Slowest steps", help: "The longest send and the longest handler of each interval. SendSlow and ConsumeSlow fire above 800 ms at the 99th percentile.", step: pane, unit: "ms", limits: latencyLimits, name: "${__field.labels.op} ${__field.labels.topic}",
		sql: "SELECT $__timeInterval(ts) AS time, op, topic, max(latency_us) / 1000 AS ms FROM traces\nWHERE latency_us IS NOT NULL AND " + here + "\n  AND " +
			top(10, "topic", "traces", "max(latency_us)", here) + "\nGROUP BY time, op, topic ORDER BY time, op, topic" + filters})

	d.row("Which")
	const columns = "ts, cluster, topic, partition, step, kept, error_class, latency_us / 1000 AS latency_ms, delay_us / 1000 AS delay_ms, size_bytes, attempt, client, node, consumer_group, message_id, trace_id"
	d.table(spec{title: "Failed and slow", help: "What failed first, then what took longest. Click a message or a trace for all of its steps.", high: 10,
		sql:     "SELECT " + columns + "\nFROM traces\nWHERE kept IN ('error', 'slow') AND " + here + "\nORDER BY error_class != '' DESC, latency_us DESC NULLS LAST, ts DESC\nLIMIT 200" + filters,
		columns: hopColumns()})
	d.table(spec{title: "Steps in order", help: "The first 500 of the range. With a message or a trace chosen: its way, from its sending to each group that consumed it. Steps that were neither slow nor failed are sampled, so a message may have others.", high: 12,
		sql:     "SELECT " + columns + "\nFROM traces\nWHERE " + here + "\nORDER BY ts, step\nLIMIT 500" + filters,
		columns: hopColumns()})
	return d
}

// equals compares a column with the variable of its name, which people type: encoded, since what has a quote or a backslash would be SQL else.
func equals(name, as string) string {
	return "$__conditionalAll(" + name + " = " + fmt.Sprintf(as, "decodeURLComponent('${"+name+":percentencode}')") + ", $" + name + ")"
}

// hopColumns lead from a step to its topic, client and group, and to all steps of its message or trace.
func hopColumns() []column {
	const all = "/d/weir-traces?${__url_time_range}&${datasource:queryparam}&${env:queryparam}"
	return []column{
		{name: "ts", unit: "dateTimeAsIso", width: 160}, {name: "cluster", width: 110},
		{name: "topic", link: to("topic", "cluster", "topic"), title: "Open this topic"}, {name: "partition", width: 70}, {name: "step", width: 85}, {name: "kept", width: 75},
		{name: "error_class", width: 85}, {name: "latency_ms", unit: "ms", limits: latencyLimits, width: 80}, {name: "delay_ms", unit: "ms", width: 80},
		{name: "size_bytes", unit: "bytes", limits: sizeLimits, width: 80}, {name: "attempt", width: 60},
		{name: "client", link: to("client", "client"), title: "Open this client"}, {name: "node", width: 90},
		{name: "consumer_group", link: to("group", "cluster", "group"), title: "Open this group"},
		{name: "message_id", link: all + "&var-message_id=${__data.fields.message_id:percentencode}", title: "All steps of this message"},
		{name: "trace_id", link: all + "&var-trace_id=${__data.fields.trace_id:percentencode}", title: "All steps of this trace"},
	}
}

// toTraces leads from a click on a series to the single messages behind it: with the time, the clusters that are chosen, and variables
// as the labels of the series have them.
func toTraces(variables ...string) []Link {
	url := "/d/weir-traces?${__url_time_range}&${datasource:queryparam}&${env:queryparam}&${cluster:queryparam}"
	for _, name := range variables {
		url += "&var-" + name + "=${__field.labels." + columnOf(name) + ":percentencode}"
	}
	return []Link{{Title: "Single messages", URL: url}}
}

// toTracesOf leads from a click on a series to the single messages that have its label in a column by which Traces has no variable: by an ad-hoc
// filter.
func toTracesOf(label string) []Link {
	links := toTraces()
	links[0].URL += "&var-filters=traces." + label + "%7C%3D%7C${__field.labels." + label + ":percentencode}"
	return links
}
