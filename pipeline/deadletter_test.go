package pipeline

import (
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/aggregate"
	"github.com/weirmq/weir/ingest"
	"github.com/weirmq/weir/telemetry"
)

// TestDeadLettersOfAnySize holds that whatever a broker took, because it compresses
// well, can be set aside: a huge key as well as a huge value.
func TestDeadLettersOfAnySize(t *testing.T) {
	config := brokerConfig(t)
	if _, err := EnsureTopics(t.Context(), &config); err != nil {
		t.Fatal(err)
	}
	letters, err := newProducerOf(config.Kafka, maxLetterBytes)
	if err != nil {
		t.Fatal(err)
	}
	defer letters.Close()
	w := &sourceWorker{a: &aggregator{letters: letters, metrics: newPipelineMetrics().stage(RoleAggregate)},
		fold: aggregate.NewFold(telemetry.Source{}, config.Parameters(), time.Second, nil)}
	for _, record := range []*kgo.Record{
		{Key: make([]byte, 8<<20)},
		{Value: make([]byte, 8<<20)},
		{Key: make([]byte, 8<<20), Value: make([]byte, 8<<20)},
	} {
		w.refuse(aggregate.Position{}, record, &ingest.Refusal{Reason: ingest.ReasonUndecodable, Detail: "nothing"})
		if err := w.writeRefused(t.Context()); err != nil {
			t.Errorf("a key of %d and a value of %d bytes: %v", len(record.Key), len(record.Value), err)
		}
	}
}
