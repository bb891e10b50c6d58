// Package agent lets people steer a service's clients of Kafka while they run, by commands of the topic weir.control:
// pause consumption, limit sends, compress or refuse large messages, change what is sampled and how often is reported.
//
//	telemetry, err := report.Open(report.Config{ ... }) // of the package sdk/report
//	...
//	steering, err := agent.Open(ctx, agent.Config{Telemetry: telemetry, Enabled: []control.Capability{control.CapabilityPause}})
//	...
//	client, err := kgo.NewClient(append(options, steering.KafkaOpts()...)...)
//	steering.Bind(client)
//	...
//	producer := steering.Producer(client) // is used in place of client to send
//
// In: commands. Out: what the program has enabled of them, applied to its clients, and reports of what is applied. It
// promises never to block Open, never to drop a message, to end each command when it expires whoever is away, and to
// apply nothing that the program has not enabled or a local file has switched off.
package agent
