package grafana

// lives counts lives of alerts. A change of severity is a transition to firing, too, of the same life.
const lives = "uniqExact((fingerprint, starts_at))"

// alerts is what fired, how often, and on what values.
func alerts() *Dashboard {
	rule := choice("rule", "Rule", "SELECT DISTINCT rule FROM alert_transitions WHERE $__timeFilter(at) AND "+ofAlerts("env", "cluster")+" ORDER BY rule")
	severity := choice("severity", "Severity", "SELECT DISTINCT severity FROM alert_transitions WHERE $__timeFilter(at) ORDER BY severity")
	d := newDashboard("alerts", "Alerts", "What fires now, what fired when, which rules are noisy, and the values behind a firing.", environments(), clusters(), rule, severity)
	scope := ofAlerts("env", "cluster") + "\n  AND " + where("rule", "severity")
	inRange := "$__timeFilter(at) AND " + scope
	number := func(title, help, unit, sql string, l limits) {
		base := blue
		if len(l) > 0 {
			base = green
		}
		d.number(spec{title: title, help: help, unit: unit, sql: sql, limits: l, base: base})
	}
	number("Firing now", "Alerts that fire at this moment, whatever the range.", "none", "SELECT count() AS alerts FROM alert_states WHERE state = 'firing' AND "+scope, firingLimits)
	number("Pending now", "Alerts whose condition holds and that wait for their rule's time.", "none", "SELECT count() AS alerts FROM alert_states WHERE state = 'pending' AND "+scope, noticeLimits)
	number("Fired", "Firings in the range: each life of an alert counts once, whatever its severity became.", "none", "SELECT "+lives+" AS firings FROM alert_transitions WHERE state = 'firing' AND "+inRange, nil)
	number("Mean duration", "How long alerts fired that were resolved in the range.", "s", "SELECT avg(fired_seconds) AS seconds FROM alert_transitions WHERE state = 'resolved' AND "+inRange, nil)
	number("Over in a minute", "Share of firings that were resolved within a minute. What is over before anybody looks is noise: give its rule a longer for, or keep_firing_for.", "percentunit",
		"SELECT countIf(fired_seconds < 60) / nullIf(count(), 0) AS share FROM alert_transitions WHERE state = 'resolved' AND "+inRange, limits{{0.5, orange}})
	number("Least complete", "The smallest share of sources that an evaluation behind a transition had seen. Below 1 telemetry was missing.", "percentunit",
		"SELECT min(completeness) AS share FROM alert_transitions WHERE "+inRange, below(completenessFloor))

	d.row("When")
	const one = "concat(rule, arrayStringConcat(arrayMap(x -> concat(' ', x), arrayFilter(x -> x != '', [cluster, topic, consumer_group, node, client]))))"
	d.states(spec{title: "Timeline", unit: "none", help: "Each alert over time: orange is pending, red fires, green is resolved. The fifty that changed last.", step: "1s", name: "${__field.labels.alert}", high: 10,
		limits: limits{{1, orange}, {2, red}}, base: green, mappings: words(word{"0", "resolved", green}, word{"1", "pending", orange}, word{"2", "firing", red}),
		sql: "SELECT toStartOfSecond(at) AS time, " + one + " AS alert, argMax(multiIf(state = 'firing', 2, state = 'pending', 1, 0), (at, seq)) AS state_number\nFROM alert_transitions\nWHERE " + inRange +
			"\n  AND fingerprint IN (SELECT fingerprint FROM alert_transitions WHERE " + inRange + " GROUP BY fingerprint ORDER BY max(at) DESC LIMIT 50)\nGROUP BY time, alert ORDER BY time, alert"})
	d.chart(spec{title: "Firing over time", help: "How many alerts fired at the same time, each with the last severity of its life.", step: pane, unit: "none", stack: true, name: "${__field.labels.severity}",
		sql: `SELECT time, severity, sum(alive) AS alerts
FROM (
    SELECT arrayJoin(arrayMap(i -> toDateTime(i * $__interval_s, 'UTC'), range(toUInt64(intDiv(toUnixTimestamp(greatest(begins, $__fromTime)), $__interval_s)), toUInt64(intDiv(toUnixTimestamp(least(ends, $__toTime)), $__interval_s)) + 1))) AS time,
           last_severity AS severity, 1 AS alive
    FROM (
        SELECT argMax(severity, seq) AS last_severity, toDateTime(minIf(at, state = 'firing')) AS begins, toDateTime(if(max(state = 'resolved'), maxIf(at, state = 'resolved'), toDateTime64($__toTime, 3, 'UTC'))) AS ends
        FROM alert_transitions WHERE ` + ofAlerts("env", "cluster") + "\n          AND " + where("rule") + ` GROUP BY fingerprint, starts_at
        HAVING max(state = 'firing') AND ends >= $__fromTime AND begins <= $__toTime AND $__conditionalAll(last_severity IN (${severity:singlequote}), $severity)
    )
)
GROUP BY time, severity ORDER BY time, severity`})
	d.chart(spec{title: "Transitions", help: "How often alerts changed their state, or their severity while they fired. Many without many firings are alerts that are pending in vain.", step: pane, unit: "none", stack: true, name: "${__field.labels.state}",
		sql: "SELECT $__timeInterval(at) AS time, state, count() AS transitions FROM alert_transitions\nWHERE " + inRange + "\nGROUP BY time, state ORDER BY time, state"})

	d.row("Noise")
	d.bars(spec{title: "Rules that fired most", help: "Firings in the range by rule: begin here when there are too many.", unit: "none", base: blue,
		sql: "SELECT rule, " + lives + " AS firings FROM alert_transitions WHERE state = 'firing' AND " + inRange + "\nGROUP BY rule ORDER BY firings DESC, rule LIMIT 15"})
	d.bars(spec{title: "What they fired about", help: "Firings in the range by cluster, topic, group, broker or client.", unit: "none", base: blue,
		sql: "SELECT arrayStringConcat(arrayFilter(x -> x != '', [cluster, topic, consumer_group, node, client]), ' ') AS about, " + lives + " AS firings FROM alert_transitions WHERE state = 'firing' AND " + inRange + "\nGROUP BY about ORDER BY firings DESC, about LIMIT 15"})
	d.table(spec{title: "Rules", help: "How each rule behaved in the range. Short firings of one alert again and again are flapping.",
		sql: "SELECT rule, arrayStringConcat(arraySort(groupUniqArray(severity)), ', ') AS severities, uniqExactIf((fingerprint, starts_at), state = 'firing') AS firings, uniqExactIf(fingerprint, state = 'firing') AS alerts, firings / nullIf(alerts, 0) AS firings_per_alert,\n" +
			"       avgIf(fired_seconds, state = 'resolved') AS mean_seconds, minIf(fired_seconds, state = 'resolved') AS shortest_seconds, countIf(state = 'pending') AS pending, min(completeness) AS least_complete\nFROM alert_transitions\nWHERE " + inRange + "\nGROUP BY rule\nORDER BY firings DESC, rule",
		columns: []column{{name: "rule", link: to("alerts", "rule"), title: "Only this rule"}, {name: "firings", bar: true}, {name: "firings_per_alert", limits: limits{{3, orange}}}, {name: "mean_seconds", unit: "s"}, {name: "shortest_seconds", unit: "s"}, {name: "least_complete", unit: "percentunit"}}})

	reasons(d, inRange)
	return d
}

