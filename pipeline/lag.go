package pipeline

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// lagInterval is how often a stage asks how far it is behind. Not smaller: two
// requests per broker; not larger: people watch it.
const lagInterval = time.Second

type topicPartition struct {
	topic     string
	partition int32
}

// positions are how far a stage has come in the partitions that it owns. A partition
// it has read nothing of is at its committed offset.
type positions struct {
	mu   sync.Mutex
	next map[topicPartition]int64 // -1 before anything was read
}

func newPositions() *positions { return &positions{next: map[topicPartition]int64{}} }

func (p *positions) assigned(partitions map[string][]int32) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for topic, numbers := range partitions {
		for _, partition := range numbers {
			p.next[topicPartition{topic, partition}] = -1
		}
	}
}

func (p *positions) lost(partitions map[string][]int32) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for topic, numbers := range partitions {
		for _, partition := range numbers {
			delete(p.next, topicPartition{topic, partition})
		}
	}
}

// owns says whether the stage has a partition.
func (p *positions) owns(at topicPartition) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, owned := p.next[at]
	return owned
}

// processed says that everything before next is done with.
func (p *positions) processed(topic string, partition int32, next int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, owned := p.next[topicPartition{topic, partition}]; owned {
		p.next[topicPartition{topic, partition}] = next
	}
}

// processedRecords says that records in their order are done with.
func (p *positions) processedRecords(records []*kgo.Record) {
	for _, r := range records {
		p.processed(r.Topic, r.Partition, r.Offset+1)
	}
}

// hooks keep the positions of a consumer group's member.
func (p *positions) hooks(lost func(map[string][]int32)) []kgo.Opt {
	gone := func(_ context.Context, _ *kgo.Client, partitions map[string][]int32) {
		lost(partitions)
		p.lost(partitions)
	}
	return []kgo.Opt{
		kgo.OnPartitionsAssigned(func(_ context.Context, _ *kgo.Client, partitions map[string][]int32) { p.assigned(partitions) }),
		kgo.OnPartitionsRevoked(gone), kgo.OnPartitionsLost(gone),
	}
}

// follow measures the lag until stopped.
func (p *positions) follow(ctx context.Context, client *kgo.Client, counted *stageMetrics) (stop func()) {
	return every(ctx, lagInterval, func(ctx context.Context) { p.measure(ctx, client, counted) })
}

// every does something at each interval until stopped; stop waits for its end.
func every(ctx context.Context, interval time.Duration, do func(context.Context)) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var group sync.WaitGroup
	group.Go(func() {
		ticker := time.NewTicker(interval)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				do(ctx)
			}
		}
	})
	return func() { cancel(); group.Wait() }
}

// measure adds up the lag. While the brokers do not answer it stays as it was.
func (p *positions) measure(ctx context.Context, client *kgo.Client, counted *stageMetrics) {
	p.mu.Lock()
	next := make(map[topicPartition]int64, len(p.next))
	topics := map[string]bool{}
	for at, offset := range p.next {
		next[at] = offset
		topics[at.topic] = true
	}
	p.mu.Unlock()
	counted.partitions.Store(int64(len(next)))
	if len(next) == 0 {
		counted.lag.Store(0)
		return
	}
	committed := client.CommittedOffsets()
	for at, offset := range next {
		if offset < 0 {
			next[at] = committed[at.topic][at.partition].Offset
		}
	}
	if lag, ok := lagOf(ctx, kadm.NewClient(client), slices.Collect(maps.Keys(topics)), next); ok {
		counted.lag.Store(lag)
	}
}

// lagOf adds up how many records there are from offsets on; not ok while the brokers do
// not answer.
func lagOf(ctx context.Context, admin *kadm.Client, topics []string, next map[topicPartition]int64) (lag int64, ok bool) {
	ends, err := admin.ListEndOffsets(ctx, topics...)
	if err != nil {
		return 0, false
	}
	starts, err := admin.ListStartOffsets(ctx, topics...)
	if err != nil {
		return 0, false
	}
	for at, offset := range next {
		end, okEnd := ends.Lookup(at.topic, at.partition)
		start, okStart := starts.Lookup(at.topic, at.partition)
		if !okEnd || !okStart || end.Err != nil || start.Err != nil {
			return 0, false
		}
		lag += max(0, end.Offset-max(offset, start.Offset))
	}
	return lag, true
}
