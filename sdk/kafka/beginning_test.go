package kafka

import (
	"context"
	"errors"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/sdk"
	"github.com/weirmq/weir/sdk/internal/reported"
)

// TestAGroupThatBeganWithTheNewestIsBehindWithItsFirstMessage: it is caught up while nothing has come, and not while the first message of a partition fails.
func TestAGroupThatBeganWithTheNewestIsBehindWithItsFirstMessage(t *testing.T) {
	t.Parallel()
	measured, _ := startClusters(t, "orders")
	client := reported.Dial(t, measured, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	send := func(value string) {
		for partition := range int32(3) {
			if err := client.ProduceSync(t.Context(), &kgo.Record{Topic: "orders", Partition: partition, Value: []byte(value)}).FirstErr(); err != nil {
				t.Fatal(err)
			}
		}
	}
	send("before")
	tried, mended := make(chan string, 1000), make(chan struct{})
	r, _ := openReceiver(t, measured, func(_ context.Context, batch []*weir.Delivery) error {
		for _, d := range batch {
			select {
			case tried <- string(d.Body):
			default: // it is tried often enough
			}
		}
		select {
		case <-mended:
			return nil
		default:
			return errors.New("the ledger is away")
		}
	}, func(config *weir.ReceiverConfig) {
		config.FromNewest, config.Attempts, config.Exhausted = true, 1000, weir.KeepTrying
	})
	caughtUp := func() bool {
		caughtUp, err := r.CaughtUp(t.Context())
		return err == nil && caughtUp
	}
	reported.Eventually(t, "it begins, and nothing has come", caughtUp)
	send("since")
	if got := <-tried; got != "since" {
		t.Errorf("it was given %q, which was there before it began", got)
	}
	if caughtUp() {
		t.Error("it is caught up, and its first messages fail")
	}
	close(mended)
	reported.Eventually(t, "all is handled", caughtUp)
}
