package pipeline

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/weirmq/weir/telemetry"
)

// slowBroker takes so long to acknowledge, unless who writes gives up before.
type slowBroker struct {
	takes time.Duration
	taken map[string]int // records by topic
}

func (b *slowBroker) Produce(ctx context.Context, record *kgo.Record, promise func(*kgo.Record, error)) {
	timer := time.NewTimer(b.takes)
	defer timer.Stop()
	select {
	case <-timer.C:
		b.taken[record.Topic]++
		promise(record, nil)
	case <-ctx.Done():
		promise(record, ctx.Err())
	}
}

func (b *slowBroker) ListStartOffsets(context.Context, ...string) (kadm.ListedOffsets, error) {
	return nil, nil
}

func (b *slowBroker) FetchOffsets(context.Context, string) (kadm.OffsetResponses, error) {
	return nil, nil
}

// committedAtOnce is a group that takes every commit.
type committedAtOnce struct{}

func (committedAtOnce) CommitOffsetsSync(_ context.Context, _ map[string]map[int32]kgo.EpochOffset,
	onDone func(*kgo.Client, *kmsg.OffsetCommitRequest, *kmsg.OffsetCommitResponse, error)) {
	onDone(nil, nil, kmsg.NewPtrOffsetCommitResponse(), nil)
}

// TestAStopWaitsForWhatIsBeingWritten: a source that is given up while it writes has all of it written, and what came
// meanwhile, where the broker is slow. Where it is away, the source is given up in bounded time.
func TestAStopWaitsForWhatIsBeingWritten(t *testing.T) {
	for what, test := range map[string]struct {
		takes time.Duration
		cells int // records of weir.cells that are written at least
	}{
		"a slow broker": {2 * time.Second, 2},
		"none":          {time.Hour, 0},
	} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				broker := &slowBroker{test.takes, map[string]int{}}
				w := workerOn(t, broker)
				w.in = make(chan []*kgo.Record, 2) // it writes what came first while there is more
				now := time.Now()
				w.in <- []*kgo.Record{{Value: reportOf(t, "orders", now, 1), Timestamp: now}}
				next := now.Add(time.Minute) // closes the segment before
				w.in <- []*kgo.Record{{Offset: 1, Value: reportOf(t, "orders", next, 1), Timestamp: next}}
				stopped, stop := context.WithCancel(t.Context())
				ended := make(chan error, 1)
				go func() { ended <- w.run(stopped) }()
				synctest.Wait()
				stop()
				began := time.Now()
				<-ended
				if took := time.Since(began); took > drainTimeout {
					t.Errorf("it took %s to give the source up, want %s at most", took, drainTimeout)
				}
				if got := broker.taken[telemetry.TopicCells]; got < test.cells || test.cells == 0 && got > 0 {
					t.Errorf("%d records of cells are written, want %d at least, or none at all", got, test.cells)
				}
			})
		})
	}
}

// recordBroker is all that a worker and its group need of a broker.
type recordBroker interface {
	recordProducer
	offsetLister
}

func workerOn(t *testing.T, broker recordBroker) *sourceWorker {
	t.Helper()
	config := DefaultConfig()
	rules, err := newRuleSource("../rules.d")
	if err != nil {
		t.Fatal(err)
	}
	a := &aggregator{config: &config, log: slog.New(slog.DiscardHandler), metrics: newPipelineMetrics().stage(RoleAggregate), rules: rules,
		status: newStatusBoard(), kafka: sourceKafka{records: broker, letters: broker, commits: committedAtOnce{}, offsets: broker}, sources: 1, groups: 1, cells: 1,
		watermarks: newWatermarkWriter(broker, 1)}
	w := newSourceWorker(a, 0)
	w.in = make(chan []*kgo.Record)
	return w
}

// leaderless is a partition of which the brokers say that nobody leads it.
type leaderless struct{ slowBroker }

func (*leaderless) ListStartOffsets(context.Context, ...string) (kadm.ListedOffsets, error) {
	return kadm.ListedOffsets{telemetry.TopicTelemetry: {0: {Topic: telemetry.TopicTelemetry, Offset: -1, Err: kerr.LeaderNotAvailable}}}, nil
}

// TestAnUnknownStartIsNoStart: a source whose start cannot be known fails, in place of never being at its end.
func TestAnUnknownStartIsNoStart(t *testing.T) {
	t.Parallel()
	w := workerOn(t, &slowBroker{})
	w.kafka.offsets = &leaderless{}
	if err := w.locate(t.Context()); !errors.Is(err, kerr.LeaderNotAvailable) {
		t.Errorf("got %v, want %v", err, kerr.LeaderNotAvailable)
	}
}

// offsetless is a group of which the brokers do not say what it has committed.
type offsetless struct{ slowBroker }

func (*offsetless) FetchOffsets(context.Context, string) (kadm.OffsetResponses, error) {
	return kadm.OffsetResponses{telemetry.TopicTelemetry: {0: {Err: kerr.UnstableOffsetCommit}}}, nil
}

// TestAnUnknownCommitIsNone: a source of which it cannot be known what was committed fails, in place of passing for one
// that has all to read.
func TestAnUnknownCommitIsNone(t *testing.T) {
	t.Parallel()
	w := workerOn(t, &slowBroker{})
	w.kafka.offsets = &offsetless{}
	if err := w.locate(t.Context()); !errors.Is(err, kerr.UnstableOffsetCommit) {
		t.Errorf("got %v, want %v", err, kerr.UnstableOffsetCommit)
	}
}
