-- Gauges by name: one row for each pane, series and gauge. Gauges are joins: newest is when the value was measured, in ms and shifted
-- by 64 bits, with the value's bits below, so that the newest is the greatest, and reinterpretAsFloat64 has the value. So a cell that is
-- written again, or whose older version comes late, changes nothing. A tuple of both would say the same more plainly, and be
-- grouped by seven times as slowly. Tables that are made of counters cannot be fed so.
CREATE TABLE IF NOT EXISTS gauges (
    ts              DateTime('UTC') CODEC(DoubleDelta, ZSTD(1)),
    name            LowCardinality(String),
    env             LowCardinality(String),
    cluster         LowCardinality(String),
    system          LowCardinality(String),
    topic           LowCardinality(String),
    partition       LowCardinality(String),
    consumer_group  LowCardinality(String),
    op              LowCardinality(String),
    client          String,
    node            LowCardinality(String),
    sdk_lang        LowCardinality(String),
    sdk_version     LowCardinality(String),
    tier            LowCardinality(String),
    lane            LowCardinality(String),
    tag             LowCardinality(String),
    extra           Array(String),
    newest          SimpleAggregateFunction(max, UInt128) CODEC(ZSTD(1)),
    max             SimpleAggregateFunction(max, Float64) CODEC(ZSTD(1))
)
ENGINE = AggregatingMergeTree
PARTITION BY toDate(ts)
PRIMARY KEY (name, env, cluster, toStartOfTenMinutes(ts))
ORDER BY (name, env, cluster, toStartOfTenMinutes(ts), system, consumer_group, topic, partition, node, op, client, sdk_lang, sdk_version,
          tier, lane, tag, extra, ts)
TTL ts + INTERVAL 30 DAY
SETTINGS ttl_only_drop_parts = 1, min_age_to_force_merge_seconds = 900, min_age_to_force_merge_on_partition_only = 1;
-- Values of rows from before gauge.at was stored count as measured when their pane began.
CREATE MATERIALIZED VIEW IF NOT EXISTS gauges_feed TO gauges AS
SELECT ts, name, env, cluster, system, topic, partition, consumer_group, op, client, node, sdk_lang, sdk_version, tier, lane, tag, extra,
       bitOr(bitShiftLeft(toUInt128(toUnixTimestamp64Milli(if(at = 0, toDateTime64(ts, 3, 'UTC'), at))), 64), toUInt128(reinterpretAsUInt64(last))) AS newest, greatest AS max
FROM rollup_10s
ARRAY JOIN `gauge.name` AS name, `gauge.last` AS last, `gauge.max` AS greatest, arrayResize(`gauge.at`, length(`gauge.name`)) AS at;
-- Gauges by minute, of all but the partitions that groups read, of which group_1m has what is asked. What fills gauges feeds
-- these, too: the newest of the minute is the greatest.
CREATE TABLE IF NOT EXISTS gauges_1m (
    ts              DateTime('UTC') CODEC(DoubleDelta, ZSTD(1)),
    name            LowCardinality(String),
    env             LowCardinality(String),
    cluster         LowCardinality(String),
    system          LowCardinality(String),
    topic           LowCardinality(String),
    partition       LowCardinality(String),
    consumer_group  LowCardinality(String),
    op              LowCardinality(String),
    client          String,
    node            LowCardinality(String),
    newest          SimpleAggregateFunction(max, UInt128) CODEC(ZSTD(1)),
    max             SimpleAggregateFunction(max, Float64) CODEC(ZSTD(1))
)
ENGINE = AggregatingMergeTree
PARTITION BY toDate(ts)
PRIMARY KEY (name, env, cluster, toStartOfHour(ts))
ORDER BY (name, env, cluster, toStartOfHour(ts), system, consumer_group, topic, partition, node, op, client, ts)
TTL ts + INTERVAL 30 DAY
SETTINGS ttl_only_drop_parts = 1, min_age_to_force_merge_seconds = 900, min_age_to_force_merge_on_partition_only = 1;
CREATE MATERIALIZED VIEW IF NOT EXISTS gauges_1m_feed TO gauges_1m AS
SELECT toStartOfMinute(ts) AS ts, name, env, cluster, system, topic, partition, consumer_group, op, client, node,
       max(newest) AS newest, max(max) AS max
