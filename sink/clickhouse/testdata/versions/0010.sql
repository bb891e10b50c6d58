INSERT INTO trace_hops (ts, env, cluster, system, topic, op, client, node, trace_id, message_id, step, kept, error_class, attempt, latency_us, size_bytes, source, source_offset, position)
VALUES (toStartOfDay(now('UTC')), 'prod', 'eu', 'kafka', 'orders', 'send', 'client-10', 'n1', '4bf92f3577b34da6a3ce929d0e0e4736', 'orders/0/7', 'sent', 'slow', '', 1, 900000, 400, 'cm/2', 3, 0),
       (toStartOfDay(now('UTC')) + 1, 'prod', 'eu', 'kafka', 'orders', 'consume', 'client-11', 'n2', '4bf92f3577b34da6a3ce929d0e0e4736', 'orders/0/7', 'handled', 'error', 'handler', 2, 1000, 400, 'cm/2', 4, 0);
INSERT INTO client_event_log (ts, env, cluster, system, topic, consumer_group, op, client, node, kind, detail, source, source_offset, position)
VALUES (toStartOfDay(now('UTC')), 'prod', 'eu', 'kafka', 'orders', 'billing', 'consume', 'client-11', 'n2', 'paused', '', 'cm/2', 5, 0);
