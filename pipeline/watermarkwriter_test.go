package pipeline

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/telemetry"
)

// holdingBroker does not acknowledge what one source writes until it is let go.
type holdingBroker struct {
	slowBroker
	held  string // key of its records
	letGo chan struct{}

	mu   sync.Mutex
	said map[int32][]string // the sources of each record of watermarks, by partition of weir.groups
}

func (b *holdingBroker) Produce(_ context.Context, record *kgo.Record, promise func(*kgo.Record, error)) {
	if b.held != "" && string(record.Key) == b.held {
		<-b.letGo
	}
	if recordKind(record) == kindWatermark {
		watermarks, err := telemetry.UnmarshalWatermarks(record.Value)
		if err != nil {
			panic(err) // it was written just now
		}
		var sources []string
		for _, w := range watermarks {
			sources = append(sources, fmt.Sprintf("%d at %s", w.Source.Partition, w.EventTime.Format("05")))
		}
		b.mu.Lock()
		b.said[record.Partition] = append(b.said[record.Partition], strings.Join(sources, ", "))
		b.mu.Unlock()
	}
	promise(record, nil)
}

// want fails where other watermarks were written than these, to one of the partitions.
func (b *holdingBroker) want(t *testing.T, what string, records ...string) {
	t.Helper()
	synctest.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	for partition := range int32(2) {
		if got := b.said[partition]; !slices.Equal(got, records) {
			t.Errorf("%s: partition %d has %q, want %q", what, partition, got, records)
		}
	}
}

// TestWatermarksOfAllSourcesInOneRecord: what sources say while nothing is written is one record in each partition, the
// newest of each source, and nothing of one that was given up. Between two writes some time passes.
func TestWatermarksOfAllSourcesInOneRecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broker := &holdingBroker{said: map[int32][]string{}}
		a := &aggregator{watermarks: newWatermarkWriter(broker, 2)}
		put := func(partition int32, second int64) {
			a.watermarks.put(telemetry.Watermark{Source: telemetry.Source{Partition: partition}, EventTime: time.Unix(second, 0).UTC()})
		}
		defer a.writeWatermarks(t.Context())()
		put(2, 1)
		broker.want(t, "one source", "2 at 01")
		put(2, 2)
		put(0, 3)
		put(1, 4)
		put(0, 5)
		a.watermarks.drop(1)
		broker.want(t, "too soon", "2 at 01")
		<-time.NewTimer(watermarkPause).C // on the bubble's clock
		broker.want(t, "all", "2 at 01", "0 at 05, 2 at 02")
		<-time.NewTimer(time.Hour).C
		broker.want(t, "nothing new", "2 at 01", "0 at 05, 2 at 02")
	})
}

// TestAWatermarkComesAfterAllBefore: nobody hears how far a source has come before what it wrote is acknowledged, and
// other sources do not wait for it.
func TestAWatermarkComesAfterAllBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broker := &holdingBroker{said: map[int32][]string{}, letGo: make(chan struct{})}
		slow := workerOn(t, broker)
		a := slow.a
		a.sources, a.groups, a.watermarks = 2, 2, newWatermarkWriter(broker, 2)
		broker.held = slow.source.String()
		defer a.writeWatermarks(t.Context())()
		var ticks sync.WaitGroup
		defer ticks.Wait()
		at := time.Unix(1_800_000_010, 0) // 5 s more than the lateness
		for _, w := range []*sourceWorker{slow, newSourceWorker(a, 1)} {
			if err := w.add(t.Context(), []*kgo.Record{{Value: reportOf(t, "orders", at, 1), Timestamp: at}}); err != nil {
				t.Fatal(err)
			}
			ticks.Go(func() {
				if err := w.tick(t.Context(), at); err != nil {
					t.Error(err)
				}
			})
		}
		<-time.NewTimer(2 * watermarkPause).C // whatever was said by now is written, whichever source came first
		broker.want(t, "one is held up", "1 at 05")
		close(broker.letGo)
		<-time.NewTimer(watermarkPause).C // on the bubble's clock
		broker.want(t, "it goes on", "1 at 05", "0 at 05")
	})
}