FROM gauges
WHERE partition = '' OR consumer_group = ''
GROUP BY ts, name, env, cluster, system, topic, partition, consumer_group, op, client, node;
-- What was stored before: hour by hour, the newest first. What comes meanwhile is fed, and may be written twice.
INSERT INTO gauges (ts, name, env, cluster, system, topic, partition, consumer_group, op, client, node, sdk_lang, sdk_version, tier, lane, tag, extra, newest, max)
SELECT ts, name, env, cluster, system, topic, partition, consumer_group, op, client, node, sdk_lang, sdk_version, tier, lane, tag, extra,
       bitOr(bitShiftLeft(toUInt128(toUnixTimestamp64Milli(if(at = 0, toDateTime64(ts, 3, 'UTC'), at))), 64), toUInt128(reinterpretAsUInt64(last))) AS newest, greatest AS max
FROM rollup_10s
ARRAY JOIN `gauge.name` AS name, `gauge.last` AS last, `gauge.max` AS greatest, arrayResize(`gauge.at`, length(`gauge.name`)) AS at
WHERE ts >= {hour} AND ts < {hour} + INTERVAL 1 HOUR;
-- Rows of one key are of one partition, and a day that was merged to one part has each once: with this setting FINAL has nothing to do there.
CREATE VIEW IF NOT EXISTS gauge_values AS
SELECT ts, env, cluster, system, topic, partition, consumer_group, op, client, node, sdk_lang, sdk_version, tier, lane, tag, extra, name,
       reinterpretAsFloat64(newest) AS last, max
FROM gauges FINAL
SETTINGS do_not_merge_across_partitions_select_final = 1;
CREATE VIEW IF NOT EXISTS gauge_values_1m AS
SELECT ts, env, cluster, system, topic, partition, consumer_group, op, client, node, name, reinterpretAsFloat64(newest) AS last, max
FROM gauges_1m FINAL
SETTINGS do_not_merge_across_partitions_select_final = 1;
-- Messages and bytes by pane and series, versions merged.
CREATE VIEW IF NOT EXISTS traffic_10s AS
SELECT ts, env, cluster, system, topic, partition, consumer_group, op, client, node, sdk_lang, sdk_version, tier, lane, tag,
       sum(reports) AS reports, sum(messages) AS messages, sum(bytes) AS bytes, sum(errors) AS errors,
       max(latency_max_us) AS latency_max_us, max(size_max_bytes) AS size_max_bytes
FROM rollup_10s FINAL
GROUP BY ts, env, cluster, system, topic, partition, consumer_group, op, client, node, sdk_lang, sdk_version, tier, lane, tag
SETTINGS do_not_merge_across_partitions_select_final = 1;
-- Messages by minute and topic, as clients reported them. One whose handler failed is a message and an error, and counts once in the ratio.
DROP VIEW IF EXISTS traffic;
CREATE VIEW IF NOT EXISTS traffic AS
WITH least(messages, arraySum((class, count) -> if(class = 'handler', count, 0), `error.class`, `error.count`)) AS in_both
SELECT ts, env, cluster, system, topic, consumer_group, op, tier, lane, tag, messages, bytes, errors, dropped_reports, clients,
       messages / 60 AS messages_per_second, bytes / 60 AS bytes_per_second, errors / nullIf(messages + errors - in_both, 0) AS error_ratio,
       latency_sum_us / nullIf(arraySum(`latency.c`), 0) / 1000 AS latency_mean_ms,
       if(`latency.c`.size0 = 0, NULL, latency_max_us / 1000) AS latency_max_ms,
       if(`size.c`.size0 = 0, NULL, size_max_bytes) AS size_max_bytes
