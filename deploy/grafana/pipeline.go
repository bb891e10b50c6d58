package grafana

// pipeline is Weir itself.
func pipeline() *Dashboard {
	d := newDashboard("pipeline", "Pipeline", "Weir itself: how much it takes in, how soon it is stored, what was refused or lost, and what it keeps.", environments())
	number := func(title, help, unit, sql string, l limits) {
		base := blue
		if len(l) > 0 {
			base = green
		}
		d.number(spec{title: title, help: help, unit: unit, sql: sql, limits: l, base: base})
	}
	number("Reports", "Taken in and stored in the range.", "short", "SELECT sum(reports) AS reports FROM pipeline WHERE $__timeFilter(ts)", nil)
	number("Refused", "Reports in the range that went to weir.deadletter: undecodable, out of bounds or over a limit.", "none", "SELECT sum(refused) AS reports FROM pipeline WHERE $__timeFilter(ts)", noticeLimits)
	number("Stored after", "Seconds after a minute's end until its last report was stored: the longest of the range.", "s", "SELECT max(stored_after_seconds) AS seconds FROM pipeline WHERE $__timeFilter(ts)", storedLimits)
	number("Lost by senders", "Reports that clients could not deliver to Kafka, and dropped.", "none", "SELECT sum(dropped_reports) AS reports FROM traffic WHERE $__timeFilter(ts) AND "+where("env"), noticeLimits)
	number("Segments not whole", "Closed segments of the range, of its part within the last day, of which ClickHouse does not hold as many reports as the ledger says: 0, or something is missing or counted twice. weir audit says which, and looks further back. Of an older range it is unknown: tiers may keep their panes for less.", "none",
		`WITH greatest($__fromTime, now() - INTERVAL 1 DAY) AS begins
SELECT if($__toTime > begins, count(), NULL) AS segments
FROM (SELECT source, segment_block, segment_minute, reports AS held FROM ledger FINAL WHERE closed AND segment_minute >= begins AND segment_minute <= $__toTime - INTERVAL 2 MINUTE) AS l
LEFT JOIN (SELECT source, segment_block, segment_minute, sum(reports) AS stored FROM rollup_10s FINAL
           WHERE ts >= begins - INTERVAL 1 DAY AND ts <= $__toTime + INTERVAL 1 DAY AND segment_minute >= begins AND segment_minute <= $__toTime
           GROUP BY source, segment_block, segment_minute) AS c USING (source, segment_block, segment_minute)
WHERE held != stored`, firingLimits)
	number("Newest pane", "How old the newest pane in ClickHouse is. It grows where nothing is reported, or nothing is stored.", "s", "SELECT if(count() = 0, NULL, greatest(dateDiff('second', max(ts), now()), 0)) AS seconds FROM rollup_10s WHERE $__timeFilter(ts)", storedLimits)

	d.row("Flow")
	d.chart(spec{title: "Reports by source", help: "Reports per second by source, which is a partition of weir.telemetry. One above the others is a skew of keys.", step: minute, unit: "cps", stack: true, name: "${__field.labels.source}",
		sql: "SELECT $__timeInterval(ts) AS time, source, sum(reports) / $__interval_s AS reports_per_second FROM pipeline\nWHERE " + wholeSteps + "\nGROUP BY time, source ORDER BY time, source\nLIMIT 20000"})
	d.chart(spec{title: "Bytes", help: "Bytes per second of reports, as they are in Kafka before compression.", step: minute, unit: "binBps", stack: true, name: "${__field.labels.source}",
		sql: "SELECT $__timeInterval(ts) AS time, source, sum(bytes) / $__interval_s AS bytes_per_second FROM pipeline\nWHERE " + wholeSteps + "\nGROUP BY time, source ORDER BY time, source\nLIMIT 20000"})
	d.chart(spec{title: "Stored after, by source", help: "Seconds after a minute's end until its last report was in ClickHouse. Everything on the other dashboards is at least so old.", step: minute, unit: "s", limits: storedLimits, name: "${__field.labels.source}",
		sql: "SELECT $__timeInterval(ts) AS time, source, max(stored_after_seconds) AS seconds FROM pipeline\nWHERE stored_after_seconds IS NOT NULL AND $__timeFilter(ts)\nGROUP BY time, source ORDER BY time, source\nLIMIT 20000"})
	d.chart(spec{title: "Refused and lost", help: "Reports of each step that Weir refused, and that senders lost before.", step: minute, unit: "none",
		sql: "SELECT time, sum(refused) AS refused_reports, sum(lost) AS lost_reports\nFROM (\n    SELECT $__timeInterval(ts) AS time, sum(refused) AS refused, 0 AS lost FROM pipeline WHERE " + wholeSteps + " GROUP BY time\n    UNION ALL\n" +
			"    SELECT $__timeInterval(ts) AS time, 0 AS refused, sum(dropped_reports) AS lost FROM traffic WHERE " + wholeSteps + " AND " + where("env") + " GROUP BY time\n)\nGROUP BY time ORDER BY time"})
	d.chart(spec{title: "Lag of Weir's stages", help: "How far the consumer groups of Weir's stages are behind, where a collector polls Weir's own Kafka.", step: minute, unit: "s", limits: storedLimits, name: "${__field.labels.consumer_group} ${__field.labels.topic}",
		sql: "SELECT $__timeInterval(ts) AS time, consumer_group, topic, max(lag_seconds) AS seconds FROM group_lag\nWHERE startsWith(consumer_group, 'weir-') AND lag_seconds IS NOT NULL AND $__timeFilter(ts) AND " + where("env") + "\nGROUP BY time, consumer_group, topic ORDER BY time, consumer_group, topic"})
	d.chart(spec{title: "Rows written", help: "Rows by pane and series, before versions are merged: what the store has to bear.", step: pane, unit: "cps", name: "${__field.labels.op}", stack: true,
		sql: "SELECT $__timeInterval(ts) AS time, op, count() / $__interval_s AS rows_per_second FROM rollup_10s\nWHERE " + wholeSteps + " AND " + where("env") + "\nGROUP BY time, op ORDER BY time, op"})

	d.row("What is kept")
	d.table(spec{title: "Sources", help: "Each partition of weir.telemetry in the range.", width: 12,
		sql:     "SELECT source, sum(reports) AS reports, sum(refused) AS refused, sum(bytes) AS bytes, max(stored_after_seconds) AS stored_after_seconds, max(ts) AS last_minute FROM pipeline\nWHERE $__timeFilter(ts)\nGROUP BY source\nORDER BY reports DESC, source\nLIMIT 200",
		columns: []column{{name: "reports", unit: "short", bar: true}, {name: "refused", limits: noticeLimits}, {name: "bytes", unit: "bytes"}, {name: "stored_after_seconds", unit: "s", limits: storedLimits}, {name: "last_minute", unit: "dateTimeAsIso"}}})
	d.table(spec{title: "Tables", help: "What the store holds now, and from when to when.", width: 12,
		sql:     "SELECT table, sum(rows) AS rows, sum(bytes_on_disk) AS bytes, count() AS parts, bytes / nullIf(rows, 0) AS bytes_per_row\nFROM system.parts\nWHERE active AND database = currentDatabase()\nGROUP BY table\nORDER BY bytes DESC",
		columns: []column{{name: "rows", unit: "short"}, {name: "bytes", unit: "bytes", bar: true}, {name: "parts", limits: limits{{100, yellow}, {300, red}}}, {name: "bytes_per_row", unit: "bytes"}}})
	return d
}
