package kafka_test

import (
	"context"
	"log"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/sdk/kafka"
	"github.com/weirmq/weir/sdk/report"
)

// A service that consumes orders measures its client and its handler.
func Example() {
	telemetry, err := report.Open(report.Config{
		TelemetryBrokers: []string{"telemetry-kafka:9092"},
		Env:              "production",
		Cluster:          "orders-kafka",
		Tier:             "S1",
		Lane:             "stable",
		Labels:           map[string]string{"team": "checkout"},
	})
	if err != nil {
		log.Fatal(err)
	}
	hooks := kafka.NewHooks(telemetry)
	client, err := kgo.NewClient(kgo.SeedBrokers("orders-kafka:9092"), kgo.WithHooks(hooks),
		kgo.ConsumerGroup("ledger"), kgo.ConsumeTopics("orders"))
	if err != nil {
		log.Fatal(err)
	}

	handle := func(*kgo.Record) error { return nil }
	for range 100 {
		client.PollFetches(context.Background()).EachRecord(func(r *kgo.Record) {
			handling := hooks.TimeHandler(r)
			handling.Done(handle(r))
		})
	}

	client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := telemetry.Close(ctx); err != nil { // the final report
		log.Print(err)
	}
}
