// Package weir is one client for Kafka and RocketMQ. A program names what it sends and consumes by
// resource, as in "orders.created"; a [Directory] says in which topic of which cluster that is.
//
//	directory, err := weir.OpenFile("routes.json")
//	...
//	client, err := weir.Open(ctx, weir.Config{
//		Env: "production", Lane: "stable",
//		Directory: directory,
//		Systems:   []weir.System{kafka.System(), rocketmq.System()}, // of the packages sdk/kafka and sdk/rocketmq
//		Telemetry: report.Config{TelemetryBrokers: []string{"telemetry-kafka:9092"}, Tier: "S1"},
//	})
//	...
//	orders, err := client.Producer("orders.created")
//	err = orders.Send(ctx, &weir.Message{Key: []byte("o-17"), Body: body})
//	...
//	billing, err := client.Consumer("orders.created", "billing")
//	err = billing.Run(ctx, func(ctx context.Context, batch []*weir.Delivery) error { ... })
//	...
//	err = client.Close(ctx)
//
// In: messages of the program, routes of the directory. Out: messages in topics, batches to handlers,
// and reports of both. It promises that a message is either acknowledged by its cluster or named in
// the error of Send; that a message which a group has not handled is given again; that a resource which
// moves to another cluster of its system takes both promises along; and that what a system cannot do
// is said when a producer or a consumer is opened. What order is kept is said at [Consumer.Run].
package weir
