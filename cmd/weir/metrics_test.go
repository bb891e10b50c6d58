package main

import (
	"fmt"
	"testing"

	"github.com/weirmq/weir/pipeline"
	"github.com/weirmq/weir/telemetry"
)

// TestStorageCountsWhatItStored: /metrics equals what stands in weir.cells, through an
// outage of the store too.
func TestStorageCountsWhatItStored(t *testing.T) {
	t.Parallel()
	h := newHouse(t, embeddedBroker(t), largeMessageRule)
	weir := h.startWeir("--roles", "aggregate,clickhouse")
	orders := newReporter(t, h.brokers, "orders")
	orders.send(smallBytes)
	weir.awaitStage(pipeline.RoleClickHouse, "that it waits for the store", func(s pipeline.StageStatus) bool { return s.Partitions == 0 && s.Error != "" })
	h.startClickHouse()
	for range 5 {
		orders.send(smallBytes)
	}
	h.awaitTotals(orders, 0)
	records, bytes := topicSize(t, h.brokers, telemetry.TopicCells)
	const labels = `{stage="clickhouse"}`
	eventually(t, func() bool {
		return weir.metric("weir_records_total"+labels) == float64(records) && weir.metric("weir_bytes_total"+labels) == float64(bytes)
	}, func() string {
		return fmt.Sprintf("/metrics counts %g records of %g bytes, %s has %d of %d",
			weir.metric("weir_records_total"+labels), weir.metric("weir_bytes_total"+labels), telemetry.TopicCells, records, bytes)
	})
	if writes := weir.metric("weir_write_duration_seconds_count" + labels); writes < 1 || writes > float64(records) {
		t.Errorf("/metrics counts %g writes of %d records", writes, records)
	}
	weir.awaitStage(pipeline.RoleClickHouse, "write times, and no lag", func(s pipeline.StageStatus) bool {
		return s.WriteP99Seconds > 0 && s.LagRecords == 0 && s.Partitions > 0
	})
}

// topicSize adds up a topic's records to its present end, and their values' bytes.
func topicSize(t *testing.T, brokers []string, topic string) (records, bytes int) {
	t.Helper()
	for _, record := range wholeTopic(t, brokers, topic) {
		records++
		bytes += len(record.Value)
	}
	return records, bytes
}
