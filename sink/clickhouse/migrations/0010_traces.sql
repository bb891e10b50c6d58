-- Steps of single messages: one row for each exemplar of a report. What names a row is the report's place in its log and the
-- exemplar's in the report, so that a row which is written again is the same.
CREATE TABLE IF NOT EXISTS trace_hops (
    ts              DateTime64(3, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    env             LowCardinality(String),
    cluster         LowCardinality(String),
    system          LowCardinality(String),
    topic           LowCardinality(String),
    partition       LowCardinality(String),
    consumer_group  LowCardinality(String),
    op              LowCardinality(String),
    client          String CODEC(ZSTD(1)),
    node            LowCardinality(String) CODEC(ZSTD(1)),
    trace_id        String CODEC(ZSTD(1)),
    message_id      String CODEC(ZSTD(1)),
    step            LowCardinality(String),
    kept            LowCardinality(String),
    error_class     LowCardinality(String),
    attempt         UInt32 CODEC(T64, ZSTD(1)),
    latency_us      UInt64 CODEC(T64, ZSTD(1)),
    delay_us        UInt64 CODEC(T64, ZSTD(1)),
    size_bytes      UInt64 CODEC(T64, ZSTD(1)),
    sampled_of      UInt32 CODEC(T64, ZSTD(1)),
    source          LowCardinality(String) CODEC(ZSTD(1)),
    source_offset   Int64 CODEC(T64, ZSTD(1)),
    position        UInt16 CODEC(T64, ZSTD(1)),
    inserted_at     DateTime('UTC') DEFAULT now() CODEC(DoubleDelta, ZSTD(1)),
    INDEX ix_trace_id trace_id TYPE bloom_filter(0.001) GRANULARITY 1,
    INDEX ix_message_id message_id TYPE bloom_filter(0.001) GRANULARITY 1
)
ENGINE = ReplacingMergeTree
PARTITION BY toDate(ts)
PRIMARY KEY (env, cluster, topic, toStartOfMinute(ts), trace_id, message_id)
ORDER BY (env, cluster, topic, toStartOfMinute(ts), trace_id, message_id, step, source, source_offset, position)
TTL toDateTime(ts) + INTERVAL 7 DAY
SETTINGS ttl_only_drop_parts = 1, min_age_to_force_merge_seconds = 900, min_age_to_force_merge_on_partition_only = 1;
-- What happened to clients: one row for each event of a report, and one that says how many exemplars the report has left out.
CREATE TABLE IF NOT EXISTS client_event_log (
    ts              DateTime64(3, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    env             LowCardinality(String),
    cluster         LowCardinality(String),
    system          LowCardinality(String),
    topic           LowCardinality(String),
    consumer_group  LowCardinality(String),
    op              LowCardinality(String),
    client          String,
    node            LowCardinality(String),
    kind            LowCardinality(String),
    detail          String,
    source          LowCardinality(String),
    source_offset   Int64 CODEC(Delta(8), ZSTD(1)),
    position        UInt16,
    inserted_at     DateTime('UTC') DEFAULT now()
)
ENGINE = ReplacingMergeTree
PARTITION BY toDate(ts)
ORDER BY (env, cluster, topic, consumer_group, ts, client, kind, source, source_offset, position)
TTL toDateTime(ts) + INTERVAL 30 DAY
SETTINGS ttl_only_drop_parts = 1, min_age_to_force_merge_seconds = 900, min_age_to_force_merge_on_partition_only = 1;
-- The same, each step once. What is not known is NULL. Of Kafka the message id says partition and offset.
CREATE VIEW IF NOT EXISTS traces AS
SELECT ts, env, cluster, system, topic, if(place[1] = '', partition, place[1]) AS partition, toInt64OrNull(place[2]) AS offset,
       consumer_group, op, client, node, trace_id, message_id, step, nullIf(latency_us, 0) AS latency_us, nullIf(delay_us, 0) AS delay_us,
       size_bytes, error_class, nullIf(attempt, 0) AS attempt, kept, sampled_of
FROM (SELECT *, extractGroups(message_id, '/([0-9]+)/([0-9]+)$') AS place FROM trace_hops FINAL)
SETTINGS do_not_merge_across_partitions_select_final = 1;
CREATE VIEW IF NOT EXISTS client_events AS
SELECT ts, env, cluster, system, topic, consumer_group, op, client, node, kind, detail
FROM client_event_log FINAL
SETTINGS do_not_merge_across_partitions_select_final = 1;
