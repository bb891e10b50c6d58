package rocketmq_test

import (
	"log"

	rmq "github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"

	"github.com/weirmq/weir/sdk/agent"
	steer "github.com/weirmq/weir/sdk/agent/rocketmq"
	"github.com/weirmq/weir/sdk/report"
	measure "github.com/weirmq/weir/sdk/rocketmq"
)

// A push consumer that commands pause by topic or queue.
func ExampleHold() {
	var (
		telemetry *report.Reporter // of report.Open
		steering  *agent.Agent     // of agent.Open
	)
	hold := steer.NewHold(steering)
	options := []consumer.Option{consumer.WithGroupName("billing"), consumer.WithNsResolver(primitive.NewPassthroughResolver([]string{"names:9876"}))}
	plain, err := rmq.NewPushConsumer(append(options, hold.Options(20, nil)...)...)
	if err != nil {
		log.Fatal(err)
	}
	receiver, err := hold.PushConsumer(measure.WrapPushConsumer(telemetry, plain, "billing"))
	if err != nil {
		log.Fatal(err)
	}
	_ = receiver // Subscribe, Start and Shutdown are called of it
}
