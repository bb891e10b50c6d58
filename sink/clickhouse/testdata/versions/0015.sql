INSERT INTO rollup_10s (ts, env, cluster, system, topic, consumer_group, op, client, source, segment_block, segment_minute, reports, `gauge.name`, `gauge.last`, `gauge.max`, `gauge.at`)
VALUES (toStartOfDay(now('UTC')), 'prod', 'eu', 'kafka', 'refunds', 'billing', 'group', 'weir-collect', 'cm/6', 0, toStartOfDay(now('UTC')), 1, ['members'], [3], [3], [toStartOfDay(now('UTC'))]);
INSERT INTO rollup_10s (ts, env, cluster, system, topic, consumer_group, op, client, source, segment_block, segment_minute, reports, `gauge.name`, `gauge.last`, `gauge.max`, `gauge.at`)
VALUES (toStartOfDay(now('UTC')), 'prod', 'eu', 'kafka', 'refunds', 'billing', 'group', 'weir-collect', 'cm/6', 0, toStartOfDay(now('UTC')), 2, ['members'], [2], [3], [toStartOfDay(now('UTC')) + 5]);
INSERT INTO ledger (source, segment_block, segment_minute, reports, closed, version) VALUES ('cm/6', 0, toStartOfDay(now('UTC')), 2, true, 2);
