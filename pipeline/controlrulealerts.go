package pipeline

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/telemetry"
)

// maxRuleAlerts bounds the alerts that are held. Not fewer: a fleet in trouble has hundreds; not more: of all of them as many are asked for as there may be at once.
const maxRuleAlerts = 10_000

// ruleAlerts follows all of weir.alerts from its start, and knows which alerts fire whose rules propose something. One goroutine uses it.
type ruleAlerts struct {
	client     *kgo.Client
	partitions map[int32]*rulePartitionLog
	firing     map[string]ruleAlert // by id
	skipped    func(*kgo.Record, error)
}

// rulePartitionLog is one partition of weir.alerts.
type rulePartitionLog struct {
	log   alertLog
	next  int64
	end   int64     // of what stood there when reading began
	heard time.Time // when it was last known how far it was evaluated
}

// openRuleAlerts begins to read; skipped hears of records that cannot be read.
func openRuleAlerts(ctx context.Context, config KafkaConfig, skipped func(*kgo.Record, error), hooks ...kgo.Hook) (*ruleAlerts, error) {
	options, err := clientOptions(config, hooks...)
	if err != nil {
		return nil, err
	}
	client, err := kgo.NewClient(append(options, kgo.KeepControlRecords())...) // what stood there may end with the end of a transaction, as a mirror leaves it
	if err != nil {
		return nil, fmt.Errorf("open a client for %s: %w", telemetry.TopicAlerts, err)
	}
	a := &ruleAlerts{client: client, partitions: map[int32]*rulePartitionLog{}, firing: map[string]ruleAlert{}, skipped: skipped}
	if err := a.seek(ctx); err != nil {
		client.Close()
		return nil, err
	}
	return a, nil
}

func (a *ruleAlerts) close() { a.client.Close() }

// seek finds what stands there, and begins to read it.
func (a *ruleAlerts) seek(ctx context.Context) error {
	admin := kadm.NewClient(a.client)
	starts, err := admin.ListStartOffsets(ctx, telemetry.TopicAlerts)
	ends, endsErr := admin.ListEndOffsets(ctx, telemetry.TopicAlerts)
	if err = errors.Join(err, endsErr, starts.Error(), ends.Error()); err != nil {
		return fmt.Errorf("find the bounds of %s: %w", telemetry.TopicAlerts, err)
	}
	from := map[string]map[int32]kgo.Offset{telemetry.TopicAlerts: {}}
	ends.Each(func(end kadm.ListedOffset) {
		start, _ := starts.Lookup(end.Topic, end.Partition)
		a.partitions[end.Partition] = &rulePartitionLog{next: start.Offset, end: end.Offset}
		from[telemetry.TopicAlerts][end.Partition] = kgo.NewOffset().At(start.Offset)
	})
	if len(a.partitions) == 0 {
		return fmt.Errorf("topic %s has no partitions: run `weir topics create`", telemetry.TopicAlerts)
	}
	a.client.AddConsumePartitions(from)
	return nil
}

// whole says whether all that stood there is read: before, an alert that fires may resolve further on.
func (a *ruleAlerts) whole() bool {
	for _, p := range a.partitions {
		if p.next < p.end {
			return false
		}
	}
	return true
}

// poll reads what comes until a time, and says whether it changes what fires.
func (a *ruleAlerts) poll(ctx context.Context, wait time.Duration) (changed bool, err error) {
	waiting, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	fetches := a.client.PollFetches(waiting)
	if err := fetchError(fetches); err != nil {
		return false, err
	}
	fetches.EachRecord(func(record *kgo.Record) {
		one, err := a.take(record, time.Now())
		changed = changed || one
		if err != nil {
			a.skipped(record, err)
		}
	})
	return changed, nil
}

// take takes one record.
func (a *ruleAlerts) take(record *kgo.Record, now time.Time) (changed bool, err error) {
	p := a.partitions[record.Partition]
	if p == nil {
		return false, nil
	}
	history := record.Offset < p.end
	p.next = record.Offset + 1
	if record.Attrs.IsControl() {
		return false, nil
	}
	before := p.log.until.EvaluatedUntil
	alert, err := p.log.take(record)
	if p.log.until.EvaluatedUntil.After(before) {
		p.heard = now
		if history && record.Timestamp.Before(now) {
			p.heard = record.Timestamp
		}
	}
	if err != nil || alert == nil {
		return false, err
	}
	_, was := a.firing[alert.ID]
	switch {
	case alert.State != telemetry.AlertFiring || len(alert.Proposals) == 0:
		delete(a.firing, alert.ID)
		return was, nil
	case !was && len(a.firing) >= maxRuleAlerts:
		return false, fmt.Errorf("%d alerts fire that propose something: of further ones nothing is asked", maxRuleAlerts)
	}
	fires := a.firing[alert.ID]
	fires.Alert, fires.partition = *alert, record.Partition
	a.firing[alert.ID] = fires
	return true, nil
}

// list are all that fire.
func (a *ruleAlerts) list() []ruleAlert {
	out := make([]ruleAlert, 0, len(a.firing))
	for _, alert := range a.firing {
		alert.heard = a.partitions[alert.partition].heard
		out = append(out, alert)
	}
	return out
}
