package agent_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/control"
	"github.com/weirmq/weir/sdk/agent"
	"github.com/weirmq/weir/sdk/kafka"
	"github.com/weirmq/weir/sdk/report"
)

// A service that lets people pause what it consumes and limit what it sends.
func Example() {
	ctx := context.Background()
	telemetry, err := report.Open(report.Config{TelemetryBrokers: []string{"telemetry-kafka:9092"}, Cluster: "orders-kafka", Env: "production"})
	if err != nil {
		log.Fatal(err)
	}
	steering, err := agent.Open(ctx, agent.Config{Telemetry: telemetry, Enabled: []control.Capability{control.CapabilityPause, control.CapabilitySendLimit}})
	if err != nil {
		log.Fatal(err)
	}
	client, err := kgo.NewClient(append(steering.KafkaOpts(), kgo.SeedBrokers("orders-kafka:9092"), kgo.ConsumerGroup("billing"), kgo.ConsumeTopics("orders"),
		kgo.WithHooks(kafka.NewHooks(telemetry)))...)
	if err != nil {
		log.Fatal(err)
	}
	if err := steering.Bind(client); err != nil {
		log.Fatal(err)
	}

	producer := steering.Producer(client)
	err = producer.ProduceSync(ctx, &kgo.Record{Topic: "invoices", Value: []byte("one")}).FirstErr()
	if errors.Is(err, agent.ErrSendLimited) {
		log.Print("ctx ended while a send limit made the message wait: ", err)
	}

	client.Close()
	if err := errors.Join(steering.Close(ctx), telemetry.Close(ctx)); err != nil {
		log.Print(err)
	}
}

// What applies, and who wants it.
func ExampleAgent_State() {
	var steering *agent.Agent // of agent.Open
	state := steering.State()
	fmt.Println("read up to", state.Offset, "at", state.ReadAt)
	for _, client := range state.Clients {
		for _, c := range client.Applies {
			fmt.Printf("%s: %s@%d %s until %s, by %s: %s\n", client.Client, c.Name, c.Revision, c.Action, c.Expires, c.Author, c.Reason)
		}
	}
}
