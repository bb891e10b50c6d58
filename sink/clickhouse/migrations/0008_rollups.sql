-- Cells added up to longer steps: the stage clickhouse writes whole steps again when something of them has come, with the sum of the
-- reports as the version, so that what was made of more wins. Gauges are not in these.
-- By minute, without source and segment. As long as rollup_10s by default: it is to read a sixth of it, or to keep that one shorter.
CREATE TABLE IF NOT EXISTS rollup_1m (
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
ENGINE = ReplacingMergeTree(reports)
PARTITION BY toDate(ts)
PRIMARY KEY (env, cluster, topic, ts)
ORDER BY (env, cluster, topic, ts, op, consumer_group, client, node, partition, sdk_lang, sdk_version, tier, lane, tag, system, extra)
TTL ts + INTERVAL 30 DAY
SETTINGS ttl_only_drop_parts = 1, min_age_to_force_merge_seconds = 900, min_age_to_force_merge_on_partition_only = 1;
-- The same by hour, made of rollup_1m. By month: it has a sixtieth of the rows.
CREATE TABLE IF NOT EXISTS rollup_1h (
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
ENGINE = ReplacingMergeTree(reports)
PARTITION BY toYYYYMM(ts)
PRIMARY KEY (env, cluster, topic, ts)
ORDER BY (env, cluster, topic, ts, op, consumer_group, client, node, partition, sdk_lang, sdk_version, tier, lane, tag, system, extra)
TTL ts + INTERVAL 400 DAY
SETTINGS ttl_only_drop_parts = 1, min_age_to_force_merge_seconds = 900, min_age_to_force_merge_on_partition_only = 1;
-- By minute and topic, without client, node, SDK, partition and further labels: what most questions are about. How many clients there
-- were is counted anew each time, as counts of minutes or of labels do not add up.
CREATE TABLE IF NOT EXISTS topic_1m (
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
ENGINE = ReplacingMergeTree(reports)
PARTITION BY toDate(ts)
PRIMARY KEY (env, cluster, topic, ts)
ORDER BY (env, cluster, topic, ts, op, consumer_group, system, tier, lane, tag)
TTL ts + INTERVAL 400 DAY
SETTINGS ttl_only_drop_parts = 1, min_age_to_force_merge_seconds = 900, min_age_to_force_merge_on_partition_only = 1;
-- Up to when all that had come was added up, but for what rollup_backlog has: the highest counts.
CREATE TABLE IF NOT EXISTS rollup_marks (
    name            LowCardinality(String),
    added_up        DateTime('UTC'),
    written_at      DateTime('UTC') DEFAULT now()
)
ENGINE = ReplacingMergeTree(added_up)
ORDER BY name;
-- What came before and was left, so that what is new need not wait: from since on and before until. It is worked off from its end
-- backwards; of what processes say that they have worked off the most counts.
CREATE TABLE IF NOT EXISTS rollup_backlog (
    name                LowCardinality(String),
    since               DateTime('UTC'),
    until               DateTime('UTC'),
    worked_off_seconds  UInt32,
    written_at          DateTime('UTC') DEFAULT now()
)
ENGINE = ReplacingMergeTree(worked_off_seconds)
ORDER BY (name, since, until);
