package rocketmq_test

import (
	"context"
	"log"
	"log/slog"
	"time"

	rmq "github.com/apache/rocketmq-client-go/v2"
	rmqconsumer "github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"

	"github.com/weirmq/weir/sdk/report"
	"github.com/weirmq/weir/sdk/rocketmq"
)

// A service that consumes orders is measured.
func Example() {
	rocketmq.LogTo(slog.Default())
	telemetry, err := report.Open(report.Config{TelemetryBrokers: []string{"telemetry-kafka:9092"}, Env: "production", Cluster: "orders-rocketmq", Tier: "S1"})
	if err != nil {
		log.Fatal(err)
	}
	plain, err := rmq.NewPushConsumer(rmqconsumer.WithGroupName("billing"), rmqconsumer.WithNsResolver(primitive.NewPassthroughResolver([]string{"namesrv:9876"})))
	if err != nil {
		log.Fatal(err)
	}
	consumer := rocketmq.WrapPushConsumer(telemetry, plain, "billing")
	handle := func(context.Context, ...*primitive.MessageExt) (rmqconsumer.ConsumeResult, error) {
		return rmqconsumer.ConsumeSuccess, nil
	}
	if err := consumer.Subscribe("orders", rmqconsumer.MessageSelector{}, handle); err != nil {
		log.Fatal(err)
	}
	if err := consumer.Start(); err != nil {
		log.Fatal(err)
	}

	if err := consumer.Shutdown(); err != nil {
		log.Print(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := telemetry.Close(ctx); err != nil { // the final report
		log.Print(err)
	}
}
