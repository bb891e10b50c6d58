package pipeline

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/rules"
	"github.com/weirmq/weir/telemetry"
)

// rulePartition evaluates the rules over one partition of weir.groups.
type rulePartition struct {
	ruler     *ruler
	partition int32
	alerts    *alertWriter
	evaluator *rules.Evaluator
	digests   digests
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
	changed := append(w.evaluator.Advance(), w.evaluator.FireEarly()...)
	if err := w.publish(ctx, append(changed, w.evaluator.TellAhead()...)); err != nil {
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
		for i := range batch.Groups {
			for _, partial := range batch.Groups[i].Partials {
				w.marks.note(record.Offset, partial.Pane)
			}
		}
	case kindWatermark:
		watermarks, err := telemetry.UnmarshalWatermarks(record.Value)
		if err != nil {
			return err
		}
		for _, watermark := range watermarks {
			w.evaluator.ApplyWatermark(watermark)
			w.marks.note(record.Offset, watermark.EventTime)
		}
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
	failures, limited := now.EvaluationFailures-w.counted.EvaluationFailures, now.LimitedAlerts-w.counted.LimitedAlerts
	if failures > 0 || limited > 0 {
		w.ruler.metrics.evaluationFailures.Add(int(failures))
		w.ruler.metrics.limitedAlerts.Add(int(limited))
		w.sayFailing()
	}
	w.counted = now
}

// sayFailing logs the error of each rule when it changes: a rule that fails does so at every pane.
func (w *rulePartition) sayFailing() {
	for _, health := range w.evaluator.Health() {
		if health.LastError != w.said[health.Rule] && health.LastError != "" {
			w.ruler.log.Error("a rule does not alert on all groups", "rule", health.Rule, "error", health.LastError)
		}
		w.said[health.Rule] = health.LastError
	}
}

// publish writes changed alerts and what is told ahead, then how far was evaluated: a crash between the
// two evaluates again and changes nothing.
func (w *rulePartition) publish(ctx context.Context, alerts []telemetry.Alert) error {
	var records []*kgo.Record
	for i := range alerts {
		record, err := alertRecord(&alerts[i])
		if err != nil {
			return err
		}
		records = append(records, record)
		if alerts[i].Transition {
			w.ruler.log.Info("alert", "rule", alerts[i].Rule, "state", alerts[i].State, "labels", alerts[i].Labels)
		}
	}
	until := w.progress()
	if until.EvaluatedUntil.After(w.evaluated) {
		record, err := progressRecord(until)
		if err != nil {
			return err
		}
		records = append(records, record)
	}
	if len(records) == 0 {
		return nil
	}
	began := time.Now()
	if err := w.write(ctx, records); err != nil {
		return err
	}
	w.ruler.metrics.flushSeconds.UpdateDuration(began)
	w.evaluated = until.EvaluatedUntil
	return nil
}

// write writes records, and again what others have said in between: compaction keeps the
// newest record of a key, even a stale one.
func (w *rulePartition) write(ctx context.Context, records []*kgo.Record) error {
	for {
		stale, err := w.alerts.write(ctx, records)
		if err != nil || len(stale) == 0 {
			return err
		}
		w.warnStale(len(stale))
		if records, err = w.stateOf(stale); err != nil {
			return err
		}
	}
}

// writeAgain writes what the log holds the newest record of from a process that had lost the
// partition: those that had it since have not come to it.
func (w *rulePartition) writeAgain(ctx context.Context, log *alertLog) error {
	var keys []string
	for key, stale := range log.stale {
		if stale {
			keys = append(keys, key)
		}
	}
	if len(keys) == 0 {
		return nil
	}
	w.warnStale(len(keys))
	records, err := w.stateOf(keys)
	if err != nil {
		return err
	}
	return w.write(ctx, records)
}

func (w *rulePartition) warnStale(records int) {
	w.ruler.log.Warn("what a process wrote that has lost the partition is written again as it is", "partition", w.partition, "records", records)
}

// stateOf returns the records that say how the alerts of some keys are.
func (w *rulePartition) stateOf(keys []string) ([]*kgo.Record, error) {
	known := map[string]telemetry.Alert{}
	for _, alert := range w.evaluator.Alerts() {
		known[alert.ID] = alert
	}
	maps.Copy(known, w.digests.told)
	slices.Sort(keys)
	var records []*kgo.Record
	for _, key := range slices.Compact(keys) {
		record, err := w.recordOf(key, known)
		if err != nil {
			return nil, err
		}
		records = append(records, record)
	}
	return records, nil
}

func (w *rulePartition) recordOf(key string, known map[string]telemetry.Alert) (*kgo.Record, error) {
	if key == progressKey {
		return progressRecord(w.progress())
	}
	alert, ok := known[key]
	if !ok {
		alert = telemetry.Alert{ID: key, State: telemetry.AlertInactive}
	}
	return alertRecord(&alert)
}

// commit commits the oldest record that a rule may still need.
func (w *rulePartition) commit(ctx context.Context) error {
	offset, ok := w.marks.trim(w.evaluator.OldestNeeded())
	if !ok {
		return nil
	}
	return commitOffset(ctx, w.ruler.kafka.commits, topicPartition{telemetry.TopicGroups, w.partition}, offset)
}
