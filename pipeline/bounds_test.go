package pipeline

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/weirmq/weir/telemetry"
)

// silentBroker has partition 1 and says nothing; others answer for partition 0. As *kadm.Client does, it returns what was
// answered when the time is over.
type silentBroker struct{}

func (silentBroker) list(ctx context.Context, offset int64) (kadm.ListedOffsets, error) {
	<-ctx.Done()
	return kadm.ListedOffsets{telemetry.TopicTelemetry: {0: {Offset: offset}}}, ctx.Err()
}

func (b silentBroker) ListStartOffsets(ctx context.Context, _ ...string) (kadm.ListedOffsets, error) {
	return b.list(ctx, 3)
}

func (b silentBroker) ListEndOffsets(ctx context.Context, _ ...string) (kadm.ListedOffsets, error) {
	return b.list(ctx, 7)
}

func (silentBroker) FetchOffsets(context.Context, string) (kadm.OffsetResponses, error) {
	return nil, nil
}

// silentGroup says where partitions begin, and has a coordinator that says nothing.
type silentGroup struct{ silentBroker }

func (silentGroup) FetchOffsets(ctx context.Context, _ string) (kadm.OffsetResponses, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// TestASilentBrokerHoldsUpItsPartitionsOnly holds that what the others have is read on after a while.
func TestASilentBrokerHoldsUpItsPartitionsOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		offsets := shareOffsets(t.Context(), silentBroker{}, telemetry.TopicTelemetry, groupAggregate)
		w := workerOn(t, &slowBroker{})
		w.kafka.offsets = offsets
		if err := w.locate(t.Context()); err != nil || w.next.Load() != 3 {
			t.Errorf("the source of a broker that answers is read from %d on, want 3: %v", w.next.Load(), err)
		}
		w.source.Partition = 1
		if err := w.locate(t.Context()); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the source of the silent one: %v, want that the time is over", err)
		}
		w.kafka.offsets = shareOffsets(t.Context(), silentGroup{}, telemetry.TopicTelemetry, groupAggregate)
		w.source.Partition = 0
		if err := w.locate(t.Context()); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("what was committed with the silent one: %v, want that the time is over", err)
		}
		start, end, err := bounds(t.Context(), silentBroker{}, topicPartition{telemetry.TopicTelemetry, 0})
		if start != 3 || end != 7 || err != nil {
			t.Errorf("a partition of a broker that answers is from %d to %d, want 3 to 7: %v", start, end, err)
		}
		if _, _, err := bounds(t.Context(), silentBroker{}, topicPartition{telemetry.TopicTelemetry, 1}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a partition of the silent one: %v, want that the time is over", err)
		}
		if took := time.Since(began); took != 7*boundsTimeout {
			t.Errorf("it took %s, want seven times %s", took, boundsTimeout)
		}
	})
}
