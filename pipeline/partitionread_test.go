package pipeline

import (
	"context"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// TestAPartitionThatEndsWithTheEndOfATransaction is read to its end: what is there, without what is no record of anybody.
func TestAPartitionThatEndsWithTheEndOfATransaction(t *testing.T) {
	t.Parallel()
	config := brokerConfig(t)
	client := newSender(t, &config, kgo.TransactionalID("mirror"), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	makeTopic(t, kadm.NewClient(client.client), "mirrored", 1)
	if err := client.client.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	for _, value := range []string{"a", "b"} {
		client.send(&kgo.Record{Topic: "mirrored", Value: []byte(value)})
	}
	if err := client.client.EndTransaction(t.Context(), kgo.TryCommit); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second) // or it is read for ever
	defer cancel()
	records, err := readPartition(ctx, config.Kafka, "mirrored", 0)
	if err != nil || len(records) != 2 {
		t.Errorf("read %d records, %v: want 2", len(records), err)
	}
}
