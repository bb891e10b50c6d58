package weir_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/weirmq/weir/sdk"
	"github.com/weirmq/weir/sdk/kafka"
	"github.com/weirmq/weir/sdk/report"
	"github.com/weirmq/weir/sdk/rocketmq"
)

// A program sends orders to Kafka and consumes them. It names the resource, and the directory says where that is.
func Example_kafka() {
	seeds, telemetry := exampleKafka("orders") // a cluster with a topic, and one with weir.telemetry
	client, err := weir.Open(context.Background(), weir.Config{
		Env: "production", Lane: "stable",
		Directory: weir.Routes(weir.Route{ID: "orders.created", System: "kafka", Cluster: "orders-kafka", Endpoints: seeds, Topic: "orders"}),
		Systems:   []weir.System{kafka.System()},
		Telemetry: report.Config{TelemetryBrokers: telemetry, Tier: "S1"},
	})
	if err != nil {
		log.Fatal(err)
	}
	orders, err := client.Producer("orders.created")
	if err != nil {
		log.Fatal(err)
	}
	err = orders.Send(context.Background(),
		&weir.Message{Key: []byte("o-17"), Tag: "card", Body: []byte("created")},
		&weir.Message{Key: []byte("o-17"), Tag: "card", Body: []byte("paid")})
	if err != nil {
		log.Fatal(err) // a *weir.BatchError says which failed
	}

	billing, err := client.Consumer("orders.created", "billing")
	if err != nil {
		log.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	err = billing.Run(ctx, weir.Each(func(_ context.Context, d *weir.Delivery) error {
		fmt.Printf("%s of %s by %s\n", d.Body, d.Key, d.Tag)
		if string(d.Body) == "paid" {
			stop()
		}
		return nil // an error has the message given again
	}))
	if err != nil {
		log.Fatal(err)
	}
	closing, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := client.Close(closing); err != nil { // consumers, producers, and the last reports
		log.Fatal(err)
	}
	// Output:
	// created of o-17 by card
	// paid of o-17 by card
}

// A program sends a reminder to RocketMQ that nobody is given before its time. On Kafka, Producer would return an error, and say what to do instead.
func Example_rocketMQ() {
	nameServers, telemetry := exampleRocketMQ("reminders")
	client, err := weir.Open(context.Background(), weir.Config{
		Env:       "production",
		Directory: weir.Routes(weir.Route{ID: "reminders", System: "rocketmq", Cluster: "mail-rocketmq", Endpoints: nameServers, Topic: "reminders"}),
		Systems:   []weir.System{rocketmq.System()},
		Telemetry: report.Config{TelemetryBrokers: telemetry, Tier: "S2"},
	})
	if err != nil {
		log.Fatal(err)
	}
	reminders, err := client.Producer("reminders", weir.MaxDelay(time.Minute))
	if err != nil {
		log.Fatal(err)
	}
	began := time.Now()
	if err := reminders.Send(context.Background(), &weir.Message{Key: []byte("o-17"), Body: []byte("pay"), Delay: time.Second}); err != nil {
		log.Fatal(err)
	}
	mailer, err := client.Consumer("reminders", "mailer", weir.Ordered())
	if err != nil {
		log.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	err = mailer.Run(ctx, func(_ context.Context, batch []*weir.Delivery) error {
		for _, d := range batch {
			fmt.Printf("%s for %s, a second later: %v\n", d.Body, d.Key, time.Since(began) >= time.Second)
		}
		stop()
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
	closing, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := client.Close(closing); err != nil {
		log.Fatal(err)
	}
	// Output: pay for o-17, a second later: true
}
