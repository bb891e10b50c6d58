package pipeline

import (
	"context"
	"encoding/json"
	"errors"
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

// ruler evaluates the rules: an evaluator for each partition of weir.groups it owns.
type ruler struct {
	config   *Config
	log      *slog.Logger
	metrics  *stageMetrics
	rules    *ruleSource
	board    *alertBoard
	client   *member
	producer *kgo.Client
	at       *positions

	mu      sync.Mutex // guards workers: callbacks and the poll loop
	workers map[int32]*rulePartition
}

func runRuler(ctx context.Context, p *Pipeline) error {
	r := &ruler{config: &p.config, log: p.log.With("stage", RoleRules), metrics: p.metrics.stage(RoleRules),
		rules: p.rules, board: p.alerts, at: newPositions(), workers: map[int32]*rulePartition{}}
	var err error
	if r.producer, err = newProducer(p.config.Kafka, p.kafka); err != nil {
		return err
	}
	defer r.producer.Close()
	options := append(r.at.hooks(r.revoke), kgo.BlockRebalanceOnPoll())
	if r.client, err = joinGroup(p, groupRules, []string{telemetry.TopicGroups}, options...); err != nil {
		return err
	}
	defer r.client.leave()
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
	records, err := readPartition(ctx, r.config.Kafka, telemetry.TopicAlerts, partition)
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

// rulePartition evaluates the rules over one partition of weir.groups.
type rulePartition struct {
	ruler     *ruler
	partition int32
	evaluator *rules.Evaluator
	version   uint64 // of the rules
	evaluated time.Time
	marks     replayMarks
	counted   rules.Stats       // as of the last count
	said      map[string]string // the error of each rule that was logged last
}

func (w *rulePartition) process(ctx context.Context, records []*kgo.Record) error {
	if set, version := w.ruler.rules.current(); version != w.version {
		if err := w.publish(ctx, w.evaluator.Swap(set)); err != nil {
			return err
		}
		w.version = version
	}
	for _, record := range records {
		err := w.apply(record)
		if errors.Is(err, telemetry.ErrNewerSchema) {
			return err // what it holds must not be passed over: it waits for this process's upgrade
		}
		if err != nil {
			w.ruler.metrics.failed("decode")
			w.ruler.log.Error("skipped a record", "topic", record.Topic, "partition", record.Partition, "offset", record.Offset, "error", err)
		}
	}
	w.ruler.metrics.records.Add(len(records))
	for _, record := range records {
		w.ruler.metrics.bytes.Add(len(record.Value))
	}
	if err := w.publish(ctx, w.evaluator.Advance()); err != nil {
		return err
	}
	w.ruler.board.set(w.partition, w.evaluator)
	w.count()
	return w.commit(ctx)
}

func (w *rulePartition) apply(record *kgo.Record) error {
	switch kind := recordKind(record); kind {
	case kindGroup:
		batch, err := telemetry.UnmarshalGroupBatch(record.Value)
		if err != nil {
			return err
		}
		w.evaluator.Apply(&batch)
		for _, partial := range batch.Partials {
			w.marks.note(record.Offset, partial.Pane)
		}
	case kindWatermark:
		watermark, err := telemetry.UnmarshalWatermark(record.Value)
		if err != nil {
			return err
		}
		w.evaluator.ApplyWatermark(watermark)
		w.marks.note(record.Offset, watermark.EventTime)
	default:
		return fmt.Errorf("got header %s=%q, want %s or %s", headerKind, kind, kindGroup, kindWatermark)
	}
	return nil
}

// count shows what the evaluator met.
func (w *rulePartition) count() {
	now := w.evaluator.Stats()
	w.ruler.metrics.completeness.set(w.partition, now.Completeness)
	w.ruler.metrics.late.Add(int(now.LateReports - w.counted.LateReports))
	w.ruler.metrics.overflowedGroups(now.OverflowedGroups - w.counted.OverflowedGroups)
	if failures := now.EvaluationFailures - w.counted.EvaluationFailures; failures > 0 {
		w.ruler.metrics.evaluationFailures.Add(int(failures))
		w.sayFailing()
	}
	w.counted = now
}

// sayFailing logs the error of each rule when it changes: a rule that fails does so at every pane.
func (w *rulePartition) sayFailing() {
	for _, health := range w.evaluator.Health() {
		if health.LastError != w.said[health.Rule] && health.LastError != "" {
			w.ruler.log.Error("a rule cannot be evaluated", "rule", health.Rule, "error", health.LastError)
		}
		w.said[health.Rule] = health.LastError
	}
}

// publish writes changed alerts, then how far was evaluated: a crash between the
// two evaluates again and changes nothing.
func (w *rulePartition) publish(ctx context.Context, alerts []telemetry.Alert) error {
	var records []*kgo.Record
	for i := range alerts {
		record := &kgo.Record{Topic: telemetry.TopicAlerts, Partition: w.partition, Key: []byte(alerts[i].ID)}
		if alerts[i].State != telemetry.AlertInactive {
			value, err := json.Marshal(&alerts[i])
			if err != nil {
				return fmt.Errorf("encode alert %s: %w", alerts[i].Rule, err)
			}
			record.Value = value
		}
		records = append(records, record)
		if alerts[i].Transition {
			w.ruler.log.Info("alert", "rule", alerts[i].Rule, "state", alerts[i].State, "labels", alerts[i].Labels)
		}
	}
	until := w.evaluator.EvaluatedUntil()
	if until.After(w.evaluated) {
		value, err := json.Marshal(progress{until})
		if err != nil {
			return fmt.Errorf("encode progress: %w", err)
		}
		records = append(records, &kgo.Record{Topic: telemetry.TopicAlerts, Partition: w.partition, Key: []byte(progressKey), Value: value})
	}
	if len(records) == 0 {
		return nil
	}
	began := time.Now()
	if err := produceAll(ctx, w.ruler.producer, records); err != nil {
		return err
	}
	w.ruler.metrics.flushSeconds.UpdateDuration(began)
	w.evaluated = until
	return nil
}

// commit commits the oldest record that a rule may still need.
func (w *rulePartition) commit(ctx context.Context) error {
	offset, ok := w.marks.trim(w.evaluator.OldestNeeded())
	if !ok {
		return nil
	}
	var failed error
	offsets := map[string]map[int32]kgo.EpochOffset{telemetry.TopicGroups: {w.partition: {Epoch: -1, Offset: offset}}}
	w.ruler.client.CommitOffsetsSync(ctx, offsets, commitResult(&failed))
	if failed != nil {
		return fmt.Errorf("commit offset %d: %w", offset, failed)
	}
	return nil
}
