INSERT INTO rollup_1m (ts, env, cluster, system, topic, op, client, reports, messages, bytes, `latency.i`, `latency.c`, latency_sum_us, latency_max_us, interval_ms)
VALUES (toStartOfDay(now('UTC')), 'prod', 'eu', 'kafka', 'orders', 'send', 'client-8', 6, 60, 6000, [3, 5], [50, 10], 900, 40, 60000);
INSERT INTO rollup_1m (ts, env, cluster, system, topic, op, client, reports, messages) VALUES (toStartOfDay(now('UTC')), 'prod', 'eu', 'kafka', 'orders', 'send', 'client-8', 5, 50);
INSERT INTO rollup_1h (ts, env, cluster, system, topic, op, client, reports, messages, bytes, `latency.i`, `latency.c`, latency_sum_us, latency_max_us, interval_ms)
VALUES (toStartOfDay(now('UTC')), 'prod', 'eu', 'kafka', 'orders', 'send', 'client-8', 6, 60, 6000, [3, 5], [50, 10], 900, 40, 60000);
INSERT INTO topic_1m (ts, env, cluster, system, topic, op, reports, clients, messages, bytes, `latency.i`, `latency.c`, latency_sum_us, latency_max_us, interval_ms)
VALUES (toStartOfDay(now('UTC')), 'prod', 'eu', 'kafka', 'orders', 'send', 6, 1, 60, 6000, [3, 5], [50, 10], 900, 40, 60000);
INSERT INTO rollup_marks (name, added_up) VALUES ('rollup_1m', toStartOfDay(now('UTC')) + 120), ('rollup_1h', toStartOfDay(now('UTC')) + 3600);
INSERT INTO rollup_backlog (name, since, until, worked_off_seconds) VALUES ('rollup_1m', toStartOfDay(now('UTC')) - 3600, toStartOfDay(now('UTC')), 60);