FROM topic_1m FINAL
WHERE op IN ('send', 'consume')
SETTINGS do_not_merge_across_partitions_select_final = 1;
-- Percentiles by minute and topic. A row of topic_1m is one of these: its buckets are ranked where they are. Bucket i stands for
-- 2 g^i / (g + 1) with g = 101/99, and never for more than the greatest value.
CREATE VIEW IF NOT EXISTS latency AS
WITH arrayMap(i -> least(if(i < 0, 0, 2 * pow(101 / 99, i) / (101 / 99 + 1)), toFloat64(latency_max_us)),
              arrayReduce('quantilesExactWeighted(0.5, 0.9, 0.99, 0.999)', `latency.i`, `latency.c`)) AS found
SELECT ts, env, cluster, system, topic, consumer_group, op, tier, lane, tag, arraySum(`latency.c`) AS count,
       found[1] / 1000 AS p50_ms, found[2] / 1000 AS p90_ms, found[3] / 1000 AS p99_ms, found[4] / 1000 AS p999_ms,
       latency_sum_us / count / 1000 AS mean_ms, latency_max_us / 1000 AS max_ms
FROM topic_1m FINAL
WHERE notEmpty(`latency.c`)
SETTINGS do_not_merge_across_partitions_select_final = 1;
CREATE VIEW IF NOT EXISTS delay AS
WITH arrayMap(i -> least(if(i < 0, 0, 2 * pow(101 / 99, i) / (101 / 99 + 1)), toFloat64(delay_max_us)),
              arrayReduce('quantilesExactWeighted(0.5, 0.9, 0.99, 0.999)', `delay.i`, `delay.c`)) AS found
SELECT ts, env, cluster, system, topic, consumer_group, op, tier, lane, tag, arraySum(`delay.c`) AS count,
       found[1] / 1000 AS p50_ms, found[2] / 1000 AS p90_ms, found[3] / 1000 AS p99_ms, found[4] / 1000 AS p999_ms,
       delay_sum_us / count / 1000 AS mean_ms, delay_max_us / 1000 AS max_ms
FROM topic_1m FINAL
WHERE notEmpty(`delay.c`)
SETTINGS do_not_merge_across_partitions_select_final = 1;
CREATE VIEW IF NOT EXISTS size AS
WITH arrayMap(i -> least(if(i < 0, 0, 2 * pow(101 / 99, i) / (101 / 99 + 1)), toFloat64(size_max_bytes)),
              arrayReduce('quantilesExactWeighted(0.5, 0.9, 0.99, 0.999)', `size.i`, `size.c`)) AS found
SELECT ts, env, cluster, system, topic, consumer_group, op, tier, lane, tag, arraySum(`size.c`) AS count,
       found[1] AS p50_bytes, found[2] AS p90_bytes, found[3] AS p99_bytes, found[4] AS p999_bytes,
       size_sum_bytes / count AS mean_bytes, size_max_bytes AS max_bytes
FROM topic_1m FINAL
WHERE notEmpty(`size.c`)
SETTINGS do_not_merge_across_partitions_select_final = 1;
-- Until when hours are added up: to the newest that is over, or to the oldest of which something was left for spare time.
CREATE VIEW IF NOT EXISTS hours_made AS
SELECT least(toStartOfHour(now('UTC') - INTERVAL 65 MINUTE) + INTERVAL 1 HOUR, (SELECT max(ts) FROM rollup_1h) + INTERVAL 1 HOUR,
             ifNull((SELECT minOrNull(toStartOfHour(since)) FROM rollup_backlog FINAL WHERE name = 'rollup_1h' AND since + worked_off_seconds < until), toDateTime('2106-01-01', 'UTC'))) AS until;
