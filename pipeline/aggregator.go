package pipeline

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/telemetry"
)

// Consumer groups of the stages.
const (
	groupAggregate    = "weir-aggregate"
	groupRules        = "weir-rules"
	groupClickHouse   = "weir-clickhouse"
	groupAlertmanager = "weir-alertmanager"
)

// FetchPartitionBytes keeps a partition's batch in cache: measured to read almost
// twice as fast as the client's default of 1 MiB.
const FetchPartitionBytes = 256 << 10

// endOffsetInterval is how often a stage asks for the ends of its partitions. Not
// smaller: each is a request per broker; not larger: idle sources close panes by it.
const endOffsetInterval = 500 * time.Millisecond

// aggregator runs a fold for each partition of weir.telemetry that it owns.
type aggregator struct {
	config   *Config
	log      *slog.Logger
	metrics  *stageMetrics
	rules    *ruleSource
	pipeline *Pipeline
	client   *member
	admin    *kadm.Client
	producer *kgo.Client
	letters  *kgo.Client // writes dead letters, which may be larger
	opener   *batchOpener
	topicID  [16]byte
	sources  int32 // partitions of weir.telemetry
	kafka    sourceKafka
	groups   int32 // partitions of weir.groups
	cells    int32 // partitions of weir.cells
	ends     *sourceEnds
	decoders decoderPool
	soon     soonBudget

	watermarks *watermarkWriter

	mu      sync.Mutex
	workers map[int32]*sourceWorker
	fail    context.CancelCauseFunc // ends the stage with a worker's error
	status  *statusBoard
}

func runAggregator(ctx context.Context, p *Pipeline) error {
	a := &aggregator{config: &p.config, log: p.log.With("stage", RoleAggregate), metrics: p.metrics.stage(RoleAggregate),
		rules: p.rules, pipeline: p, workers: map[int32]*sourceWorker{}, status: p.status, ends: &p.ends}
	running, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	a.fail = fail
	if err := a.open(ctx); err != nil {
		return err
	}
	defer a.producer.Close()
	defer a.letters.Close()
	defer a.close()
	stopEnds := a.followEnds(ctx)
	defer stopEnds()
	stopWatermarks := a.writeWatermarks(ctx)
	defer stopWatermarks()
	return a.poll(ctx, running)
}

func (a *aggregator) open(ctx context.Context) error {
	var err error
	if a.opener, err = newBatchOpener(); err != nil {
		return err
	}
	if a.producer, err = newProducer(a.config.Kafka, a.pipeline.kafka); err != nil {
		return err
	}
	a.admin = kadm.NewClient(a.producer)
	detail, err := topicDetail(ctx, a.admin, telemetry.TopicTelemetry)
	if err != nil {
		a.producer.Close()
		return err
	}
	a.topicID, a.sources = detail.ID, int32(len(detail.Partitions))
	for topic, count := range map[string]*int32{telemetry.TopicGroups: &a.groups, telemetry.TopicCells: &a.cells} {
		detail, err := topicDetail(ctx, a.admin, topic)
		if err != nil {
			a.producer.Close()
			return err
		}
		*count = int32(len(detail.Partitions))
	}
	a.watermarks = newWatermarkWriter(a.producer, a.groups)
	if a.letters, err = newProducerOf(a.config.Kafka, maxLetterBytes, a.pipeline.kafka); err != nil {
		a.producer.Close()
		return err
	}
	a.mu.Lock() // workers, which partitions assigned start, wait for the client
	defer a.mu.Unlock()
	a.client, err = joinGroup(a.pipeline, groupAggregate, []string{telemetry.TopicTelemetry},
		kgo.BlockRebalanceOnPoll(), kgo.FetchMaxPartitionBytes(FetchPartitionBytes), kgo.WithDecompressor(a.opener), kgo.AdjustFetchOffsetsFn(a.fromStart),
		kgo.OnPartitionsAssigned(func(_ context.Context, _ *kgo.Client, assigned map[string][]int32) { a.assign(ctx, assigned) }),
		kgo.OnPartitionsRevoked(func(_ context.Context, _ *kgo.Client, revoked map[string][]int32) { a.revoke(revoked) }),
		kgo.OnPartitionsLost(func(_ context.Context, _ *kgo.Client, lost map[string][]int32) { a.revoke(lost) }))
	if err != nil {
		a.letters.Close()
		a.producer.Close()
		return err
	}
	a.kafka = sourceKafka{records: a.producer, letters: a.letters, commits: a.client, offsets: a.admin}
	return nil
}

