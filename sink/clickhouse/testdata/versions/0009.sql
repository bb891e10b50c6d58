INSERT INTO rollup_10s (ts, env, cluster, system, op, client, node, source, segment_block, segment_minute, reports, `gauge.name`, `gauge.last`, `gauge.max`, `gauge.at`)
SELECT toStartOfDay(now('UTC')), 'prod', 'eu', 'kafka', 'broker', 'weir-collect', 'b1', 'cm/2', 0, toStartOfDay(now('UTC')), 1, ['disk_used_ratio'], [0.5], [0.6], [toStartOfDay(now('UTC')) + 5];
INSERT INTO ledger (source, segment_block, segment_minute, reports, closed, version) VALUES ('cm/2', 0, toStartOfDay(now('UTC')), 1, true, 1);
