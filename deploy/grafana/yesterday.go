package grafana

// lastFive is the end of the last five minutes of the range that are over and stored: the window of SendRateZero. Panes are read, as minutes are made later.
const lastFive = "toStartOfInterval(least($__toTime, now() - INTERVAL 75 SECOND), INTERVAL 10 SECOND)"

// againstYesterday sets what is sent to each topic against the same time of the day before.
func againstYesterday(d *Dashboard, scope string) {
	d.table(spec{title: "Topics against yesterday", help: "Messages per second sent in the last five minutes of the range, and in the same five a day before: first what is not sent to any more, then what has changed most. What nobody reported is unknown, not 0.", width: 12,
		sql: `SELECT env, cluster, topic, sumOrNullIf(messages, today) / 300 AS sent_per_second, sumOrNullIf(messages, NOT today) / 300 AS day_before_per_second, sent_per_second / nullIf(day_before_per_second, 0) - 1 AS change
FROM (
    SELECT env, cluster, topic, messages, ts >= ` + lastFive + ` - INTERVAL 5 MINUTE AS today FROM traffic_10s
    WHERE op = 'send' AND (ts >= ` + lastFive + ` - INTERVAL 5 MINUTE AND ts < ` + lastFive + `
          OR ts >= ` + lastFive + ` - INTERVAL 1445 MINUTE AND ts < ` + lastFive + ` - INTERVAL 1 DAY)
      AND ` + scope + `
)
GROUP BY env, cluster, topic
ORDER BY sent_per_second IS NULL DESC, abs(log2(change + 1)) DESC NULLS LAST, topic
LIMIT 100`,
		columns: []column{{name: "topic", link: to("topic", "env", "cluster", "topic"), title: "Open this topic"}, {name: "sent_per_second", unit: "cps"}, {name: "day_before_per_second", unit: "cps"}, {name: "change", unit: "percentunit"}}})
}
