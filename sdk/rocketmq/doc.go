// Package rocketmq measures clients of rocketmq-client-go, version 2.
//
//	telemetry, err := report.Open(report.Config{ ... }) // of the package sdk/report
//	...
//	plain, err := rocketmq.NewProducer(producer.WithGroupName("invoicing"), ...) // of the client library
//	...
//	sender := weirrocketmq.WrapProducer(telemetry, plain) // is used in place of it
//	...
//	err = sender.Shutdown()
//	err = telemetry.Close(ctx) // the final report
//
// In: the messages that the client sends and consumes. Out: counts, which the reporter
// reports. It promises never to block and never to fail the client's traffic, and has no
// goroutine of its own.
//
// Clients are wrapped, because the library's interceptors do not tell the truth of all that
// it sends: only SendSync passes them the broker's answer, and with one RequestAsync sends
// twice and Request returns no reply.
package rocketmq
