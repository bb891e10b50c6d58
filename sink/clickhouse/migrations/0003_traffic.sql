-- Messages and bytes by pane and series, versions merged: what dashboards read.
CREATE VIEW IF NOT EXISTS traffic AS
SELECT ts, env, cluster, system, topic, partition, consumer_group, op, client, node, sdk_lang, sdk_version, tier, lane, tag,
       sum(reports) AS reports, sum(messages) AS messages, sum(bytes) AS bytes, sum(errors) AS errors,
       max(latency_max_us) AS latency_max_us, max(size_max_bytes) AS size_max_bytes
FROM rollup_10s FINAL
GROUP BY ts, env, cluster, system, topic, partition, consumer_group, op, client, node, sdk_lang, sdk_version, tier, lane, tag;
