package pipeline

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/telemetry"
)

// watermarkPause lies between the begins of two writes of watermarks. Not smaller: each is a
// record in every partition of weir.groups, 640 a second in 32; not larger: alerts wait for
// it where sources are flushed one after the other.
const watermarkPause = 50 * time.Millisecond

// watermarkWriter writes how far the sources of this process have come to every partition of
// weir.groups: of all that were flushed since its last write, in one record. A source that
// takes long to flush holds up no other.
type watermarkWriter struct {
	partitions int32 // of weir.groups
	producer   recordProducer

	mu      sync.Mutex
	waiting map[int32]telemetry.Watermark // by partition of weir.telemetry
	some    chan struct{}                 // holds one while some may wait
}

func newWatermarkWriter(producer recordProducer, partitions int32) *watermarkWriter {
	return &watermarkWriter{partitions: partitions, producer: producer, waiting: map[int32]telemetry.Watermark{}, some: make(chan struct{}, 1)}
}

// writeWatermarks runs the writer until it is stopped. Its error ends the stage.
func (a *aggregator) writeWatermarks(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var group sync.WaitGroup
	group.Go(func() {
		if err := a.watermarks.run(ctx); err != nil && ctx.Err() == nil {
			a.fail(fmt.Errorf("watermarks: %w", err))
		}
	})
	return func() { cancel(); group.Wait() }
}

// put has a watermark written soon. All that its source has written before must be
// acknowledged: whoever reads the watermark takes the panes that it has passed for whole.
func (t *watermarkWriter) put(w telemetry.Watermark) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.waiting[w.Source.Partition] = w
	select {
	case t.some <- struct{}{}:
	default:
	}
}

// drop says no more of a source. What is being written of it may still arrive, and is no
// higher than what the source's next owner comes to.
func (t *watermarkWriter) drop(partition int32) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.waiting, partition)
}

// take returns what waits, in the order of partitions, in which it takes fewest bytes.
func (t *watermarkWriter) take() []telemetry.Watermark {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := slices.SortedFunc(maps.Values(t.waiting), func(a, b telemetry.Watermark) int { return cmp.Compare(a.Source.Partition, b.Source.Partition) })
	clear(t.waiting)
	return out
}

// run writes what is put until it is stopped, or until it cannot. What is being written at
// that moment is written to its end, in bounded time.
func (t *watermarkWriter) run(stopped context.Context) error {
	ctx, cancel := outlive(stopped, drainTimeout)
	defer cancel()
	for {
		select {
		case <-t.some:
		case <-stopped.Done():
			return nil
		}
		pause := time.NewTimer(watermarkPause)
		if err := t.write(ctx); err != nil {
			return err
		}
		select {
		case <-pause.C:
		case <-stopped.Done():
			return nil
		}
	}
}

// write writes what waits. A source that is given up does it too: two at a time may come to
// the log in any order, and readers keep what is highest.
func (t *watermarkWriter) write(ctx context.Context) error {
	var records []*kgo.Record
	for some := range slices.Chunk(t.take(), telemetry.MaxWatermarksPerBatch) {
		value, err := telemetry.MarshalWatermarks(some)
		if err != nil {
			return err
		}
		for partition := range t.partitions {
			records = append(records, &kgo.Record{Topic: telemetry.TopicGroups, Partition: partition, Value: value, Headers: watermarkHeaders})
		}
	}
	return produceAll(ctx, t.producer, records)
}

// sayWatermark says how far the source has come, once all before it is acknowledged.
func (w *sourceWorker) sayWatermark(idle bool, now time.Time) {
	watermark := w.fold.Watermark()
	if watermark.IsZero() {
		return
	}
	w.said, w.saidAt = watermark, now
	w.a.metrics.watermarks.set(w.source.Partition, float64(watermark.UnixMilli()))
	w.a.watermarks.put(telemetry.Watermark{Source: w.source, EventTime: watermark, Idle: idle,
		Offset: w.next.Load(), At: w.saidAt, LateReports: w.fold.LateReports(), Sources: w.a.sources})
}
