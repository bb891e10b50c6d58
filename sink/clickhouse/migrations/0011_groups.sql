-- Consumer groups by minute: one row for each group and topic, with what is known of the partitions that it reads as arrays in their
-- order, so that a question about groups reads a row where it would read one for each partition, gauge and pane. The stage clickhouse
-- makes it anew of whole minutes of rollup_10s, as the other tables of longer steps. Members are of the group: they stand in a row
-- without a topic. What nobody reported is NULL.
CREATE TABLE IF NOT EXISTS group_1m (
    ts                                  DateTime('UTC') CODEC(DoubleDelta, ZSTD(1)),
    env                                 LowCardinality(String),
    cluster                             LowCardinality(String),
    system                              LowCardinality(String),
    consumer_group                      LowCardinality(String),
    topic                               LowCardinality(String),
    reports                             UInt64 CODEC(T64, ZSTD(1)),
    lag_messages                        Nullable(Float64) CODEC(ZSTD(1)),
    lag_seconds                         Nullable(Float64) CODEC(ZSTD(1)),
    worst_partition                     Nullable(String) CODEC(ZSTD(1)),
    drain_seconds                       Nullable(Float64) CODEC(ZSTD(1)),
    consumed_messages_per_second        Nullable(Float64) CODEC(ZSTD(1)),
    members                             Nullable(Float64) CODEC(ZSTD(1)),
    `partition.name`                    Array(LowCardinality(String)),
    `partition.lag_messages`            Array(Nullable(Float64)) CODEC(ZSTD(1)),
    `partition.lag_seconds`             Array(Nullable(Float64)) CODEC(ZSTD(1)),
    `partition.commit_age_seconds`      Array(Nullable(Float64)) CODEC(ZSTD(1)),
    `partition.retention_left_seconds`  Array(Nullable(Float64)) CODEC(ZSTD(1)),
    `partition.state`                   Array(LowCardinality(String)),
    inserted_at                         DateTime('UTC') DEFAULT now()
)
ENGINE = ReplacingMergeTree(reports)
PARTITION BY toDate(ts)
PRIMARY KEY (toStartOfHour(ts), env, cluster, consumer_group, topic)
ORDER BY (toStartOfHour(ts), env, cluster, consumer_group, topic, system, ts)
TTL ts + INTERVAL 30 DAY
SETTINGS index_granularity = 256, ttl_only_drop_parts = 1, min_age_to_force_merge_seconds = 900, min_age_to_force_merge_on_partition_only = 1;
-- Partitions that groups read, by minute.
CREATE VIEW IF NOT EXISTS lag AS
SELECT ts, env, cluster, system, consumer_group, topic, toString(`partition.name`) AS partition, `partition.lag_messages` AS lag_messages,
       `partition.lag_seconds` AS lag_seconds, `partition.commit_age_seconds` AS commit_age_seconds,
       `partition.retention_left_seconds` AS retention_left_seconds, toString(`partition.state`) AS state
FROM group_1m FINAL
ARRAY JOIN `partition.name`, `partition.lag_messages`, `partition.lag_seconds`, `partition.commit_age_seconds`, `partition.retention_left_seconds`, `partition.state`
SETTINGS do_not_merge_across_partitions_select_final = 1;
-- Groups by topic. Members are of the group, so each of its topics has them: rows are grouped, and taken apart again, so that conditions
-- reach the key of the table.
CREATE VIEW IF NOT EXISTS group_lag AS
SELECT ts, env, cluster, system, consumer_group, found.1 AS topic, found.2 AS lag_messages, found.3 AS lag_seconds, found.4 AS worst_partition,
       found.5 AS drain_seconds, found.6 AS consumed_messages_per_second, members