-- What is added up of a time, whatever its length: whole hours where steps are some of these or there is one step, as those are a
-- sixtieth of the rows, and minutes of what is left at both ends. Hours count as far as they are made.
CREATE VIEW IF NOT EXISTS rollup_over AS
SELECT ts, env, cluster, system, topic, consumer_group, op, client, node, sdk_lang, sdk_version, tier, lane, tag, messages, bytes, errors, rebalances, dropped_reports,
       `error.class`, `error.count`, `latency.i`, `latency.c`, latency_sum_us, latency_max_us, `delay.i`, `delay.c`, delay_sum_us, delay_max_us,
       `size.i`, `size.c`, size_sum_bytes, size_max_bytes
FROM rollup_1h FINAL
WHERE {step_seconds:UInt32} % 3600 = 0 AND ts >= toStartOfHour({from:DateTime('UTC')} + INTERVAL 3599 SECOND) AND ts < least(toStartOfHour({to:DateTime('UTC')}), (SELECT until FROM hours_made))
SETTINGS do_not_merge_across_partitions_select_final = 1
UNION ALL
SELECT ts, env, cluster, system, topic, consumer_group, op, client, node, sdk_lang, sdk_version, tier, lane, tag, messages, bytes, errors, rebalances, dropped_reports,
       `error.class`, `error.count`, `latency.i`, `latency.c`, latency_sum_us, latency_max_us, `delay.i`, `delay.c`, delay_sum_us, delay_max_us,
       `size.i`, `size.c`, size_sum_bytes, size_max_bytes
FROM rollup_1m FINAL
WHERE ts >= {from:DateTime('UTC')} AND ts < {to:DateTime('UTC')}
  AND NOT ({step_seconds:UInt32} % 3600 = 0 AND ts >= toStartOfHour({from:DateTime('UTC')} + INTERVAL 3599 SECOND) AND ts < least(toStartOfHour({to:DateTime('UTC')}), (SELECT until FROM hours_made)))
SETTINGS do_not_merge_across_partitions_select_final = 1;
-- The same, with minutes of topics, of which there are fewer.
CREATE VIEW IF NOT EXISTS topic_over AS
SELECT ts, env, cluster, system, topic, consumer_group, op, tier, lane, tag, messages, bytes, errors, dropped_reports,
       `error.class`, `error.count`, `latency.i`, `latency.c`, latency_sum_us, latency_max_us, `delay.i`, `delay.c`, delay_sum_us, delay_max_us,
       `size.i`, `size.c`, size_sum_bytes, size_max_bytes
FROM rollup_1h FINAL
WHERE {step_seconds:UInt32} % 3600 = 0 AND ts >= toStartOfHour({from:DateTime('UTC')} + INTERVAL 3599 SECOND) AND ts < least(toStartOfHour({to:DateTime('UTC')}), (SELECT until FROM hours_made))
SETTINGS do_not_merge_across_partitions_select_final = 1
UNION ALL
SELECT ts, env, cluster, system, topic, consumer_group, op, tier, lane, tag, messages, bytes, errors, dropped_reports,
       `error.class`, `error.count`, `latency.i`, `latency.c`, latency_sum_us, latency_max_us, `delay.i`, `delay.c`, delay_sum_us, delay_max_us,
       `size.i`, `size.c`, size_sum_bytes, size_max_bytes
FROM topic_1m FINAL
WHERE ts >= {from:DateTime('UTC')} AND ts < {to:DateTime('UTC')}
  AND NOT ({step_seconds:UInt32} % 3600 = 0 AND ts >= toStartOfHour({from:DateTime('UTC')} + INTERVAL 3599 SECOND) AND ts < least(toStartOfHour({to:DateTime('UTC')}), (SELECT until FROM hours_made)))
