package pipeline

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/telemetry"
)

// TestTheLagIsKnownWithoutTheStore: what waits for a store that was never reached is
// shown, less what was committed before.
func TestTheLagIsKnownWithoutTheStore(t *testing.T) {
	t.Parallel()
	config := runConfig(t)
	config.Roles, config.ClickHouse.DSN = []string{RoleClickHouse}, "http://127.0.0.1:1"
	if _, err := EnsureTopics(t.Context(), &config); err != nil {
		t.Fatal(err)
	}
	var records []*kgo.Record
	for range 7 {
		records = append(records, &kgo.Record{Topic: telemetry.TopicCells, Value: []byte("a")}, &kgo.Record{Topic: telemetry.TopicAlerts, Value: []byte("b")})
	}
	send(t, config, records...)
	p := launch(t, config)
	lag := func() int64 { return stageOf(p, RoleClickHouse).LagRecords }
	await(t, "a lag of 14 records", func() bool { return lag() == 14 })
	if got := metric(t, p.metrics, `weir_lag_records{stage="clickhouse"}`); got != 14 {
		t.Errorf("the metric is %g, want 14", got)
	}
	committed := records[0]
	committed.Offset = 4
	offsets := kadm.OffsetsFromRecords(*committed)
	if err := openAdmin(t, &config).CommitAllOffsets(t.Context(), groupClickHouse, offsets); err != nil {
		t.Fatal(err)
	}
	await(t, "a lag of 9 records", func() bool { return lag() == 9 })
}
