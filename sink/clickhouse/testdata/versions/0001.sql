INSERT INTO rollup_10s (ts, env, cluster, system, topic, op, client, source, segment_block, segment_minute, reports, messages, bytes, `latency.i`, `latency.c`, latency_sum_us, latency_max_us, `gauge.name`, `gauge.last`, `gauge.max`)
SELECT toStartOfDay(now('UTC')) + 10 * number, 'prod', 'eu', 'kafka', 'orders', 'send', 'client-1', 'cm/0', 0, toStartOfDay(now('UTC')), 1, 5, 500, [200], [5], 270, 54, ['lag_messages'], [7], [9]
FROM numbers(6);
INSERT INTO rollup_10s (ts, env, cluster, system, topic, op, client, source, segment_block, segment_minute, reports, messages, bytes, `latency.i`, `latency.c`, latency_sum_us, latency_max_us, `gauge.name`, `gauge.last`, `gauge.max`)
SELECT toStartOfDay(now('UTC')), 'prod', 'eu', 'kafka', 'orders', 'send', 'client-1', 'cm/0', 0, toStartOfDay(now('UTC')), 2, 10, 1000, [200], [10], 540, 54, ['lag_messages'], [8], [9];
INSERT INTO ledger (source, segment_block, segment_minute, reports, refused, bytes, first_offset, end_offset, closed, version)
VALUES ('cm/0', 0, toStartOfDay(now('UTC')), 7, 0, 700, 0, 7, true, 15);
