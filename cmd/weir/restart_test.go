package main

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/pipeline"
	"github.com/weirmq/weir/telemetry"
)

// TestAStageThatFailsStartsAgain although nothing more comes in: here a refused record
// cannot be set aside, since somebody has deleted weir.deadletter. Once the topic is
// back the record is in it.
func TestAStageThatFailsStartsAgain(t *testing.T) {
	t.Parallel()
	h := newHouse(t, embeddedBroker(t), largeMessageRule)
	config, addr := h.writeConfig()
	weir := h.launchWith(config, addr, "--roles", "aggregate")
	weir.awaitReady()
	client, err := kgo.NewClient(kgo.SeedBrokers(h.brokers...), kgo.DefaultProduceTopic(telemetry.TopicTelemetry))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if _, err := kadm.NewClient(client).DeleteTopic(t.Context(), telemetry.TopicDeadLetter); err != nil {
		t.Fatal(err)
	}
	if err := client.ProduceSync(t.Context(), kgo.KeyStringRecord("bad", "no report")).FirstErr(); err != nil {
		t.Fatal(err)
	}
	weir.awaitStage(pipeline.RoleAggregate, "that it failed and starts again", func(s pipeline.StageStatus) bool { return s.Restarts > 0 })
	if got := weir.metric(`weir_errors_total{stage="aggregate",kind="write"}`); got == 0 {
		t.Error("/metrics counts no failed write")
	}
	if got := call(t, h.dir, "topics", "create", "--config", config); got.code != 0 {
		t.Fatalf("weir topics create: %+v", got)
	}
	if letter := readTopic(t, h.brokers, telemetry.TopicDeadLetter, 1)["bad"]; letter == nil || string(letter.Value) != "no report" {
		t.Errorf("got dead letter %v, want the record", letter)
	}
	weir.awaitStage(pipeline.RoleAggregate, "that it runs", fine)
}
