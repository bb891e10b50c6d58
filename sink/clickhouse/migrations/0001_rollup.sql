-- One row for each cell and each of its versions: what one segment of one source contributed to one series in one pane.
-- FINAL keeps the version with the most reports; sums over sources and segments are exact then.
CREATE TABLE IF NOT EXISTS rollup_10s (
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
ENGINE = ReplacingMergeTree(reports)
PARTITION BY toDate(ts)
PRIMARY KEY (env, cluster, topic, ts)
ORDER BY (env, cluster, topic, ts, op, consumer_group, client, node, partition, sdk_lang, sdk_version, tier, lane, tag, system,
          extra, source, segment_block, segment_minute)
TTL ts + INTERVAL 30 DAY
SETTINGS ttl_only_drop_parts = 1, min_age_to_force_merge_seconds = 900, min_age_to_force_merge_on_partition_only = 1;

-- How many reports each segment held: sum(reports) of its cells must equal it.
CREATE TABLE IF NOT EXISTS ledger (
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
ENGINE = ReplacingMergeTree(version)
ORDER BY (source, segment_block, segment_minute)
TTL segment_minute + INTERVAL 30 DAY;