FROM (
    SELECT ts, env, cluster, system, consumer_group, maxIf(group_1m.members, topic = '') AS members,
           groupArrayIf((topic, lag_messages, lag_seconds, worst_partition, drain_seconds, consumed_messages_per_second),
                        topic != '' AND NOT (lag_messages IS NULL AND lag_seconds IS NULL AND drain_seconds IS NULL AND consumed_messages_per_second IS NULL)) AS topics
    FROM group_1m FINAL
    GROUP BY ts, env, cluster, system, consumer_group
)
ARRAY JOIN topics AS found
SETTINGS do_not_merge_across_partitions_select_final = 1;
-- The same by pane, of gauges. Of two that report the same series the newest counts. A client that has paused says so of its group and
-- topic, not of partitions.
CREATE VIEW IF NOT EXISTS lag_10s AS
SELECT ts, env, cluster, system, consumer_group, topic, found.1 AS partition, found.2 AS lag_messages, found.3 AS lag_seconds,
       found.4 AS commit_age_seconds, found.5 AS retention_left_seconds,
       multiIf(paused > 0, 'paused', found.6 = 1, 'stop', found.7 = 1, 'rewind', found.8 = 1, 'stall', found.9 = 1, 'warn',
               found.6 + found.7 + found.8 + found.9 = 0, 'ok', 'unknown') AS state
FROM (
    SELECT ts, env, cluster, system, consumer_group, topic, max(paused) AS paused,
           groupArrayIf((partition, lag_messages, lag_seconds, commit_age_seconds, retention_left_seconds, stopped, rewound, stalled, growing), partition != '') AS partitions
    FROM (
        SELECT ts, env, cluster, system, consumer_group, topic, partition,
               reinterpretAsFloat64(maxOrNullIf(newest, name = 'lag_messages')) AS lag_messages,
               reinterpretAsFloat64(maxOrNullIf(newest, name = 'lag_seconds')) AS lag_seconds,
               reinterpretAsFloat64(maxOrNullIf(newest, name = 'commit_age_seconds')) AS commit_age_seconds,
               reinterpretAsFloat64(maxOrNullIf(newest, name = 'retention_left_seconds')) AS retention_left_seconds,
               reinterpretAsFloat64(maxOrNullIf(newest, name = 'stopped_partitions')) AS stopped,
               reinterpretAsFloat64(maxOrNullIf(newest, name = 'rewound_partitions')) AS rewound,
               reinterpretAsFloat64(maxOrNullIf(newest, name = 'stalled_partitions')) AS stalled,
               reinterpretAsFloat64(maxOrNullIf(newest, name = 'growing_partitions')) AS growing,
               maxIf(reinterpretAsFloat64(newest), name = 'paused') AS paused
        FROM gauges
        WHERE name IN ('lag_messages', 'lag_seconds', 'commit_age_seconds', 'retention_left_seconds', 'stopped_partitions', 'rewound_partitions', 'stalled_partitions', 'growing_partitions', 'paused')
          AND consumer_group != ''
        GROUP BY ts, env, cluster, system, consumer_group, topic, partition
    )
    GROUP BY ts, env, cluster, system, consumer_group, topic
)
ARRAY JOIN partitions AS found;
CREATE VIEW IF NOT EXISTS group_lag_10s AS
SELECT ts, env, cluster, system, consumer_group, found.1 AS topic, found.2 AS lag_messages, found.3 AS lag_seconds, found.4 AS worst_partition,
       found.5 AS drain_seconds, found.6 AS consumed_messages_per_second, members
