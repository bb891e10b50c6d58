package pipeline

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/rules"
	"github.com/weirmq/weir/telemetry"
)

// aheadExpiry is how long after its pane, and the allowed lateness, what is told ahead counts. Not smaller: where a process is
// killed, another has its part after a session's timeout and reads what was not committed again, and until then people would
// hear that the alert is over; not larger: what a rule told ahead that was deleted meanwhile fires on by it.
const aheadExpiry = 2 * time.Minute

// ruleKafka is what the evaluation of a partition needs of Kafka.
type ruleKafka struct {
	records recordProducer // of alerts
	commits offsetCommitter
	read    partitionReader
}

// ruler evaluates the rules: an evaluator for each partition of weir.groups it owns.
type ruler struct {
	config  *Config
	log     *slog.Logger
	metrics *stageMetrics
	rules   *ruleSource
	board   *alertBoard
	client  *member
	kafka   ruleKafka
	at      *positions
	past    rules.Past // nil knows nothing

	mu      sync.Mutex // guards what follows: callbacks, the poll loop and the inspector
	workers map[int32]*rulePartition
	fault   error         // of the inspector, by which the stage ends
	given   chan struct{} // holds one when this process is given digestPartition
}

func runRuler(ctx context.Context, p *Pipeline) error {
	r := &ruler{config: &p.config, log: p.log.With("stage", RoleRules), metrics: p.metrics.stage(RoleRules),
		rules: p.rules, board: p.alerts, at: newPositions(), workers: map[int32]*rulePartition{}, given: make(chan struct{}, 1)}
	producer, err := newPromptProducer(p.config.Kafka, p.kafka)
	if err != nil {
		return err
	}
	defer producer.Close()
	options := append(r.at.hooks(r.revoke), kgo.BlockRebalanceOnPoll())
	if r.client, err = joinGroup(p, groupRules, []string{telemetry.TopicGroups}, options...); err != nil {
		return err
	}
	defer r.client.leave()
	r.kafka = ruleKafka{records: producer, commits: r.client, read: readerOf(r.config.Kafka)}
	defer r.board.clear()
	defer r.at.follow(ctx, r.client.Client, r.metrics)()
	defer r.readPast(ctx, p)()
	defer r.inspectDaily(ctx, p)()
	return r.poll(ctx)
}

// readPast reads hours past in the background, once rules ask for them, until the function that it returns is called.
func (r *ruler) readPast(ctx context.Context, p *Pipeline) (stop func()) {
	if p.config.ClickHouse.DSN == "" {
		r.log.Warn("what rules ask of more than an hour ago is unknown to them: clickhouse.dsn is empty")
		return func() {}
	}
	hours := newPastHours()
	r.past = hours
	said := outage{log: r.log, begun: "read hours past from ClickHouse, will try again; until then they are unknown to rules", over: "hours past are known to rules again"}
	ctx, cancel := context.WithCancel(ctx)
	var reading sync.WaitGroup
	reading.Go(func() {
		hours.run(ctx, &p.config.ClickHouse, func(err error) {
			p.status.setError(RoleRules, err)
			said.note(err)
			if err != nil {
				r.metrics.failed("past")
			}
		})
	})
	return func() {
		cancel()
		reading.Wait()
	}
}

func (r *ruler) revoke(revoked map[string][]int32) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, partition := range revoked[telemetry.TopicGroups] {
		delete(r.workers, partition)
		r.board.drop(partition)
		r.metrics.completeness.drop(partition)
	}
}

// sayGiven wakes the inspector where a partition is that of digests.
func (r *ruler) sayGiven(partition int32) {
	if partition != digestPartition {
		return
	}
	select {
	case r.given <- struct{}{}:
	default:
	}
}

func (r *ruler) poll(ctx context.Context) error {
	for {
		fetches := r.client.PollFetches(ctx)
		err := r.handle(ctx, fetches)
		r.client.AllowRebalance()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (r *ruler) handle(ctx context.Context, fetches kgo.Fetches) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := fetchError(fetches); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	failed := r.fault
	fetches.EachPartition(func(p kgo.FetchTopicPartition) {
		if failed != nil || len(p.Records) == 0 {
			return
		}
		w := r.workers[p.Partition]
		if w == nil {
			// Where the log begins anew, what was before may be missing.
			gap := p.LogStartOffset > 0 && p.Records[0].Offset <= p.LogStartOffset
			if w, failed = r.restore(ctx, p.Partition, gap); failed != nil {
				return
			}
			r.workers[p.Partition] = w
			r.sayGiven(p.Partition)
		}
		if failed = w.process(ctx, p.Records); failed == nil {
			r.at.processedRecords(p.Records[len(p.Records)-1:])
		}
	})
	return failed
}

// restore claims a partition's alerts, reads them and makes its evaluator. Where there is a
// gap in what is read again, that takes all before its first watermark for unknown.
func (r *ruler) restore(ctx context.Context, partition int32, gap bool) (*rulePartition, error) {
	writer := &alertWriter{kafka: r.kafka, partition: partition}
	log, newest, err := writer.open(ctx)
	if err != nil {
		return nil, fmt.Errorf("restore alerts of partition %d: %w", partition, err)
	}
	set, version := r.rules.current()
	w := &rulePartition{ruler: r, alerts: writer, said: map[string]string{}, partition: partition, version: version,
		evaluator: rules.NewEvaluator(set, rules.Config{Pane: r.config.Telemetry.Pane, Past: r.past, AheadExpiry: r.config.Telemetry.Lateness + aheadExpiry})}
	log.until.Gap = gap
	alerts := w.digests.take(slices.Collect(maps.Values(newest)), log.until)
	w.evaluator.Restore(alerts, log.until)
	w.evaluated = log.until.EvaluatedUntil
	return w, w.writeAgain(ctx, log)
}
