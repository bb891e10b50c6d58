package kafka

import (
	"context"
	"log/slog"
	"testing"

	"github.com/weirmq/weir/sdk"
	"github.com/weirmq/weir/sdk/agent"
	"github.com/weirmq/weir/sdk/internal/reported"
	"github.com/weirmq/weir/sdk/report"
)

// TestWhatIsNotMeasuredIsOfItsResourcesCluster holds that commands find clients of a resource by its cluster, though nothing is reported of what they send and consume.
func TestWhatIsNotMeasuredIsOfItsResourcesCluster(t *testing.T) {
	t.Parallel()
	measured, reports := startClusters(t, "orders")
	steering, err := agent.Open(t.Context(), agent.Config{Telemetry: open(t, reports, report.Config{Cluster: "of-telemetry"}), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = steering.Close(context.Background()) })
	route := weir.Route{System: SystemName, Cluster: "c", Endpoints: measured, Topic: "orders"}
	sender, err := System().OpenSender(weir.SenderConfig{Route: route, Control: steering})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sender.Close)
	openReceiver(t, measured, func(context.Context, []*weir.Delivery) error { return nil }, func(config *weir.ReceiverConfig) { config.Control = steering })
	reported.Eventually(t, "both are steered", func() bool { return len(steering.Commands().Clients()) == 2 })
	for _, client := range steering.Commands().Clients() {
		if got := client.Measured().Labels().Cluster; got != "c" {
			t.Errorf("a client is of the cluster %q, want the resource's", got)
		}
	}
}
