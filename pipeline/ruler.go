package pipeline

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/rules"
	"github.com/weirmq/weir/telemetry"
)

// progressKey is the record of weir.alerts that says up to which event time a
// partition was evaluated, so that nothing is evaluated twice after a restart.
const progressKey = "_progress"

type progress struct {
	EvaluatedUntil time.Time `json:"evaluated_until"`
}

// ruleKafka is what the evaluation of a partition needs of Kafka.
type ruleKafka struct {
	records recordProducer // of alerts
	commits offsetCommitter
	// read returns all that a partition of a topic holds now.
	read func(ctx context.Context, topic string, partition int32) ([]*kgo.Record, error)
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

	mu      sync.Mutex // guards workers: callbacks and the poll loop
	workers map[int32]*rulePartition
}

func runRuler(ctx context.Context, p *Pipeline) error {
	r := &ruler{config: &p.config, log: p.log.With("stage", RoleRules), metrics: p.metrics.stage(RoleRules),
		rules: p.rules, board: p.alerts, at: newPositions(), workers: map[int32]*rulePartition{}}
	producer, err := newProducer(p.config.Kafka, p.kafka)
	if err != nil {
		return err
	}
	defer producer.Close()
	options := append(r.at.hooks(r.revoke), kgo.BlockRebalanceOnPoll())
	if r.client, err = joinGroup(p, groupRules, []string{telemetry.TopicGroups}, options...); err != nil {
		return err
	}
	defer r.client.leave()
	r.kafka = ruleKafka{records: producer, commits: r.client, read: func(ctx context.Context, topic string, partition int32) ([]*kgo.Record, error) {
		return readPartition(ctx, r.config.Kafka, topic, partition)
	}}
	defer r.board.clear()
	defer r.at.follow(ctx, r.client.Client, r.metrics)()
	return r.poll(ctx)
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
	var failed error
	fetches.EachPartition(func(p kgo.FetchTopicPartition) {
		if failed != nil || len(p.Records) == 0 {
			return
		}
		w := r.workers[p.Partition]
		if w == nil {
			if w, failed = r.restore(ctx, p.Partition); failed != nil {
				return
			}
			r.workers[p.Partition] = w
		}
		if failed = w.process(ctx, p.Records); failed == nil {
			r.at.processedRecords(p.Records[len(p.Records)-1:])
		}
	})
	return failed
}

// restore reads a partition's alerts and makes its evaluator.
func (r *ruler) restore(ctx context.Context, partition int32) (*rulePartition, error) {
	records, err := r.kafka.read(ctx, telemetry.TopicAlerts, partition)
	if err != nil {
		return nil, fmt.Errorf("restore alerts of partition %d: %w", partition, err)
	}
	latest, until, err := decodeAlerts(records)
	if err != nil {
		return nil, fmt.Errorf("restore alerts of partition %d: %w", partition, err)
	}
	set, version := r.rules.current()
	w := &rulePartition{ruler: r, said: map[string]string{}, partition: partition, version: version,
		evaluator: rules.NewEvaluator(set, rules.Config{Pane: r.config.Telemetry.Pane})}
	var alerts []telemetry.Alert
	for _, alert := range latest {
		alerts = append(alerts, alert)
	}
	w.evaluator.Restore(alerts, until)
	w.evaluated = until
	return w, nil
}

// decodeAlerts returns the newest state of each alert, and how far it was evaluated.
func decodeAlerts(records []*kgo.Record) (map[string]telemetry.Alert, time.Time, error) {
	latest := map[string]telemetry.Alert{}
	var until progress
	for _, record := range records {
		switch {
		case string(record.Key) == progressKey:
			if err := json.Unmarshal(record.Value, &until); err != nil {
				return nil, time.Time{}, fmt.Errorf("decode progress at offset %d: %w", record.Offset, err)
			}
		case len(record.Value) == 0:
			delete(latest, string(record.Key))
		default:
			var alert telemetry.Alert
			if err := json.Unmarshal(record.Value, &alert); err != nil {
				return nil, time.Time{}, fmt.Errorf("decode an alert at offset %d: %w", record.Offset, err)
			}
			latest[alert.ID] = alert
		}
	}
	return latest, until.EvaluatedUntil, nil
}
