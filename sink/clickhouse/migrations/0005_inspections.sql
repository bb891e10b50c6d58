-- What inspections found: one row for each finding of each answer, and one without a rule for the answer itself, so that an
-- answer that found nothing is one too. Rows of one answer are written at once.
CREATE TABLE IF NOT EXISTS inspection_findings (
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
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(day)
ORDER BY (day, asked_at, rule, fingerprint)
TTL day + INTERVAL 400 DAY;
-- The newest answer of each day: of two processes that ask the same day, and of one that asks it again, one counts.
CREATE VIEW IF NOT EXISTS inspections AS
SELECT day, rule, severity, labels, values, summary, annotations, window_start, window_end, completeness, revision, asked_at, fingerprint
FROM inspection_findings FINAL
WHERE rule != '' AND (day, asked_at) IN (SELECT day, max(asked_at) FROM inspection_findings GROUP BY day);
