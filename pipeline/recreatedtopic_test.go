package pipeline

import (
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/weirmq/weir/telemetry"
)

// TestATopicMadeAgainIsRead: weir.telemetry is deleted and made again while a process
// aggregates. What comes afterwards is of another source, and is counted from its start.
func TestATopicMadeAgainIsRead(t *testing.T) {
	t.Parallel()
	config := runConfig(t)
	config.Roles = []string{RoleAggregate}
	p := run(t, config)
	admin := openAdmin(t, &config)
	s := newSender(t, &config)
	for range 5 {
		s.report("orders", time.Now(), 1)
	}
	folded := func(offset int64) func() bool {
		return func() bool {
			sources := p.Status().Sources
			return len(sources) == 1 && sources[0].NextOffset == offset
		}
	}
	await(t, "five reports", folded(5))
	if _, err := admin.DeleteTopics(t.Context(), telemetry.TopicTelemetry); err != nil {
		t.Fatal(err)
	}
	makeTopic(t, admin, telemetry.TopicTelemetry, 1, "max.message.bytes", "2097152") // as brokers make one for whoever writes
	await(t, "a refusal of its settings", func() bool {
		return contains(stageOf(p, RoleAggregate).Error, "weir.telemetry has message.timestamp.type=CreateTime, needs LogAppendTime")
	})
	logAppendTime := "LogAppendTime"
	if _, err := admin.AlterTopicConfigs(t.Context(), []kadm.AlterConfig{{Op: kadm.SetConfig, Name: "message.timestamp.type", Value: &logAppendTime}}, telemetry.TopicTelemetry); err != nil {
		t.Fatal(err)
	}
	again := newSender(t, &config)
	again.report("orders", time.Now(), 1)
	again.report("orders", time.Now(), 1)
	await(t, "two reports of the new topic", folded(2))
	recorded, err := readPartition(t.Context(), config.Kafka, telemetry.TopicParameters, 0)
	if err != nil || len(recorded) != 2 {
		t.Errorf("got %d records of parameters, %v, want one for each topic", len(recorded), err)
	}
}
