-- What clients were asked to do: one row for each record of weir.control, named by its place there, so that a row which is written
-- again is the same. Routes are among them. A record that readers refused is here with the reason.
CREATE TABLE IF NOT EXISTS control_commands (
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
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(ts)
ORDER BY (name, ts, source, source_offset)
TTL toDateTime(ts) + INTERVAL 400 DAY
SETTINGS ttl_only_drop_parts = 1;
-- The same, each record once.
CREATE VIEW IF NOT EXISTS control_history AS
SELECT ts, kind, name, revision, outcome, action, scope, author, reason, created_at, nullIf(expires_at, toDateTime64(0, 3, 'UTC')) AS expires_at,
       ended_by, ended_reason, shadow, percent, made_by, refused, source, source_offset, record
FROM control_commands FINAL;
