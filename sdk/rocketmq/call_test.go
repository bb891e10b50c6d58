package rocketmq

import (
	"context"
	"testing"

	rmqconsumer "github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"

	"github.com/weirmq/weir/sdk/internal/meter"
	"github.com/weirmq/weir/sdk/internal/reported"
	"github.com/weirmq/weir/sdk/report"
)

// TestAHandlerMayTakeItsMessage out of the slice that it is given: the message is counted as what it was.
func TestAHandlerMayTakeItsMessage(t *testing.T) {
	c := newConsumer(openOffline(t, report.Config{}), nil, "billing", nil)
	handle := c.measure(func(_ context.Context, messages ...*primitive.MessageExt) (rmqconsumer.ConsumeResult, error) {
		messages[0] = nil
		return rmqconsumer.ConsumeSuccess, nil
	})
	for range 3 {
		if _, err := handle(t.Context(), &primitive.MessageExt{Message: primitive.Message{Topic: "orders", Body: []byte("one")}}); err != nil {
			t.Fatal(err)
		}
	}
	got := taken(c.client)[reported.Series{Op: meter.OpConsume, Topic: "orders"}]
	reported.Want(t, "messages", got.Messages, 3)
	reported.Want(t, "handled", got.LatencyMicros.Count(), 3)
}
