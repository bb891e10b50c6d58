INSERT INTO group_1m (ts, env, cluster, system, consumer_group, topic, reports, `partition.name`, `partition.lag_messages`, `partition.lag_seconds`, `partition.commit_age_seconds`, `partition.retention_left_seconds`, `partition.state`)
SELECT toStartOfDay(now('UTC')), 'prod', 'eu', 'kafka', 'billing', 'orders', 6, ['0'], [12], [3], [1], [NULL], ['ok'];
