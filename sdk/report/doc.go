// Package report sends what the SDK measures to weir.telemetry. A program opens one
// [Reporter] and names it to the clients that it measures, of whichever system they are:
//
//	telemetry, err := report.Open(report.Config{
//		TelemetryBrokers: []string{"telemetry-kafka:9092"},
//		Cluster: "orders-kafka", Env: "production", Tier: "S1", Lane: "stable",
//	})
//	...
//	hooks := kafka.NewHooks(telemetry) // of the package sdk/kafka
//	...
//	err = telemetry.Close(ctx) // the final report
//
// In: what clients counted. Out: in every interval a report for each topic and direction,
// and one for each consumer group, on a small producer of the SDK's own. It promises never
// to block and never to fail the host's traffic: memory is bounded, and what could not be
// reported is counted and reported later.
package report
