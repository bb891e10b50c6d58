-- 0000_before_all
CREATE TABLE IF NOT EXISTS schema_locks ON CLUSTER 'weir_cluster' (
    id String, holder String, seq UInt64, until DateTime64(3, 'UTC')
)
ENGINE = ReplicatedMergeTree('/clickhouse/weir/{database}/schema_locks/all', '{shard}-{replica}')
ORDER BY (id, seq)
TTL toDateTime(until) + INTERVAL 1 DAY;
CREATE TABLE IF NOT EXISTS schema_migrations ON CLUSTER 'weir_cluster' (
    version UInt32, name String, applied_at DateTime('UTC') DEFAULT now()
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/weir/{database}/schema_migrations/all', '{shard}-{replica}')
ORDER BY version;
CREATE TABLE IF NOT EXISTS schema_fills ON CLUSTER 'weir_cluster' (
    version UInt32, fill UInt32, hour DateTime('UTC'), done UInt8, rows UInt64, written_at DateTime('UTC') DEFAULT now()
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/weir/{database}/schema_fills/all', '{shard}-{replica}', done)
ORDER BY (version, fill, hour);
-- 0001_rollup
-- One row for each cell and each of its versions: what one segment of one source contributed to one series in one pane.
-- FINAL keeps the version with the most reports; sums over sources and segments are exact then.
CREATE TABLE IF NOT EXISTS rollup_10s_local ON CLUSTER 'weir_cluster' (
    ts                  DateTime('UTC') CODEC(DoubleDelta, ZSTD(1)),
    env                 LowCardinality(String),
    cluster             LowCardinality(String),
    system              LowCardinality(String),
    topic               LowCardinality(String),
    partition           LowCardinality(String),
    consumer_group      LowCardinality(String),
    op                  LowCardinality(String),
    client              String,
    node                LowCardinality(String),
    sdk_lang            LowCardinality(String),
    sdk_version         LowCardinality(String),
    tier                LowCardinality(String),
    lane                LowCardinality(String),
    tag                 LowCardinality(String),
    extra               Array(String),
    source              LowCardinality(String),
    segment_block       UInt64 CODEC(T64, ZSTD(1)),
    segment_minute      DateTime('UTC') CODEC(DoubleDelta, ZSTD(1)),
    reports             UInt64 CODEC(T64, ZSTD(1)),
    messages            UInt64 CODEC(T64, ZSTD(1)),
    bytes               UInt64 CODEC(T64, ZSTD(1)),
    errors              UInt64 CODEC(T64, ZSTD(1)),
    `error.class`       Array(LowCardinality(String)),
    `error.count`       Array(UInt64),
    `latency.i`         Array(Int16) CODEC(Delta(2), ZSTD(1)),
    `latency.c`         Array(UInt64) CODEC(T64, ZSTD(1)),
    latency_sum_us      UInt64 CODEC(T64, ZSTD(1)),
    latency_max_us      UInt64 CODEC(T64, ZSTD(1)),
    `delay.i`           Array(Int16) CODEC(Delta(2), ZSTD(1)),
    `delay.c`           Array(UInt64) CODEC(T64, ZSTD(1)),
    delay_sum_us        UInt64 CODEC(T64, ZSTD(1)),
    delay_max_us        UInt64 CODEC(T64, ZSTD(1)),
    `size.i`            Array(Int16) CODEC(Delta(2), ZSTD(1)),
    `size.c`            Array(UInt64) CODEC(T64, ZSTD(1)),
    size_sum_bytes      UInt64 CODEC(T64, ZSTD(1)),
    size_max_bytes      UInt64 CODEC(T64, ZSTD(1)),
    `heartbeat.i`       Array(Int16) CODEC(Delta(2), ZSTD(1)),
    `heartbeat.c`       Array(UInt64) CODEC(T64, ZSTD(1)),
    heartbeat_sum_us    UInt64 CODEC(T64, ZSTD(1)),
    heartbeat_max_us    UInt64 CODEC(T64, ZSTD(1)),
    rebalances          UInt64 CODEC(T64, ZSTD(1)),
    dropped_reports     UInt64 CODEC(T64, ZSTD(1)),
    interval_ms         UInt64 CODEC(T64, ZSTD(1)),
    `gauge.name`        Array(LowCardinality(String)),
    `gauge.last`        Array(Float64),
    `gauge.max`         Array(Float64),
    inserted_at         DateTime('UTC') DEFAULT now(),
    INDEX ix_inserted_at inserted_at TYPE minmax GRANULARITY 1,
    INDEX ix_client client TYPE bloom_filter(0.01) GRANULARITY 4
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/weir/{database}/rollup_10s_local/{shard}', '{replica}', reports)
PARTITION BY toDate(ts)
PRIMARY KEY (env, cluster, topic, ts)
ORDER BY (env, cluster, topic, ts, op, consumer_group, client, node, partition, sdk_lang, sdk_version, tier, lane, tag, system,
          extra, source, segment_block, segment_minute)
TTL ts + INTERVAL 30 DAY
SETTINGS ttl_only_drop_parts = 1, min_age_to_force_merge_seconds = 900, min_age_to_force_merge_on_partition_only = 1;
CREATE TABLE IF NOT EXISTS rollup_10s ON CLUSTER 'weir_cluster' AS rollup_10s_local
ENGINE = Distributed('weir_cluster', 'weir', 'rollup_10s_local', cityHash64(env, cluster, topic));
-- How many reports each segment held: sum(reports) of its cells must equal it.
CREATE TABLE IF NOT EXISTS ledger ON CLUSTER 'weir_cluster' (
    source          LowCardinality(String),
    segment_block   UInt64,
    segment_minute  DateTime('UTC'),
    reports         UInt64,
    refused         UInt64,
    bytes           UInt64,
    first_offset    Int64,
    end_offset      Int64,
    closed          Bool,
    version         UInt64,
    inserted_at     DateTime('UTC') DEFAULT now()
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/weir/{database}/ledger/all', '{shard}-{replica}', version)
ORDER BY (source, segment_block, segment_minute)
TTL segment_minute + INTERVAL 30 DAY;
-- 0002_alerts
-- Every transition of every alert.
CREATE TABLE IF NOT EXISTS alerts ON CLUSTER 'weir_cluster' (
    rule          LowCardinality(String),
    fingerprint   String,
    starts_at     DateTime64(3, 'UTC'),
    seq           UInt64,
    state         LowCardinality(String),
    at            DateTime64(3, 'UTC'),
    fired_at      Nullable(DateTime64(3, 'UTC')),
    resolved_at   Nullable(DateTime64(3, 'UTC')),
    labels        Map(String, String),
    annotations   Map(String, String),
    values        Map(String, Float64),
    window_start  DateTime64(3, 'UTC'),
    window_end    DateTime64(3, 'UTC'),
    completeness  Float64,
    late_reports  UInt64,
    reason        String
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/weir/{database}/alerts/all', '{shard}-{replica}', seq)
ORDER BY (rule, fingerprint, starts_at, seq)
TTL toDateTime(at) + INTERVAL 400 DAY;
-- 0003_traffic
-- Messages and bytes by pane and series, versions merged: what dashboards read.
CREATE VIEW IF NOT EXISTS traffic ON CLUSTER 'weir_cluster' AS
SELECT ts, env, cluster, system, topic, partition, consumer_group, op, client, node, sdk_lang, sdk_version, tier, lane, tag,
       sum(reports) AS reports, sum(messages) AS messages, sum(bytes) AS bytes, sum(errors) AS errors,
       max(latency_max_us) AS latency_max_us, max(size_max_bytes) AS size_max_bytes
FROM rollup_10s FINAL
GROUP BY ts, env, cluster, system, topic, partition, consumer_group, op, client, node, sdk_lang, sdk_version, tier, lane, tag;
-- 0004_history
-- What rules look at besides, so that history can be evaluated as it was lived: when a gauge was measured, and whether the client
-- said that it stopped or paused. Rows from before have 0 and false.
ALTER TABLE rollup_10s_local ON CLUSTER 'weir_cluster' ADD COLUMN IF NOT EXISTS `gauge.at` Array(DateTime64(3, 'UTC')) CODEC(Delta(8), ZSTD(1)) AFTER `gauge.max`;
ALTER TABLE rollup_10s ON CLUSTER 'weir_cluster' ADD COLUMN IF NOT EXISTS `gauge.at` Array(DateTime64(3, 'UTC')) CODEC(Delta(8), ZSTD(1)) AFTER `gauge.max`;
ALTER TABLE rollup_10s_local ON CLUSTER 'weir_cluster' ADD COLUMN IF NOT EXISTS stopped Bool AFTER `gauge.at`;
ALTER TABLE rollup_10s ON CLUSTER 'weir_cluster' ADD COLUMN IF NOT EXISTS stopped Bool AFTER `gauge.at`;
-- 0005_inspections
-- What inspections found: one row for each finding of each answer, and one without a rule for the answer itself, so that an
-- answer that found nothing is one too. Rows of one answer are written at once.
CREATE TABLE IF NOT EXISTS inspection_findings ON CLUSTER 'weir_cluster' (
    day           Date,
    asked_at      DateTime64(6, 'UTC'),
    rule          LowCardinality(String),
    fingerprint   String,
    severity      LowCardinality(String),
    labels        Map(String, String),
    values        Map(String, Float64),
    summary       String,
    annotations   Map(String, String),
    window_start  DateTime('UTC'),
    window_end    DateTime('UTC'),
    completeness  Float64,
    revision      LowCardinality(String)
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/weir/{database}/inspection_findings/all', '{shard}-{replica}')
PARTITION BY toYYYYMM(day)
ORDER BY (day, asked_at, rule, fingerprint)
TTL day + INTERVAL 400 DAY;
-- The newest answer of each day: of two processes that ask the same day, and of one that asks it again, one counts.
CREATE VIEW IF NOT EXISTS inspections ON CLUSTER 'weir_cluster' AS
SELECT day, rule, severity, labels, values, summary, annotations, window_start, window_end, completeness, revision, asked_at, fingerprint
FROM inspection_findings FINAL
WHERE rule != '' AND (day, asked_at) GLOBAL IN (SELECT day, max(asked_at) FROM inspection_findings GROUP BY day);
-- 0006_alert_revision
-- Which rule files a transition was made by, so that one knows whether they are the same now. Rows from before have ''.
ALTER TABLE alerts ON CLUSTER 'weir_cluster' ADD COLUMN IF NOT EXISTS revision LowCardinality(String) AFTER reason;
-- 0007_inventory
-- What there is: one row for each resource that a cell names. All columns are the least, the greatest or the newest of what was
-- seen, by whole hours, so that a row which is written again changes nothing.
CREATE TABLE IF NOT EXISTS inventory ON CLUSTER 'weir_cluster' (
    env             LowCardinality(String),
    cluster         LowCardinality(String),
    system          LowCardinality(String),
    kind            LowCardinality(String),
    name            String,
    first_seen      SimpleAggregateFunction(min, DateTime('UTC')),
    last_seen       SimpleAggregateFunction(max, DateTime('UTC')),
    last_used       SimpleAggregateFunction(max, DateTime('UTC')),
    tier            SimpleAggregateFunction(max, Tuple(DateTime('UTC'), String)),
    lane            SimpleAggregateFunction(max, Tuple(DateTime('UTC'), String)),
    sdk_lang        SimpleAggregateFunction(max, Tuple(DateTime('UTC'), String)),
    sdk_version     SimpleAggregateFunction(max, Tuple(DateTime('UTC'), String)),
    node            SimpleAggregateFunction(max, Tuple(DateTime('UTC'), String)),
    consumer_group  SimpleAggregateFunction(max, Tuple(DateTime('UTC'), String))
)
ENGINE = ReplicatedAggregatingMergeTree('/clickhouse/weir/{database}/inventory/all', '{shard}-{replica}')
ORDER BY (env, cluster, kind, name, system)
TTL last_seen + INTERVAL 400 DAY;
-- In which hours of a day a topic or a group was used: bit 0 is the hour from midnight on.
CREATE TABLE IF NOT EXISTS inventory_hours ON CLUSTER 'weir_cluster' (
    day             Date,
    env             LowCardinality(String),
    cluster         LowCardinality(String),
    system          LowCardinality(String),
    kind            LowCardinality(String),
    name            String,
    hours           SimpleAggregateFunction(groupBitOr, UInt32)
)
ENGINE = ReplicatedAggregatingMergeTree('/clickhouse/weir/{database}/inventory_hours/all', '{shard}-{replica}')
PARTITION BY toYYYYMM(day)
ORDER BY (day, env, cluster, kind, name, system)
TTL day + INTERVAL 30 DAY;
-- Whose what is, as the policy says: one row for each owner, and one of position 0 for the policy itself, so that one without
-- owners is one too. Rows of one policy are written at once, and the newest counts. The patterns are those of LIKE.
CREATE TABLE IF NOT EXISTS owners ON CLUSTER 'weir_cluster' (
    written_at      DateTime64(6, 'UTC'),
    position        UInt32,
    owner           String,
    contact         String,
    tier            String,
    clusters        Array(String),
    topics          Array(String),
    groups          Array(String)
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/weir/{database}/owners/all', '{shard}-{replica}')
ORDER BY (written_at, position);
-- The inventory with owners. Of an owner without topics and groups all of its clusters is.
CREATE VIEW IF NOT EXISTS resources ON CLUSTER 'weir_cluster' AS
WITH (
    SELECT groupArray((clusters, topics, groups, owner, contact, tier))
    FROM (SELECT * FROM owners FINAL WHERE written_at = (SELECT max(written_at) FROM owners) AND position > 0 ORDER BY position)
) AS policy
SELECT env, cluster, system, kind, name, owned.4 AS owner, owned.5 AS contact,
       if(reported_tier = '' AND kind IN ('topic', 'group'), owned.6, reported_tier) AS tier,
       lane, sdk_lang, sdk_version, node, consumer_group, internal, first_seen, last_seen, last_used
FROM (
    SELECT env, cluster, system, kind, name, tier.2 AS reported_tier, lane.2 AS lane, sdk_lang.2 AS sdk_lang, sdk_version.2 AS sdk_version,
           node.2 AS node, consumer_group.2 AS consumer_group, first_seen, last_seen, last_used,
           kind = 'topic' AND (startsWith(name, '__') OR startsWith(name, '%RETRY%') OR startsWith(name, '%DLQ%') OR startsWith(name, 'weir.')
               OR startsWith(name, 'SCHEDULE_TOPIC_') OR startsWith(name, 'rmq_sys_'))
               OR kind = 'group' AND startsWith(name, 'weir-') AS internal,
           arrayFirst(o -> (empty(o.1) OR arrayExists(p -> cluster LIKE p, o.1))
               AND (empty(o.2) AND empty(o.3) OR arrayExists(p -> name LIKE p, multiIf(kind = 'topic', o.2, kind = 'group', o.3, []))), policy) AS owned
    FROM inventory FINAL
);
-- 0008_rollups
-- Cells added up to longer steps: the stage clickhouse writes whole steps again when something of them has come, with the sum of the
-- reports as the version, so that what was made of more wins. Gauges are not in these.
-- By minute, without source and segment. As long as rollup_10s by default: it is to read a sixth of it, or to keep that one shorter.
CREATE TABLE IF NOT EXISTS rollup_1m_local ON CLUSTER 'weir_cluster' (
    ts                  DateTime('UTC') CODEC(DoubleDelta, ZSTD(1)),
    env                 LowCardinality(String),
    cluster             LowCardinality(String),
    system              LowCardinality(String),
    topic               LowCardinality(String),
    partition           LowCardinality(String),
    consumer_group      LowCardinality(String),
    op                  LowCardinality(String),
    client              String,
    node                LowCardinality(String),
    sdk_lang            LowCardinality(String),
    sdk_version         LowCardinality(String),
    tier                LowCardinality(String),
    lane                LowCardinality(String),
    tag                 LowCardinality(String),
    extra               Array(String),
    reports             UInt64 CODEC(T64, ZSTD(1)),
    messages            UInt64 CODEC(T64, ZSTD(1)),
    bytes               UInt64 CODEC(T64, ZSTD(1)),
    errors              UInt64 CODEC(T64, ZSTD(1)),
    `error.class`       Array(LowCardinality(String)),
    `error.count`       Array(UInt64),
    `latency.i`         Array(Int16) CODEC(Delta(2), ZSTD(1)),
    `latency.c`         Array(UInt64) CODEC(T64, ZSTD(1)),
    latency_sum_us      UInt64 CODEC(T64, ZSTD(1)),
    latency_max_us      UInt64 CODEC(T64, ZSTD(1)),
    `delay.i`           Array(Int16) CODEC(Delta(2), ZSTD(1)),
    `delay.c`           Array(UInt64) CODEC(T64, ZSTD(1)),
    delay_sum_us        UInt64 CODEC(T64, ZSTD(1)),
    delay_max_us        UInt64 CODEC(T64, ZSTD(1)),
    `size.i`            Array(Int16) CODEC(Delta(2), ZSTD(1)),
    `size.c`            Array(UInt64) CODEC(T64, ZSTD(1)),
    size_sum_bytes      UInt64 CODEC(T64, ZSTD(1)),
    size_max_bytes      UInt64 CODEC(T64, ZSTD(1)),
    `heartbeat.i`       Array(Int16) CODEC(Delta(2), ZSTD(1)),
    `heartbeat.c`       Array(UInt64) CODEC(T64, ZSTD(1)),
    heartbeat_sum_us    UInt64 CODEC(T64, ZSTD(1)),
    heartbeat_max_us    UInt64 CODEC(T64, ZSTD(1)),
    rebalances          UInt64 CODEC(T64, ZSTD(1)),
    dropped_reports     UInt64 CODEC(T64, ZSTD(1)),
    interval_ms         UInt64 CODEC(T64, ZSTD(1)),
    inserted_at         DateTime('UTC') DEFAULT now(),
    INDEX ix_inserted_at inserted_at TYPE minmax GRANULARITY 1,
    INDEX ix_client client TYPE bloom_filter(0.01) GRANULARITY 4
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/weir/{database}/rollup_1m_local/{shard}', '{replica}', reports)
PARTITION BY toDate(ts)
PRIMARY KEY (env, cluster, topic, ts)
ORDER BY (env, cluster, topic, ts, op, consumer_group, client, node, partition, sdk_lang, sdk_version, tier, lane, tag, system, extra)
TTL ts + INTERVAL 30 DAY
SETTINGS ttl_only_drop_parts = 1, min_age_to_force_merge_seconds = 900, min_age_to_force_merge_on_partition_only = 1;
CREATE TABLE IF NOT EXISTS rollup_1m ON CLUSTER 'weir_cluster' AS rollup_1m_local
ENGINE = Distributed('weir_cluster', 'weir', 'rollup_1m_local', cityHash64(env, cluster, topic));
-- The same by hour, made of rollup_1m. By month: it has a sixtieth of the rows.
CREATE TABLE IF NOT EXISTS rollup_1h_local ON CLUSTER 'weir_cluster' (
    ts                  DateTime('UTC') CODEC(DoubleDelta, ZSTD(1)),
    env                 LowCardinality(String),
    cluster             LowCardinality(String),
    system              LowCardinality(String),
    topic               LowCardinality(String),
    partition           LowCardinality(String),
    consumer_group      LowCardinality(String),
    op                  LowCardinality(String),
    client              String,
    node                LowCardinality(String),
    sdk_lang            LowCardinality(String),
    sdk_version         LowCardinality(String),
    tier                LowCardinality(String),
    lane                LowCardinality(String),
    tag                 LowCardinality(String),
    extra               Array(String),
    reports             UInt64 CODEC(T64, ZSTD(1)),
    messages            UInt64 CODEC(T64, ZSTD(1)),
    bytes               UInt64 CODEC(T64, ZSTD(1)),
    errors              UInt64 CODEC(T64, ZSTD(1)),
    `error.class`       Array(LowCardinality(String)),
    `error.count`       Array(UInt64),
    `latency.i`         Array(Int16) CODEC(Delta(2), ZSTD(1)),
    `latency.c`         Array(UInt64) CODEC(T64, ZSTD(1)),
    latency_sum_us      UInt64 CODEC(T64, ZSTD(1)),
    latency_max_us      UInt64 CODEC(T64, ZSTD(1)),
    `delay.i`           Array(Int16) CODEC(Delta(2), ZSTD(1)),
    `delay.c`           Array(UInt64) CODEC(T64, ZSTD(1)),
    delay_sum_us        UInt64 CODEC(T64, ZSTD(1)),
    delay_max_us        UInt64 CODEC(T64, ZSTD(1)),
    `size.i`            Array(Int16) CODEC(Delta(2), ZSTD(1)),
    `size.c`            Array(UInt64) CODEC(T64, ZSTD(1)),
    size_sum_bytes      UInt64 CODEC(T64, ZSTD(1)),
    size_max_bytes      UInt64 CODEC(T64, ZSTD(1)),
    `heartbeat.i`       Array(Int16) CODEC(Delta(2), ZSTD(1)),
    `heartbeat.c`       Array(UInt64) CODEC(T64, ZSTD(1)),
    heartbeat_sum_us    UInt64 CODEC(T64, ZSTD(1)),
    heartbeat_max_us    UInt64 CODEC(T64, ZSTD(1)),
    rebalances          UInt64 CODEC(T64, ZSTD(1)),
    dropped_reports     UInt64 CODEC(T64, ZSTD(1)),
    interval_ms         UInt64 CODEC(T64, ZSTD(1)),
    inserted_at         DateTime('UTC') DEFAULT now(),
    INDEX ix_inserted_at inserted_at TYPE minmax GRANULARITY 1,
    INDEX ix_client client TYPE bloom_filter(0.01) GRANULARITY 4
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/weir/{database}/rollup_1h_local/{shard}', '{replica}', reports)
PARTITION BY toYYYYMM(ts)
PRIMARY KEY (env, cluster, topic, ts)
ORDER BY (env, cluster, topic, ts, op, consumer_group, client, node, partition, sdk_lang, sdk_version, tier, lane, tag, system, extra)
TTL ts + INTERVAL 400 DAY
SETTINGS ttl_only_drop_parts = 1, min_age_to_force_merge_seconds = 900, min_age_to_force_merge_on_partition_only = 1;
CREATE TABLE IF NOT EXISTS rollup_1h ON CLUSTER 'weir_cluster' AS rollup_1h_local
ENGINE = Distributed('weir_cluster', 'weir', 'rollup_1h_local', cityHash64(env, cluster, topic));
-- By minute and topic, without client, node, SDK, partition and further labels: what most questions are about. How many clients there
-- were is counted anew each time, as counts of minutes or of labels do not add up.
CREATE TABLE IF NOT EXISTS topic_1m_local ON CLUSTER 'weir_cluster' (
    ts                  DateTime('UTC') CODEC(DoubleDelta, ZSTD(1)),
    env                 LowCardinality(String),
    cluster             LowCardinality(String),
    system              LowCardinality(String),
    topic               LowCardinality(String),
    consumer_group      LowCardinality(String),
    op                  LowCardinality(String),
    tier                LowCardinality(String),
    lane                LowCardinality(String),
    tag                 LowCardinality(String),
    reports             UInt64 CODEC(T64, ZSTD(1)),
    clients             UInt64 CODEC(T64, ZSTD(1)),
    messages            UInt64 CODEC(T64, ZSTD(1)),
    bytes               UInt64 CODEC(T64, ZSTD(1)),
    errors              UInt64 CODEC(T64, ZSTD(1)),
    `error.class`       Array(LowCardinality(String)),
    `error.count`       Array(UInt64),
    `latency.i`         Array(Int16) CODEC(Delta(2), ZSTD(1)),
    `latency.c`         Array(UInt64) CODEC(T64, ZSTD(1)),
    latency_sum_us      UInt64 CODEC(T64, ZSTD(1)),
    latency_max_us      UInt64 CODEC(T64, ZSTD(1)),
    `delay.i`           Array(Int16) CODEC(Delta(2), ZSTD(1)),
    `delay.c`           Array(UInt64) CODEC(T64, ZSTD(1)),
    delay_sum_us        UInt64 CODEC(T64, ZSTD(1)),
    delay_max_us        UInt64 CODEC(T64, ZSTD(1)),
    `size.i`            Array(Int16) CODEC(Delta(2), ZSTD(1)),
    `size.c`            Array(UInt64) CODEC(T64, ZSTD(1)),
    size_sum_bytes      UInt64 CODEC(T64, ZSTD(1)),
    size_max_bytes      UInt64 CODEC(T64, ZSTD(1)),
    `heartbeat.i`       Array(Int16) CODEC(Delta(2), ZSTD(1)),
    `heartbeat.c`       Array(UInt64) CODEC(T64, ZSTD(1)),
    heartbeat_sum_us    UInt64 CODEC(T64, ZSTD(1)),
    heartbeat_max_us    UInt64 CODEC(T64, ZSTD(1)),
    rebalances          UInt64 CODEC(T64, ZSTD(1)),
    dropped_reports     UInt64 CODEC(T64, ZSTD(1)),
    interval_ms         UInt64 CODEC(T64, ZSTD(1)),
    inserted_at         DateTime('UTC') DEFAULT now(),
    INDEX ix_inserted_at inserted_at TYPE minmax GRANULARITY 1
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/weir/{database}/topic_1m_local/{shard}', '{replica}', reports)
PARTITION BY toDate(ts)
PRIMARY KEY (env, cluster, topic, ts)
ORDER BY (env, cluster, topic, ts, op, consumer_group, system, tier, lane, tag)
TTL ts + INTERVAL 400 DAY
SETTINGS ttl_only_drop_parts = 1, min_age_to_force_merge_seconds = 900, min_age_to_force_merge_on_partition_only = 1;
CREATE TABLE IF NOT EXISTS topic_1m ON CLUSTER 'weir_cluster' AS topic_1m_local
ENGINE = Distributed('weir_cluster', 'weir', 'topic_1m_local', cityHash64(env, cluster, topic));
-- Up to when all that had come was added up, but for what rollup_backlog has: the highest counts.
CREATE TABLE IF NOT EXISTS rollup_marks ON CLUSTER 'weir_cluster' (
    name            LowCardinality(String),
    added_up        DateTime('UTC'),
    written_at      DateTime('UTC') DEFAULT now()
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/weir/{database}/rollup_marks/all', '{shard}-{replica}', added_up)
ORDER BY name;
-- What came before and was left, so that what is new need not wait: from since on and before until. It is worked off from its end
-- backwards; of what processes say that they have worked off the most counts.
CREATE TABLE IF NOT EXISTS rollup_backlog ON CLUSTER 'weir_cluster' (
    name                LowCardinality(String),
    since               DateTime('UTC'),
    until               DateTime('UTC'),
    worked_off_seconds  UInt32,
    written_at          DateTime('UTC') DEFAULT now()
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/weir/{database}/rollup_backlog/all', '{shard}-{replica}', worked_off_seconds)
ORDER BY (name, since, until);
-- 0009_views
-- Gauges by name: one row for each pane, series and gauge. Gauges are joins: newest is when the value was measured, in ms and shifted
-- by 64 bits, with the value's bits below, so that the newest is the greatest, and reinterpretAsFloat64 has the value. So a cell that is
-- written again, or whose older version comes late, changes nothing. A tuple of both would say the same more plainly, and be
-- grouped by seven times as slowly. Tables that are made of counters cannot be fed so.
CREATE TABLE IF NOT EXISTS gauges_local ON CLUSTER 'weir_cluster' (
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
ENGINE = ReplicatedAggregatingMergeTree('/clickhouse/weir/{database}/gauges_local/{shard}', '{replica}')
PARTITION BY toDate(ts)
PRIMARY KEY (name, env, cluster, toStartOfTenMinutes(ts))
ORDER BY (name, env, cluster, toStartOfTenMinutes(ts), system, consumer_group, topic, partition, node, op, client, sdk_lang, sdk_version,
          tier, lane, tag, extra, ts)
TTL ts + INTERVAL 30 DAY
SETTINGS ttl_only_drop_parts = 1, min_age_to_force_merge_seconds = 900, min_age_to_force_merge_on_partition_only = 1;
CREATE TABLE IF NOT EXISTS gauges ON CLUSTER 'weir_cluster' AS gauges_local
ENGINE = Distributed('weir_cluster', 'weir', 'gauges_local', cityHash64(env, cluster, topic));
-- Values of rows from before gauge.at was stored count as measured when their pane began.
CREATE MATERIALIZED VIEW IF NOT EXISTS gauges_feed ON CLUSTER 'weir_cluster' TO gauges AS
SELECT ts, name, env, cluster, system, topic, partition, consumer_group, op, client, node, sdk_lang, sdk_version, tier, lane, tag, extra,
       bitOr(bitShiftLeft(toUInt128(toUnixTimestamp64Milli(if(at = 0, toDateTime64(ts, 3, 'UTC'), at))), 64), toUInt128(reinterpretAsUInt64(last))) AS newest, greatest AS max
FROM rollup_10s_local
ARRAY JOIN `gauge.name` AS name, `gauge.last` AS last, `gauge.max` AS greatest, arrayResize(`gauge.at`, length(`gauge.name`)) AS at;
-- Gauges by minute, of all but the partitions that groups read, of which group_1m has what is asked. What fills gauges feeds
-- these, too: the newest of the minute is the greatest.
CREATE TABLE IF NOT EXISTS gauges_1m_local ON CLUSTER 'weir_cluster' (
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
ENGINE = ReplicatedAggregatingMergeTree('/clickhouse/weir/{database}/gauges_1m_local/{shard}', '{replica}')
PARTITION BY toDate(ts)
PRIMARY KEY (name, env, cluster, toStartOfHour(ts))
ORDER BY (name, env, cluster, toStartOfHour(ts), system, consumer_group, topic, partition, node, op, client, ts)
TTL ts + INTERVAL 30 DAY
SETTINGS ttl_only_drop_parts = 1, min_age_to_force_merge_seconds = 900, min_age_to_force_merge_on_partition_only = 1;
CREATE TABLE IF NOT EXISTS gauges_1m ON CLUSTER 'weir_cluster' AS gauges_1m_local
ENGINE = Distributed('weir_cluster', 'weir', 'gauges_1m_local', cityHash64(env, cluster, topic));
CREATE MATERIALIZED VIEW IF NOT EXISTS gauges_1m_feed ON CLUSTER 'weir_cluster' TO gauges_1m AS
SELECT toStartOfMinute(ts) AS ts, name, env, cluster, system, topic, partition, consumer_group, op, client, node,
       max(newest) AS newest, max(max) AS max
FROM gauges_local
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
CREATE VIEW IF NOT EXISTS gauge_values ON CLUSTER 'weir_cluster' AS
SELECT ts, env, cluster, system, topic, partition, consumer_group, op, client, node, sdk_lang, sdk_version, tier, lane, tag, extra, name,
       reinterpretAsFloat64(newest) AS last, max
FROM gauges FINAL
SETTINGS do_not_merge_across_partitions_select_final = 1;
CREATE VIEW IF NOT EXISTS gauge_values_1m ON CLUSTER 'weir_cluster' AS
SELECT ts, env, cluster, system, topic, partition, consumer_group, op, client, node, name, reinterpretAsFloat64(newest) AS last, max
FROM gauges_1m FINAL
SETTINGS do_not_merge_across_partitions_select_final = 1;
-- Messages and bytes by pane and series, versions merged.
CREATE VIEW IF NOT EXISTS traffic_10s ON CLUSTER 'weir_cluster' AS
SELECT ts, env, cluster, system, topic, partition, consumer_group, op, client, node, sdk_lang, sdk_version, tier, lane, tag,
       sum(reports) AS reports, sum(messages) AS messages, sum(bytes) AS bytes, sum(errors) AS errors,
       max(latency_max_us) AS latency_max_us, max(size_max_bytes) AS size_max_bytes
FROM rollup_10s FINAL
GROUP BY ts, env, cluster, system, topic, partition, consumer_group, op, client, node, sdk_lang, sdk_version, tier, lane, tag
SETTINGS do_not_merge_across_partitions_select_final = 1;
-- Messages by minute and topic, as clients reported them. One whose handler failed is a message and an error, and counts once in the ratio.
DROP VIEW IF EXISTS traffic ON CLUSTER 'weir_cluster';
CREATE VIEW IF NOT EXISTS traffic ON CLUSTER 'weir_cluster' AS
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
CREATE VIEW IF NOT EXISTS latency ON CLUSTER 'weir_cluster' AS
WITH arrayMap(i -> least(if(i < 0, 0, 2 * pow(101 / 99, i) / (101 / 99 + 1)), toFloat64(latency_max_us)),
              arrayReduce('quantilesExactWeighted(0.5, 0.9, 0.99, 0.999)', `latency.i`, `latency.c`)) AS found
SELECT ts, env, cluster, system, topic, consumer_group, op, tier, lane, tag, arraySum(`latency.c`) AS count,
       found[1] / 1000 AS p50_ms, found[2] / 1000 AS p90_ms, found[3] / 1000 AS p99_ms, found[4] / 1000 AS p999_ms,
       latency_sum_us / count / 1000 AS mean_ms, latency_max_us / 1000 AS max_ms
FROM topic_1m FINAL
WHERE notEmpty(`latency.c`)
SETTINGS do_not_merge_across_partitions_select_final = 1;
CREATE VIEW IF NOT EXISTS delay ON CLUSTER 'weir_cluster' AS
WITH arrayMap(i -> least(if(i < 0, 0, 2 * pow(101 / 99, i) / (101 / 99 + 1)), toFloat64(delay_max_us)),
              arrayReduce('quantilesExactWeighted(0.5, 0.9, 0.99, 0.999)', `delay.i`, `delay.c`)) AS found
SELECT ts, env, cluster, system, topic, consumer_group, op, tier, lane, tag, arraySum(`delay.c`) AS count,
       found[1] / 1000 AS p50_ms, found[2] / 1000 AS p90_ms, found[3] / 1000 AS p99_ms, found[4] / 1000 AS p999_ms,
       delay_sum_us / count / 1000 AS mean_ms, delay_max_us / 1000 AS max_ms
FROM topic_1m FINAL
WHERE notEmpty(`delay.c`)
SETTINGS do_not_merge_across_partitions_select_final = 1;
CREATE VIEW IF NOT EXISTS size ON CLUSTER 'weir_cluster' AS
WITH arrayMap(i -> least(if(i < 0, 0, 2 * pow(101 / 99, i) / (101 / 99 + 1)), toFloat64(size_max_bytes)),
              arrayReduce('quantilesExactWeighted(0.5, 0.9, 0.99, 0.999)', `size.i`, `size.c`)) AS found
SELECT ts, env, cluster, system, topic, consumer_group, op, tier, lane, tag, arraySum(`size.c`) AS count,
       found[1] AS p50_bytes, found[2] AS p90_bytes, found[3] AS p99_bytes, found[4] AS p999_bytes,
       size_sum_bytes / count AS mean_bytes, size_max_bytes AS max_bytes
FROM topic_1m FINAL
WHERE notEmpty(`size.c`)
SETTINGS do_not_merge_across_partitions_select_final = 1;
-- Until when hours are added up: to the newest that is over, or to the oldest of which something was left for spare time.
CREATE VIEW IF NOT EXISTS hours_made ON CLUSTER 'weir_cluster' AS
SELECT least(toStartOfHour(now('UTC') - INTERVAL 65 MINUTE) + INTERVAL 1 HOUR, (SELECT max(ts) FROM rollup_1h) + INTERVAL 1 HOUR,
             ifNull((SELECT minOrNull(toStartOfHour(since)) FROM rollup_backlog FINAL WHERE name = 'rollup_1h' AND since + worked_off_seconds < until), toDateTime('2106-01-01', 'UTC'))) AS until;
-- What is added up of a time, whatever its length: whole hours where steps are some of these or there is one step, as those are a
-- sixtieth of the rows, and minutes of what is left at both ends. Hours count as far as they are made.
CREATE VIEW IF NOT EXISTS rollup_over ON CLUSTER 'weir_cluster' AS
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
CREATE VIEW IF NOT EXISTS topic_over ON CLUSTER 'weir_cluster' AS
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
CREATE VIEW IF NOT EXISTS latency_over ON CLUSTER 'weir_cluster' AS
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
CREATE VIEW IF NOT EXISTS delay_over ON CLUSTER 'weir_cluster' AS
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
CREATE VIEW IF NOT EXISTS size_over ON CLUSTER 'weir_cluster' AS
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
CREATE VIEW IF NOT EXISTS errors ON CLUSTER 'weir_cluster' AS
SELECT ts, env, cluster, system, topic, consumer_group, op, class, sum(failed) AS errors
FROM topic_1m FINAL
ARRAY JOIN `error.class` AS class, `error.count` AS failed
GROUP BY ts, env, cluster, system, topic, consumer_group, op, class
SETTINGS do_not_merge_across_partitions_select_final = 1;
-- Who sends and consumes, by minute. Brokers know of some that do not report themselves: of those there is no traffic.
CREATE VIEW IF NOT EXISTS clients ON CLUSTER 'weir_cluster' AS
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
CREATE VIEW IF NOT EXISTS clients_over ON CLUSTER 'weir_cluster' AS
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
CREATE VIEW IF NOT EXISTS sdk_versions ON CLUSTER 'weir_cluster' AS
SELECT ts, env, cluster, sdk_lang, sdk_version, uniqExact(client) AS clients, sum(rollup_1m.messages) AS messages
FROM rollup_1m FINAL
WHERE client != '' AND op != 'probe'
GROUP BY ts, env, cluster, sdk_lang, sdk_version
SETTINGS do_not_merge_across_partitions_select_final = 1;
-- Versions likewise, with the percentile of all sends of their clients.
CREATE VIEW IF NOT EXISTS sdk_versions_over ON CLUSTER 'weir_cluster' AS
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
CREATE VIEW IF NOT EXISTS alert_transitions ON CLUSTER 'weir_cluster' AS
SELECT rule, fingerprint, starts_at, seq, state, at, labels['severity'] AS severity, labels['env'] AS env, labels['cluster'] AS cluster,
       labels['system'] AS system, labels['topic'] AS topic, labels['group'] AS consumer_group, labels['node'] AS node, labels['client'] AS client,
       annotations['summary'] AS summary, fired_at, resolved_at,
       if(state = 'resolved', dateDiff('millisecond', fired_at, resolved_at) / 1000, NULL) AS fired_seconds,
       labels, annotations, values, window_start, window_end, completeness, late_reports, reason, revision
FROM alerts FINAL;
-- Each alert by its newest transition of its newest life.
CREATE VIEW IF NOT EXISTS alert_states ON CLUSTER 'weir_cluster' AS
SELECT *
FROM alert_transitions
ORDER BY starts_at DESC, seq DESC
LIMIT 1 BY rule, fingerprint;
-- What the expression had read at each transition: one row for each value.
CREATE VIEW IF NOT EXISTS rule_evaluations ON CLUSTER 'weir_cluster' AS
SELECT rule, fingerprint, at, state, name, value, window_start, window_end, completeness
FROM alerts FINAL
ARRAY JOIN mapKeys(values) AS name, mapValues(values) AS value;
-- Minutes as the log has them. How late an open segment is stored is not known yet.
CREATE VIEW IF NOT EXISTS pipeline ON CLUSTER 'weir_cluster' AS
SELECT segment_minute AS ts, source, sum(reports) AS reports, sum(refused) AS refused, sum(bytes) AS bytes,
       if(min(closed), greatest(dateDiff('second', segment_minute + INTERVAL 1 MINUTE, max(inserted_at)), 0), NULL) AS stored_after_seconds
FROM ledger FINAL
GROUP BY segment_minute, source;
-- 0010_traces
-- Steps of single messages: one row for each exemplar of a report. What names a row is the report's place in its log and the
-- exemplar's in the report, so that a row which is written again is the same.
CREATE TABLE IF NOT EXISTS trace_hops_local ON CLUSTER 'weir_cluster' (
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
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/weir/{database}/trace_hops_local/{shard}', '{replica}')
PARTITION BY toDate(ts)
PRIMARY KEY (env, cluster, topic, toStartOfMinute(ts), trace_id, message_id)
ORDER BY (env, cluster, topic, toStartOfMinute(ts), trace_id, message_id, step, source, source_offset, position)
TTL toDateTime(ts) + INTERVAL 7 DAY
SETTINGS ttl_only_drop_parts = 1, min_age_to_force_merge_seconds = 900, min_age_to_force_merge_on_partition_only = 1;
CREATE TABLE IF NOT EXISTS trace_hops ON CLUSTER 'weir_cluster' AS trace_hops_local
ENGINE = Distributed('weir_cluster', 'weir', 'trace_hops_local', cityHash64(env, cluster, topic));
-- What happened to clients: one row for each event of a report, and one that says how many exemplars the report has left out.
CREATE TABLE IF NOT EXISTS client_event_log_local ON CLUSTER 'weir_cluster' (
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
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/weir/{database}/client_event_log_local/{shard}', '{replica}')
PARTITION BY toDate(ts)
ORDER BY (env, cluster, topic, consumer_group, ts, client, kind, source, source_offset, position)
TTL toDateTime(ts) + INTERVAL 30 DAY
SETTINGS ttl_only_drop_parts = 1, min_age_to_force_merge_seconds = 900, min_age_to_force_merge_on_partition_only = 1;
CREATE TABLE IF NOT EXISTS client_event_log ON CLUSTER 'weir_cluster' AS client_event_log_local
ENGINE = Distributed('weir_cluster', 'weir', 'client_event_log_local', cityHash64(env, cluster, topic));
-- The same, each step once. What is not known is NULL. Of Kafka the message id says partition and offset.
CREATE VIEW IF NOT EXISTS traces ON CLUSTER 'weir_cluster' AS
SELECT ts, env, cluster, system, topic, if(place[1] = '', partition, place[1]) AS partition, toInt64OrNull(place[2]) AS offset,
       consumer_group, op, client, node, trace_id, message_id, step, nullIf(latency_us, 0) AS latency_us, nullIf(delay_us, 0) AS delay_us,
       size_bytes, error_class, nullIf(attempt, 0) AS attempt, kept, sampled_of
FROM (SELECT *, extractGroups(message_id, '/([0-9]+)/([0-9]+)$') AS place FROM trace_hops FINAL)
SETTINGS do_not_merge_across_partitions_select_final = 1;
CREATE VIEW IF NOT EXISTS client_events ON CLUSTER 'weir_cluster' AS
SELECT ts, env, cluster, system, topic, consumer_group, op, client, node, kind, detail
FROM client_event_log FINAL
SETTINGS do_not_merge_across_partitions_select_final = 1;
-- 0011_groups
-- Consumer groups by minute: one row for each group and topic, with what is known of the partitions that it reads as arrays in their
-- order, so that a question about groups reads a row where it would read one for each partition, gauge and pane. The stage clickhouse
-- makes it anew of whole minutes of rollup_10s, as the other tables of longer steps. Members are of the group: they stand in a row
-- without a topic. What nobody reported is NULL.
CREATE TABLE IF NOT EXISTS group_1m_local ON CLUSTER 'weir_cluster' (
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
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/weir/{database}/group_1m_local/{shard}', '{replica}', reports)
PARTITION BY toDate(ts)
PRIMARY KEY (toStartOfHour(ts), env, cluster, consumer_group, topic)
ORDER BY (toStartOfHour(ts), env, cluster, consumer_group, topic, system, ts)
TTL ts + INTERVAL 30 DAY
SETTINGS index_granularity = 256, ttl_only_drop_parts = 1, min_age_to_force_merge_seconds = 900, min_age_to_force_merge_on_partition_only = 1;
CREATE TABLE IF NOT EXISTS group_1m ON CLUSTER 'weir_cluster' AS group_1m_local
ENGINE = Distributed('weir_cluster', 'weir', 'group_1m_local', cityHash64(env, cluster, topic));
-- Partitions that groups read, by minute.
CREATE VIEW IF NOT EXISTS lag ON CLUSTER 'weir_cluster' AS
SELECT ts, env, cluster, system, consumer_group, topic, toString(`partition.name`) AS partition, `partition.lag_messages` AS lag_messages,
       `partition.lag_seconds` AS lag_seconds, `partition.commit_age_seconds` AS commit_age_seconds,
       `partition.retention_left_seconds` AS retention_left_seconds, toString(`partition.state`) AS state
FROM group_1m FINAL
ARRAY JOIN `partition.name`, `partition.lag_messages`, `partition.lag_seconds`, `partition.commit_age_seconds`, `partition.retention_left_seconds`, `partition.state`
SETTINGS do_not_merge_across_partitions_select_final = 1;
-- Groups by topic. Members are of the group, so each of its topics has them: rows are grouped, and taken apart again, so that conditions
-- reach the key of the table.
CREATE VIEW IF NOT EXISTS group_lag ON CLUSTER 'weir_cluster' AS
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
CREATE VIEW IF NOT EXISTS lag_10s ON CLUSTER 'weir_cluster' AS
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
CREATE VIEW IF NOT EXISTS group_lag_10s ON CLUSTER 'weir_cluster' AS
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
CREATE VIEW IF NOT EXISTS nodes ON CLUSTER 'weir_cluster' AS
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
CREATE VIEW IF NOT EXISTS nodes_10s ON CLUSTER 'weir_cluster' AS
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
CREATE VIEW IF NOT EXISTS cluster_states ON CLUSTER 'weir_cluster' AS
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
CREATE VIEW IF NOT EXISTS cluster_states_10s ON CLUSTER 'weir_cluster' AS
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
-- 0012_control
-- What clients were asked to do: one row for each record of weir.control, named by its place there, so that a row which is written
-- again is the same. Routes are among them. A record that readers refused is here with the reason.
CREATE TABLE IF NOT EXISTS control_commands ON CLUSTER 'weir_cluster' (
    ts            DateTime64(3, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    source        LowCardinality(String),
    source_offset Int64 CODEC(Delta(8), ZSTD(1)),
    kind          LowCardinality(String),
    name          String,
    revision      UInt64,
    outcome       LowCardinality(String),
    action        LowCardinality(String),
    scope         Map(LowCardinality(String), String),
    author        String,
    reason        String,
    created_at    DateTime64(3, 'UTC'),
    expires_at    DateTime64(3, 'UTC'),
    ended_by      String,
    ended_reason  String,
    shadow        Bool,
    percent       Float64,
    made_by       LowCardinality(String),
    refused       String,
    record        String CODEC(ZSTD(1)),
    inserted_at   DateTime('UTC') DEFAULT now()
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/weir/{database}/control_commands/all', '{shard}-{replica}')
PARTITION BY toYYYYMM(ts)
ORDER BY (name, ts, source, source_offset)
TTL toDateTime(ts) + INTERVAL 400 DAY
SETTINGS ttl_only_drop_parts = 1;
-- The same, each record once.
CREATE VIEW IF NOT EXISTS control_history ON CLUSTER 'weir_cluster' AS
SELECT ts, kind, name, revision, outcome, action, scope, author, reason, created_at, nullIf(expires_at, toDateTime64(0, 3, 'UTC')) AS expires_at,
       ended_by, ended_reason, shadow, percent, made_by, refused, source, source_offset, record
FROM control_commands FINAL;
-- 0013_merges
-- A row is merged once or twice on its way into the large parts of a day, in place of four times: three fifths of what ClickHouse spends on it.
-- Not smaller: the default, 5, merges what is about to be merged again; not larger: a day that is being written has some 30 parts, each of
-- which a query of its newest minutes opens.
ALTER TABLE rollup_10s_local ON CLUSTER 'weir_cluster' MODIFY SETTING merge_selector_base = 25;
-- 0014_control_times
-- Of what is no command, as a route or what readers could not read, there is no time at which it was made: NULL, as expires_at has it.
DROP VIEW IF EXISTS control_history ON CLUSTER 'weir_cluster';
CREATE VIEW IF NOT EXISTS control_history ON CLUSTER 'weir_cluster' AS
SELECT ts, kind, name, revision, outcome, action, scope, author, reason, nullIf(created_at, toDateTime64(0, 3, 'UTC')) AS created_at,
       nullIf(expires_at, toDateTime64(0, 3, 'UTC')) AS expires_at, ended_by, ended_reason, shadow, percent, made_by, refused, source, source_offset, record
FROM control_commands FINAL;
-- 0015_gauges_merges
-- As 0013 has it for rollup_10s: each of its rows with gauges has some here.
ALTER TABLE gauges_local ON CLUSTER 'weir_cluster' MODIFY SETTING merge_selector_base = 25;
-- 9999_retention
ALTER TABLE rollup_10s_local ON CLUSTER 'weir_cluster' MODIFY SETTING ttl_only_drop_parts = 0;
ALTER TABLE ledger ON CLUSTER 'weir_cluster' MODIFY TTL segment_minute + toIntervalDay(14);