SETTINGS do_not_merge_across_partitions_select_final = 1;
-- The same of any steps between two times, or of all as one where the step is 0: buckets are added up first, since percentiles do not add up.
CREATE VIEW IF NOT EXISTS latency_over AS
SELECT step AS ts, env, cluster, topic, consumer_group, op, count,
       found[1] / 1000 AS p50_ms, found[2] / 1000 AS p90_ms, found[3] / 1000 AS p99_ms, found[4] / 1000 AS p999_ms,
       total / count / 1000 AS mean_ms, greatest_value / 1000 AS max_ms
FROM (
    SELECT if({step_seconds:UInt32} = 0, {from:DateTime('UTC')}, toStartOfInterval(ts, toIntervalSecond(greatest({step_seconds:UInt32}, 1)))) AS step,
           env, cluster, topic, consumer_group, op,
           sum(arraySum(`latency.c`)) AS count, sum(latency_sum_us) AS total, max(latency_max_us) AS greatest_value,
           arrayMap(i -> least(if(i < 0, 0, 2 * pow(101 / 99, i) / (101 / 99 + 1)), toFloat64(greatest_value)),
                    quantilesExactWeightedArray(0.5, 0.9, 0.99, 0.999)(`latency.i`, `latency.c`)) AS found
    FROM topic_over(from = {from:DateTime('UTC')}, to = {to:DateTime('UTC')}, step_seconds = {step_seconds:UInt32})
    WHERE notEmpty(`latency.c`)
    GROUP BY step, env, cluster, topic, consumer_group, op
);
CREATE VIEW IF NOT EXISTS delay_over AS
SELECT step AS ts, env, cluster, topic, consumer_group, op, count,
       found[1] / 1000 AS p50_ms, found[2] / 1000 AS p90_ms, found[3] / 1000 AS p99_ms, found[4] / 1000 AS p999_ms,
       total / count / 1000 AS mean_ms, greatest_value / 1000 AS max_ms
FROM (
    SELECT if({step_seconds:UInt32} = 0, {from:DateTime('UTC')}, toStartOfInterval(ts, toIntervalSecond(greatest({step_seconds:UInt32}, 1)))) AS step,
           env, cluster, topic, consumer_group, op,
           sum(arraySum(`delay.c`)) AS count, sum(delay_sum_us) AS total, max(delay_max_us) AS greatest_value,
           arrayMap(i -> least(if(i < 0, 0, 2 * pow(101 / 99, i) / (101 / 99 + 1)), toFloat64(greatest_value)),
                    quantilesExactWeightedArray(0.5, 0.9, 0.99, 0.999)(`delay.i`, `delay.c`)) AS found
    FROM topic_over(from = {from:DateTime('UTC')}, to = {to:DateTime('UTC')}, step_seconds = {step_seconds:UInt32})
    WHERE notEmpty(`delay.c`)
    GROUP BY step, env, cluster, topic, consumer_group, op
);
CREATE VIEW IF NOT EXISTS size_over AS
SELECT step AS ts, env, cluster, topic, consumer_group, op, count,
       found[1] AS p50_bytes, found[2] AS p90_bytes, found[3] AS p99_bytes, found[4] AS p999_bytes,
       total / count AS mean_bytes, greatest_value AS max_bytes
