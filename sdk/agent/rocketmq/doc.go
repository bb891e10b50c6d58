// Package rocketmq lets people steer clients of rocketmq-client-go while they run, by commands of weir.control: see the
// package sdk/agent, to which it adds these clients.
//
//	steering, err := agent.Open(ctx, agent.Config{Telemetry: telemetry, Enabled: []control.Capability{control.CapabilityPause}})
//	...
//	hold := steer.NewHold(steering)
//	plain, err := rmq.NewPushConsumer(append(options, hold.Options(20, nil)...)...) // of the client library
//	receiver, err := hold.PushConsumer(measure.WrapPushConsumer(telemetry, plain, "billing")) // is used in place of it
//	...
//	sender, err := steer.WrapProducer(steering, measure.WrapProducer(telemetry, plainSender))
//
// In: commands, and clients that the package sdk/rocketmq measures. Out: clients to use in their place. A pause does not
// use the library's Suspend: that stops all topics, does not rebalance meanwhile, gives what was fetched all the same, and takes
// up to 30 s to end, since its loops sleep so long. Messages are held back in front of the handler instead, by topic or queue; pulling
// stops when the library's own threshold of cached messages is reached (1,024 of a queue), and a pause ends within milliseconds.
//
// A pull consumer is held by Hold.PullConsumer: it gives nothing meanwhile.
package rocketmq
