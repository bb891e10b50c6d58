-- Every transition of every alert.
CREATE TABLE IF NOT EXISTS alerts (
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
ENGINE = ReplacingMergeTree(seq)
ORDER BY (rule, fingerprint, starts_at, seq)
TTL toDateTime(at) + INTERVAL 400 DAY;
