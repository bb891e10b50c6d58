package kafka

import (
	"testing"
	"time"
)

// TestAPoll says all that is reported of a small cluster.
func TestAPoll(t *testing.T) {
	t.Parallel()
	_, m := fake(t, 2)
	m.topic("orders", 2)
	m.send("orders", 0, 10)
	m.send("orders", 1, 4)
	m.commit("billing", "orders", 0, 3)
	m.commit("billing", "orders", 1, 4)
	first := m.poll(0)
	m.expect(of(first, "op=broker", "brokers_alive=2"), "op=broker brokers_alive=2")
	m.expect(of(first, "op=broker", "topic=orders"),
		"op=broker topic=orders partition=0 in_sync_replicas=1",
		"op=broker topic=orders partition=1 in_sync_replicas=1")
	m.expect(of(first, "op=group"),
		"op=group group=billing members=0",
		"op=group group=billing topic=orders partition=0 lag_messages=7",
		"op=group group=billing topic=orders partition=1 lag_messages=0",
		"op=group group=billing topic=orders lag_median_messages=3.5")
	for _, addr := range m.addrs {
		m.expect(of(first, "op=probe", "node="+addr), "op=probe node="+addr+" client=weir-1 heartbeats=1")
	}
	m.send("orders", 0, 20)
	second := m.poll(10 * time.Second)
	rates := of(second, "op=broker", "topic=orders", "partition=1")
	m.expect(rates, "op=broker topic=orders partition=1 in_sync_replicas=1 partition_messages_per_second=0")
}