// reasons is the part about what alerts were made of.
func reasons(d *Dashboard, inRange string) {
	d.row("Why")
	d.chart(spec{title: "Values behind the alerts", help: "What the expressions had read at each transition: choose one rule.", step: "1s", unit: "short", name: "${__field.labels.value_of}", width: 24,
		sql: "SELECT toStartOfSecond(at) AS time, concat(rule, ' ', name) AS value_of, max(value) AS value FROM rule_evaluations\nWHERE $__timeFilter(at) AND " + where("rule") + "\nGROUP BY time, value_of ORDER BY time, value_of\nLIMIT 5000"})
	d.table(spec{title: "History", help: "Every transition of the range, the newest first.", high: 11,
		sql: "SELECT at, state, severity, rule, cluster, topic, consumer_group, node, client, summary, fired_seconds, completeness, reason\nFROM alert_transitions\nWHERE " + inRange + "\nORDER BY at DESC, seq DESC\nLIMIT 500",
		columns: []column{{name: "at", unit: "dateTimeAsIso", width: 170}, {name: "state", width: 90, mappings: alertWords}, {name: "rule", link: to("alerts", "rule"), title: "Only this rule"},
			{name: "topic", link: to("topic", "cluster", "topic"), title: "Open this topic"}, {name: "consumer_group", link: to("group", "cluster", "group"), title: "Open this group"},
			{name: "client", link: to("client", "client"), title: "Open this client"}, {name: "summary", width: 320}, {name: "fired_seconds", unit: "s"}, {name: "completeness", unit: "percentunit"}}})
	d.table(spec{title: "Findings of the inspection", help: "What the newest daily inspection up to the end of the range found: what no pager need ring for, and somebody should mend. It looks at the day before. The first line says how many findings of how many rules, or that nobody has asked.",
		sql: `SELECT day, severity, rule, cluster, topic, consumer_group, client, summary, completeness FROM (
    SELECT day, severity, rule, labels['cluster'] AS cluster, labels['topic'] AS topic, labels['group'] AS consumer_group, labels['client'] AS client, summary, toNullable(completeness) AS completeness
    FROM inspection_findings FINAL
    WHERE (day, asked_at) IN (SELECT max((day, asked_at)) FROM inspection_findings WHERE day <= toDate($__toTime))
      AND $__conditionalAll(labels['env'] IN ('', ${env:singlequote}), $env) AND $__conditionalAll(labels['cluster'] IN ('', ${cluster:singlequote}), $cluster)
    UNION ALL
    SELECT toDate($__toTime), '', '', '', '', '', '', 'no inspection was made up to this day: set inspection.at, or ask by weir rules inspect --write', NULL
    FROM (SELECT count() AS made FROM inspection_findings WHERE day <= toDate($__toTime)) WHERE made = 0
)
ORDER BY rule = '' DESC, severity = 'critical' DESC, severity = 'warning' DESC, rule, cluster, topic, consumer_group, client
LIMIT 500`,
		columns: []column{{name: "day", width: 110}, {name: "severity", width: 90}, {name: "topic", link: to("topic", "cluster", "topic"), title: "Open this topic"},
			{name: "consumer_group", link: to("group", "cluster", "group"), title: "Open this group"}, {name: "client", link: to("client", "client"), title: "Open this client"}, {name: "summary", width: 320}, {name: "completeness", unit: "percentunit"}}})
}