FROM (
    SELECT ts, env, cluster, system, consumer_group, maxIf(members, topic = '') AS members,
           groupArrayIf((topic, lag_messages, lag_seconds, worst_partition, drain_seconds, consumed), topic != '') AS topics
    FROM (
        SELECT ts, env, cluster, system, consumer_group, topic, sum(unread) AS lag_messages, max(age) AS lag_seconds,
               argMaxOrNullIf(toString(partition), rank, partition != '' AND (age > 0 OR unread > 0)) AS worst_partition,
               maxIf(drain, partition = '') AS drain_seconds, maxIf(consumed_here, partition = '') AS consumed, max(members_here) AS members
        FROM (
            SELECT ts, env, cluster, system, consumer_group, topic, partition,
                   reinterpretAsFloat64(maxOrNullIf(newest, name = 'lag_messages')) AS unread,
                   reinterpretAsFloat64(maxOrNullIf(newest, name = 'lag_seconds')) AS age,
                   reinterpretAsFloat64(maxOrNullIf(newest, name = 'drain_seconds')) AS drain,
                   reinterpretAsFloat64(maxOrNullIf(newest, name = 'consumed_messages_per_second')) AS consumed_here,
                   reinterpretAsFloat64(maxOrNullIf(newest, name = 'members')) AS members_here,
                   bitOr(bitShiftLeft(maxIf(newest, name = 'lag_seconds'), 64), toUInt128(toUInt64(maxIf(newest, name = 'lag_messages')))) AS rank
            FROM gauges
            WHERE name IN ('lag_messages', 'lag_seconds', 'drain_seconds', 'consumed_messages_per_second', 'members') AND consumer_group != ''
            GROUP BY ts, env, cluster, system, consumer_group, topic, partition
        )
        GROUP BY ts, env, cluster, system, consumer_group, topic
    )
    GROUP BY ts, env, cluster, system, consumer_group
)
ARRAY JOIN topics AS found;
-- Brokers. Of two collectors whose probes differ the one that failed less often counts, as rules have it. By minute, heartbeats are of
-- whole ones.
CREATE VIEW IF NOT EXISTS nodes AS
SELECT ts, env, cluster, system, node,
       if(beats = 0, NULL, least(buckets[1], toFloat64(greatest_us)) / 1000) AS heartbeat_p50_ms,
       if(beats = 0, NULL, least(buckets[2], toFloat64(greatest_us)) / 1000) AS heartbeat_p99_ms,
       if(beats = 0, NULL, greatest_us / 1000) AS heartbeat_max_ms,
       heartbeat_failures_in_a_row, disk_used_ratio, leaders, partitions, send_queue_wait_seconds, page_cache_lock_seconds
FROM (
    SELECT ts, env, cluster, system, node, sum(arraySum(c)) AS beats, max(longest) AS greatest_us,
           arrayMap(i -> if(i < 0, 0, 2 * pow(101 / 99, i) / (101 / 99 + 1)), quantilesExactWeightedArray(0.5, 0.99)(i, c)) AS buckets,
           minOrNullIf(reinterpretAsFloat64(newest), name = 'heartbeat_failures_in_a_row') AS heartbeat_failures_in_a_row,
           reinterpretAsFloat64(maxOrNullIf(newest, name = 'disk_used_ratio')) AS disk_used_ratio,
           reinterpretAsFloat64(maxOrNullIf(newest, name = 'leaders')) AS leaders,
           reinterpretAsFloat64(maxOrNullIf(newest, name = 'partitions')) AS partitions,
           reinterpretAsFloat64(maxOrNullIf(newest, name = 'send_queue_wait_seconds')) AS send_queue_wait_seconds,
           reinterpretAsFloat64(maxOrNullIf(newest, name = 'page_cache_lock_seconds')) AS page_cache_lock_seconds
    FROM (
        SELECT ts, env, cluster, system, node, toString(name) AS name, newest, CAST([], 'Array(Int16)') AS i, CAST([], 'Array(UInt64)') AS c, 0 AS longest
        FROM gauges_1m FINAL
        WHERE name IN ('heartbeat_failures_in_a_row', 'disk_used_ratio', 'leaders', 'partitions', 'send_queue_wait_seconds', 'page_cache_lock_seconds') AND node != ''
        UNION ALL
        SELECT ts, env, cluster, system, node, '' AS name, toUInt128(0) AS newest, `heartbeat.i` AS i, `heartbeat.c` AS c, heartbeat_max_us AS longest
        FROM rollup_1m FINAL
        WHERE op = 'probe' AND node != ''
    )
    GROUP BY ts, env, cluster, system, node
)
SETTINGS do_not_merge_across_partitions_select_final = 1;
CREATE VIEW IF NOT EXISTS nodes_10s AS
SELECT ts, env, cluster, system, node,
       if(beats = 0, NULL, least(buckets[1], toFloat64(greatest_us)) / 1000) AS heartbeat_p50_ms,
       if(beats = 0, NULL, least(buckets[2], toFloat64(greatest_us)) / 1000) AS heartbeat_p99_ms,
       if(beats = 0, NULL, greatest_us / 1000) AS heartbeat_max_ms,
       heartbeat_failures_in_a_row, disk_used_ratio, leaders, partitions, send_queue_wait_seconds, page_cache_lock_seconds
