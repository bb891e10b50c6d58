INSERT INTO rollup_10s (ts, env, cluster, system, topic, op, client, source, segment_block, segment_minute, reports, messages, bytes)
VALUES (toStartOfDay(now('UTC')), 'prod', 'eu', 'kafka', 'refunds', 'send', 'client-13', 'cm/5', 0, toStartOfDay(now('UTC')), 1, 16, 1600),
       (toStartOfDay(now('UTC')), 'prod', 'eu', 'kafka', 'refunds', 'send', 'client-13', 'cm/5', 0, toStartOfDay(now('UTC')), 2, 32, 3200);
INSERT INTO ledger (source, segment_block, segment_minute, reports, closed, version) VALUES ('cm/5', 0, toStartOfDay(now('UTC')), 2, true, 2);
