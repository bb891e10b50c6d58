INSERT INTO rollup_10s (ts, env, cluster, system, topic, op, client, source, segment_block, segment_minute, reports, messages, `gauge.name`, `gauge.last`, `gauge.max`, `gauge.at`, stopped)
SELECT toStartOfDay(now('UTC')), 'prod', 'eu', 'kafka', 'payments', 'send', 'client-2', 'cm/1', 0, toStartOfDay(now('UTC')), 1, 3, ['lag_messages'], [4], [4], [toStartOfDay(now('UTC'))], true;
INSERT INTO ledger (source, segment_block, segment_minute, reports, closed, version) VALUES ('cm/1', 0, toStartOfDay(now('UTC')), 1, true, 3);