FROM (
    SELECT if({step_seconds:UInt32} = 0, {from:DateTime('UTC')}, toStartOfInterval(ts, toIntervalSecond(greatest({step_seconds:UInt32}, 1)))) AS step,
           env, cluster, topic, consumer_group, op,
           sum(arraySum(`size.c`)) AS count, sum(size_sum_bytes) AS total, max(size_max_bytes) AS greatest_value,
           arrayMap(i -> least(if(i < 0, 0, 2 * pow(101 / 99, i) / (101 / 99 + 1)), toFloat64(greatest_value)),
                    quantilesExactWeightedArray(0.5, 0.9, 0.99, 0.999)(`size.i`, `size.c`)) AS found
    FROM topic_over(from = {from:DateTime('UTC')}, to = {to:DateTime('UTC')}, step_seconds = {step_seconds:UInt32})
    WHERE notEmpty(`size.c`)
    GROUP BY step, env, cluster, topic, consumer_group, op
);
CREATE VIEW IF NOT EXISTS errors AS
SELECT ts, env, cluster, system, topic, consumer_group, op, class, sum(failed) AS errors
FROM topic_1m FINAL
ARRAY JOIN `error.class` AS class, `error.count` AS failed
GROUP BY ts, env, cluster, system, topic, consumer_group, op, class
SETTINGS do_not_merge_across_partitions_select_final = 1;
-- Who sends and consumes, by minute. Brokers know of some that do not report themselves: of those there is no traffic.
CREATE VIEW IF NOT EXISTS clients AS
SELECT ts, env, cluster, system, topic, consumer_group, op, client, node, sdk_lang, sdk_version, tier, lane, tag, messages, bytes, errors,
       rebalances, dropped_reports,
       if(timed = 0, NULL, least(if(found < 0, 0, 2 * pow(101 / 99, found) / (101 / 99 + 1)), toFloat64(greatest_us)) / 1000) AS latency_p99_ms,
       if(timed = 0, NULL, greatest_us / 1000) AS latency_max_ms, if(sized = 0, NULL, greatest_bytes) AS size_max_bytes
FROM (
    SELECT ts, env, cluster, system, topic, consumer_group, op, client, node, sdk_lang, sdk_version, tier, lane, tag,
           sum(rollup_1m.messages) AS messages, sum(rollup_1m.bytes) AS bytes, sum(rollup_1m.errors) AS errors,
           sum(rollup_1m.rebalances) AS rebalances, sum(rollup_1m.dropped_reports) AS dropped_reports,
           quantilesExactWeightedArray(0.99)(`latency.i`, `latency.c`)[1] AS found, sum(arraySum(`latency.c`)) AS timed, max(latency_max_us) AS greatest_us,
           sum(`size.c`.size0) AS sized, max(rollup_1m.size_max_bytes) AS greatest_bytes
    FROM rollup_1m FINAL
    WHERE client != '' AND op != 'probe'
    GROUP BY ts, env, cluster, system, topic, consumer_group, op, client, node, sdk_lang, sdk_version, tier, lane, tag
)
SETTINGS do_not_merge_across_partitions_select_final = 1;
-- Clients by any steps between two times, or of all as one where the step is 0: buckets are added up first.
CREATE VIEW IF NOT EXISTS clients_over AS
SELECT step AS ts, env, cluster, system, topic, consumer_group, op, client, node, sdk_lang, sdk_version, tier, lane, tag, passed AS messages, size AS bytes, failed AS errors,
       in_both AS handler_errors, moved AS rebalances, lost AS dropped_reports,
       if(timed = 0, NULL, least(if(found < 0, 0, 2 * pow(101 / 99, found) / (101 / 99 + 1)), toFloat64(greatest_us)) / 1000) AS latency_p99_ms,
       if(timed = 0, NULL, greatest_us / 1000) AS latency_max_ms, if(sized = 0, NULL, greatest_bytes) AS size_max_bytes
