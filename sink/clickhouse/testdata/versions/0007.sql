INSERT INTO inventory (env, cluster, system, kind, name, first_seen, last_seen, last_used, tier)
VALUES ('prod', 'eu', 'kafka', 'topic', 'orders', toStartOfHour(now('UTC')) - 7200, toStartOfHour(now('UTC')), toStartOfHour(now('UTC')), (toStartOfHour(now('UTC')), 'S1'));
INSERT INTO inventory_hours (day, env, cluster, system, kind, name, hours) VALUES (today(), 'prod', 'eu', 'kafka', 'topic', 'orders', 5);
INSERT INTO owners (written_at, position, owner, clusters, topics) VALUES (toDateTime64(today(), 6, 'UTC'), 0, '', [], []), (toDateTime64(today(), 6, 'UTC'), 1, 'shop', [], ['ord%']);
