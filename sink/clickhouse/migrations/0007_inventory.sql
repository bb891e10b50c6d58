-- What there is: one row for each resource that a cell names. All columns are the least, the greatest or the newest of what was
-- seen, by whole hours, so that a row which is written again changes nothing.
CREATE TABLE IF NOT EXISTS inventory (
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
ENGINE = AggregatingMergeTree
ORDER BY (env, cluster, kind, name, system)
TTL last_seen + INTERVAL 400 DAY;
-- In which hours of a day a topic or a group was used: bit 0 is the hour from midnight on.
CREATE TABLE IF NOT EXISTS inventory_hours (
    day             Date,
    env             LowCardinality(String),
    cluster         LowCardinality(String),
    system          LowCardinality(String),
    kind            LowCardinality(String),
    name            String,
    hours           SimpleAggregateFunction(groupBitOr, UInt32)
)
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(day)
ORDER BY (day, env, cluster, kind, name, system)
TTL day + INTERVAL 30 DAY;
-- Whose what is, as the policy says: one row for each owner, and one of position 0 for the policy itself, so that one without
-- owners is one too. Rows of one policy are written at once, and the newest counts. The patterns are those of LIKE.
CREATE TABLE IF NOT EXISTS owners (
    written_at      DateTime64(6, 'UTC'),
    position        UInt32,
    owner           String,
    contact         String,
    tier            String,
    clusters        Array(String),
    topics          Array(String),
    groups          Array(String)
)
ENGINE = ReplacingMergeTree
ORDER BY (written_at, position);
-- The inventory with owners. Of an owner without topics and groups all of its clusters is.
CREATE VIEW IF NOT EXISTS resources AS
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
