INSERT INTO rollup_10s (ts, env, cluster, system, topic, op, client, source, segment_block, segment_minute, reports, messages, bytes)
VALUES (toStartOfDay(now('UTC')), 'prod', 'eu', 'kafka', 'refunds', 'send', 'client-3', 'cm/3', 0, toStartOfDay(now('UTC')), 1, 2, 200);
INSERT INTO rollup_10s (ts, env, cluster, system, topic, op, client, source, segment_block, segment_minute, reports, messages, bytes)
VALUES (toStartOfDay(now('UTC')), 'prod', 'eu', 'kafka', 'refunds', 'send', 'client-3', 'cm/3', 0, toStartOfDay(now('UTC')), 2, 4, 400),
       (toStartOfDay(now('UTC')), 'prod', 'eu', 'kafka', 'refunds', 'send', 'client-3', 'cm/4', 0, toStartOfDay(now('UTC')), 1, 8, 800);
INSERT INTO ledger (source, segment_block, segment_minute, reports, closed, version) VALUES ('cm/3', 0, toStartOfDay(now('UTC')), 2, true, 2), ('cm/4', 0, toStartOfDay(now('UTC')), 1, true, 1);
