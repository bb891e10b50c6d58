package kafka

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/sdk"
	"github.com/weirmq/weir/sdk/internal/meter"
	"github.com/weirmq/weir/sdk/internal/reported"
	"github.com/weirmq/weir/sdk/report"
)

// inTransaction sends a message to each of 3 partitions in one transaction.
func inTransaction(t *testing.T, addrs []string, topic string, end kgo.TransactionEndTry) {
	t.Helper()
	client := reported.Dial(t, addrs, kgo.TransactionalID("bank"), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	defer client.Close()
	if err := client.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	for partition := range int32(3) {
		if err := client.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Partition: partition, Value: []byte("a")}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	if err := client.EndTransaction(t.Context(), end); err != nil {
		t.Fatal(err)
	}
}

// openReceiver opens a receiver of topic orders for the group billing, and runs it until the test ends, or end.
func openReceiver(t *testing.T, addrs []string, handle weir.Handler, with func(*weir.ReceiverConfig), options ...kgo.Opt) (r weir.Receiver, end func()) {
	t.Helper()
	config := weir.ReceiverConfig{Route: weir.Route{System: SystemName, Cluster: "c", Endpoints: addrs, Topic: "orders"}, Group: "billing", Log: slog.New(slog.DiscardHandler),
		Consumption: weir.Consumption{MaxBatch: 10, Concurrency: 1, Attempts: 1, Backoff: time.Millisecond, MaxBackoff: time.Millisecond}}
	if with != nil {
		with(&config)
	}
	r, err := System(options...).OpenReceiver(config)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx, handle) }()
	end = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		r.Close()
	})
	t.Cleanup(end)
	return r, end
}

// TestTransactionsAreCaughtUp holds that a group which has handled all of a topic is caught up where partitions end with the end of a
// transaction, which is no message: it is neither handled nor counted.
func TestTransactionsAreCaughtUp(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name      string
		end       kgo.TransactionEndTry
		isolation kgo.IsolationLevel
		messages  uint64
	}{
		{"committed", kgo.TryCommit, kgo.ReadUncommitted(), 3},
		{"aborted", kgo.TryAbort, kgo.ReadCommitted(), 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			measured, reports := startClusters(t, "orders")
			inTransaction(t, measured, "orders", c.end)
			telemetry := open(t, reports, report.Config{})
			handled := make(chan int, 100)
			handle := func(ctx context.Context, batch []*weir.Delivery) error {
				weir.Given(ctx)
				handled <- len(batch)
				return nil
			}
			r, _ := openReceiver(t, measured, handle, func(config *weir.ReceiverConfig) { config.Reporter = telemetry }, kgo.FetchIsolationLevel(c.isolation))
			reported.Eventually(t, "the group is caught up", func() bool {
				caughtUp, err := r.CaughtUp(t.Context())
				return err == nil && caughtUp
			})
			close(handled)
			messages := uint64(0)
			for n := range handled {
				messages += uint64(n)
			}
			reported.Want(t, "handled", messages, c.messages)
			mustClose(t, telemetry)
			reported.Want(t, "reported as consumed", reported.Sum(readReports(t, reports), reported.Series{Op: meter.OpConsume, Topic: "orders"}).Messages, c.messages)
		})
	}
}

// TestWhatIsBehindAFailureIsNotCommitted holds that the end of a transaction is not committed before the messages in front of it are handled, also when the
// consumer ends meanwhile.
func TestWhatIsBehindAFailureIsNotCommitted(t *testing.T) {
	t.Parallel()
	measured, _ := startClusters(t, "orders")
	inTransaction(t, measured, "orders", kgo.TryCommit)
	tried := make(chan struct{}, 1000)
	r, end := openReceiver(t, measured, func(context.Context, []*weir.Delivery) error {
		select {
		case tried <- struct{}{}:
		default: // it is tried often enough
		}
		return errors.New("the ledger is away")
	}, func(config *weir.ReceiverConfig) { config.Attempts, config.Exhausted = 1000, weir.KeepTrying })
	for range 5 {
		<-tried
	}
	if caughtUp, err := r.CaughtUp(t.Context()); err != nil || caughtUp {
		t.Errorf("nothing is handled, and it is caught up: %v, %v", caughtUp, err)
	}
	end()
	committed, err := kadm.NewClient(reported.Dial(t, measured)).FetchOffsets(t.Context(), "billing")
	if err != nil {
		t.Fatal(err)
	}
	for _, offset := range committed.Offsets().Sorted() {
		if offset.At > 0 {
			t.Errorf("partition %d is committed at %d", offset.Partition, offset.At)
		}
	}
}