// close gives up all partitions: their workers drain, then the member leaves.
func (a *aggregator) close() {
	a.mu.Lock()
	workers := a.workers
	a.workers = map[int32]*sourceWorker{}
	a.mu.Unlock()
	for _, w := range workers {
		w.stop()
	}
	for _, w := range workers {
		<-w.done
	}
	a.client.leave()
}

func (a *aggregator) assign(ctx context.Context, assigned map[string][]int32) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.client.ResumeFetchPartitions(assigned) // one that was parked here before
	kafka := a.kafka
	kafka.offsets = shareOffsets(ctx, a.kafka.offsets, telemetry.TopicTelemetry, groupAggregate)
	for _, partition := range assigned[telemetry.TopicTelemetry] {
		a.workers[partition] = a.startWorker(ctx, partition, kafka)
	}
	a.metrics.partitions.Store(int64(len(a.workers)))
}

// revoke stops workers before the partitions move, so that no commit of this
// process comes after.
func (a *aggregator) revoke(revoked map[string][]int32) {
	a.mu.Lock()
	var stopped []*sourceWorker
	for _, partition := range revoked[telemetry.TopicTelemetry] {
		if w := a.workers[partition]; w != nil {
			stopped = append(stopped, w)
			delete(a.workers, partition)
		}
	}
	a.metrics.partitions.Store(int64(len(a.workers)))
	a.mu.Unlock()
	for _, w := range stopped {
		w.stop()
	}
	for _, w := range stopped {
		<-w.done
	}
}

// poll hands records to the workers until ctx ends or a worker fails, which ends running.
func (a *aggregator) poll(ctx, running context.Context) error {
	pressed := &pressure{a: a, memory: a.pipeline.memory}
	for {
		soon, cancel := context.WithTimeout(running, pressureInterval)
		fetches := a.client.PollFetches(soon)
		cancel()
		a.opener.polled()
		if running.Err() != nil {
			a.client.AllowRebalance()
			if ctx.Err() != nil {
				return nil
			}
			return context.Cause(running)
		}
		if err := fetchError(fetches); err != nil {
			a.client.AllowRebalance()
			return err
		}
		fetches.EachPartition(func(p kgo.FetchTopicPartition) {
			a.mu.Lock()
			w := a.workers[p.Partition]
			a.mu.Unlock()
			if w == nil || len(p.Records) == 0 {
				return
			}
			select {
			case w.in <- p.Records:
			case <-w.done:
			}
		})
		err := a.refuseUnopened(running, fetches)
		pressed.relieve(running, time.Now())
		a.client.AllowRebalance()
		if err != nil && running.Err() == nil {
			return err
		}
	}
}

// followEnds asks for end offsets until stopped, and tells the workers. While the
// brokers do not answer, the workers go by what they were told last.
func (a *aggregator) followEnds(ctx context.Context) (stop func()) {
	return every(ctx, endOffsetInterval, func(ctx context.Context) { a.askEnds(ctx, a.admin) })
}

func (a *aggregator) tellEnds(ends kadm.ListedOffsets, at time.Time) {
	a.ends.tell(a.topicID, ends, at)
	a.mu.Lock()
	defer a.mu.Unlock()
	var lag int64
	for _, w := range a.workers {
		if end := a.ends.of(w.source); end != nil {
			w.end.Store(end)
			lag += max(0, end.offset-w.next.Load())
		}
	}
	a.metrics.lag.Store(lag)
}

func (a *aggregator) startWorker(ctx context.Context, partition int32, kafka sourceKafka) *sourceWorker {
	ctx, cancel := context.WithCancel(ctx)
	w := newSourceWorker(a, partition)
	w.kafka = kafka
	w.end.Store(a.ends.of(w.source))
	w.parks, w.parked = make(chan struct{}), make(chan int64, 1)
	w.in, w.refused, w.done, w.stop = make(chan []*kgo.Record), make(chan *refusedBatch), make(chan struct{}), cancel
	go func() {
		defer close(w.done)
		defer cancel()
		defer w.withdraw()
		if err := w.run(ctx); err != nil && ctx.Err() == nil {
			a.fail(fmt.Errorf("source %s: %w", w.source, err))
		}
	}()
	return w
}