FROM (
    SELECT if({step_seconds:UInt32} = 0, {from:DateTime('UTC')}, toStartOfInterval(ts, toIntervalSecond(greatest({step_seconds:UInt32}, 1)))) AS step,
           env, cluster, system, topic, consumer_group, op, client, node, sdk_lang, sdk_version, tier, lane, tag,
           sum(messages) AS passed, sum(bytes) AS size, sum(errors) AS failed, sum(rebalances) AS moved, sum(dropped_reports) AS lost,
           sum(least(messages, arraySum((class, count) -> if(class = 'handler', count, 0), `error.class`, `error.count`))) AS in_both,
           quantilesExactWeightedArray(0.99)(`latency.i`, `latency.c`)[1] AS found, sum(arraySum(`latency.c`)) AS timed, max(latency_max_us) AS greatest_us,
           sum(`size.c`.size0) AS sized, max(size_max_bytes) AS greatest_bytes
    FROM rollup_over(from = {from:DateTime('UTC')}, to = {to:DateTime('UTC')}, step_seconds = {step_seconds:UInt32})
    WHERE client != '' AND op != 'probe'
    GROUP BY step, env, cluster, system, topic, consumer_group, op, client, node, sdk_lang, sdk_version, tier, lane, tag
);
-- A client that has more than one version in a minute counts for each.
CREATE VIEW IF NOT EXISTS sdk_versions AS
SELECT ts, env, cluster, sdk_lang, sdk_version, uniqExact(client) AS clients, sum(rollup_1m.messages) AS messages
FROM rollup_1m FINAL
WHERE client != '' AND op != 'probe'
GROUP BY ts, env, cluster, sdk_lang, sdk_version
SETTINGS do_not_merge_across_partitions_select_final = 1;
-- Versions likewise, with the percentile of all sends of their clients.
CREATE VIEW IF NOT EXISTS sdk_versions_over AS
SELECT step AS ts, env, cluster, sdk_lang, sdk_version, reporting AS clients, passed AS messages,
       if(timed = 0, NULL, least(if(found < 0, 0, 2 * pow(101 / 99, found) / (101 / 99 + 1)), toFloat64(greatest_us)) / 1000) AS send_p99_ms
FROM (
    SELECT if({step_seconds:UInt32} = 0, {from:DateTime('UTC')}, toStartOfInterval(ts, toIntervalSecond(greatest({step_seconds:UInt32}, 1)))) AS step,
           env, cluster, sdk_lang, sdk_version, uniqExact(client) AS reporting, sum(messages) AS passed,
           quantilesExactWeightedArrayIf(0.99)(`latency.i`, `latency.c`, op = 'send')[1] AS found, sumIf(arraySum(`latency.c`), op = 'send') AS timed,
           maxIf(latency_max_us, op = 'send') AS greatest_us
    FROM rollup_over(from = {from:DateTime('UTC')}, to = {to:DateTime('UTC')}, step_seconds = {step_seconds:UInt32})
    WHERE client != '' AND op != 'probe'
    GROUP BY step, env, cluster, sdk_lang, sdk_version
);
CREATE VIEW IF NOT EXISTS alert_transitions AS
SELECT rule, fingerprint, starts_at, seq, state, at, labels['severity'] AS severity, labels['env'] AS env, labels['cluster'] AS cluster,
       labels['system'] AS system, labels['topic'] AS topic, labels['group'] AS consumer_group, labels['node'] AS node, labels['client'] AS client,
       annotations['summary'] AS summary, fired_at, resolved_at,
       if(state = 'resolved', dateDiff('millisecond', fired_at, resolved_at) / 1000, NULL) AS fired_seconds,
       labels, annotations, values, window_start, window_end, completeness, late_reports, reason, revision
FROM alerts FINAL;
-- Each alert by its newest transition of its newest life.
CREATE VIEW IF NOT EXISTS alert_states AS
SELECT *
FROM alert_transitions
ORDER BY starts_at DESC, seq DESC
LIMIT 1 BY rule, fingerprint;
-- What the expression had read at each transition: one row for each value.
CREATE VIEW IF NOT EXISTS rule_evaluations AS
SELECT rule, fingerprint, at, state, name, value, window_start, window_end, completeness
FROM alerts FINAL
ARRAY JOIN mapKeys(values) AS name, mapValues(values) AS value;
-- Minutes as the log has them. How late an open segment is stored is not known yet.
CREATE VIEW IF NOT EXISTS pipeline AS
SELECT segment_minute AS ts, source, sum(reports) AS reports, sum(refused) AS refused, sum(bytes) AS bytes,
       if(min(closed), greatest(dateDiff('second', segment_minute + INTERVAL 1 MINUTE, max(inserted_at)), 0), NULL) AS stored_after_seconds
FROM ledger FINAL
GROUP BY segment_minute, source;
