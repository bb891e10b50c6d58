// Package weir measures Kafka clients and reports what they do to weir.telemetry.
//
// It hooks into a franz-go client:
//
//	telemetry, err := weir.Open(weir.Config{
//		TelemetryBrokers: []string{"telemetry-kafka:9092"},
//		Cluster: "orders-kafka", Env: "production", Tier: "S1", Lane: "stable",
//	})
//	...
//	hooks := telemetry.Hooks()
//	client, err := kgo.NewClient(kgo.SeedBrokers("orders-kafka:9092"), kgo.WithHooks(hooks))
//	...
//	client.Close()
//	err = telemetry.Close(ctx) // the final report
//
// In: the records that the client sends and consumes. Out: in every interval a report
// for each topic and direction, and one for its consumer group, on a small producer of
// the SDK's own. It promises never to block and never to fail the host's traffic:
// memory is bounded, and what could not be reported is counted and reported later.
package weir