FROM (
    SELECT ts, env, cluster, system, node, sum(arraySum(c)) AS beats, max(longest) AS greatest_us,
           arrayMap(i -> if(i < 0, 0, 2 * pow(101 / 99, i) / (101 / 99 + 1)), quantilesExactWeightedArray(0.5, 0.99)(i, c)) AS buckets,
           minOrNullIf(reinterpretAsFloat64(newest), name = 'heartbeat_failures_in_a_row') AS heartbeat_failures_in_a_row,
           reinterpretAsFloat64(maxOrNullIf(newest, name = 'disk_used_ratio')) AS disk_used_ratio,
           reinterpretAsFloat64(maxOrNullIf(newest, name = 'leaders')) AS leaders,
           reinterpretAsFloat64(maxOrNullIf(newest, name = 'partitions')) AS partitions,
           reinterpretAsFloat64(maxOrNullIf(newest, name = 'send_queue_wait_seconds')) AS send_queue_wait_seconds,
           reinterpretAsFloat64(maxOrNullIf(newest, name = 'page_cache_lock_seconds')) AS page_cache_lock_seconds
    FROM (
        SELECT ts, env, cluster, system, node, toString(name) AS name, newest, CAST([], 'Array(Int16)') AS i, CAST([], 'Array(UInt64)') AS c, 0 AS longest
        FROM gauges FINAL
        WHERE name IN ('heartbeat_failures_in_a_row', 'disk_used_ratio', 'leaders', 'partitions', 'send_queue_wait_seconds', 'page_cache_lock_seconds') AND node != ''
        UNION ALL
        SELECT ts, env, cluster, system, node, '' AS name, toUInt128(0) AS newest, `heartbeat.i` AS i, `heartbeat.c` AS c, heartbeat_max_us AS longest
        FROM rollup_10s FINAL
        WHERE op = 'probe' AND node != ''
    )
    GROUP BY ts, env, cluster, system, node
)
SETTINGS do_not_merge_across_partitions_select_final = 1;
CREATE VIEW IF NOT EXISTS cluster_states AS
SELECT ts, env, cluster, system,
       reinterpretAsFloat64(maxOrNullIf(newest, name = 'brokers_alive')) AS brokers_alive,
       reinterpretAsFloat64(maxOrNullIf(newest, name = 'nodes_alive')) AS nodes_alive,
       reinterpretAsFloat64(maxOrNullIf(newest, name = 'under_replicated_partitions')) AS under_replicated_partitions,
       reinterpretAsFloat64(maxOrNullIf(newest, name = 'under_min_isr_partitions')) AS under_min_isr_partitions,
       reinterpretAsFloat64(maxOrNullIf(newest, name = 'leaderless_partitions')) AS leaderless_partitions,
       reinterpretAsFloat64(maxOrNullIf(newest, name = 'active_controllers')) AS active_controllers
FROM gauges_1m
WHERE name IN ('brokers_alive', 'nodes_alive', 'under_replicated_partitions', 'under_min_isr_partitions', 'leaderless_partitions', 'active_controllers')
GROUP BY ts, env, cluster, system;
CREATE VIEW IF NOT EXISTS cluster_states_10s AS
SELECT ts, env, cluster, system,
       reinterpretAsFloat64(maxOrNullIf(newest, name = 'brokers_alive')) AS brokers_alive,
       reinterpretAsFloat64(maxOrNullIf(newest, name = 'nodes_alive')) AS nodes_alive,
       reinterpretAsFloat64(maxOrNullIf(newest, name = 'under_replicated_partitions')) AS under_replicated_partitions,
       reinterpretAsFloat64(maxOrNullIf(newest, name = 'under_min_isr_partitions')) AS under_min_isr_partitions,
       reinterpretAsFloat64(maxOrNullIf(newest, name = 'leaderless_partitions')) AS leaderless_partitions,
       reinterpretAsFloat64(maxOrNullIf(newest, name = 'active_controllers')) AS active_controllers
FROM gauges
WHERE name IN ('brokers_alive', 'nodes_alive', 'under_replicated_partitions', 'under_min_isr_partitions', 'leaderless_partitions', 'active_controllers')
GROUP BY ts, env, cluster, system;
