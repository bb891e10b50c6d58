// Package kafka measures franz-go clients.
//
//	telemetry, err := report.Open(report.Config{ ... }) // of the package sdk/report
//	...
//	hooks := kafka.NewHooks(telemetry)
//	client, err := kgo.NewClient(kgo.SeedBrokers("orders-kafka:9092"), kgo.WithHooks(hooks))
//	...
//	client.Close()
//	err = telemetry.Close(ctx) // the final report
//
// In: the records that the client sends and consumes. Out: counts, which the reporter
// reports. It promises never to block and never to fail the client's traffic.
package kafka
