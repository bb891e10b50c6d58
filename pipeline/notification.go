package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/sink/alertmanager"
	"github.com/weirmq/weir/telemetry"
)

// runNotification feeds every alert's newest state to Alertmanager. It commits no
// offsets: weir.alerts is compacted, and the notifier keeps one state per alert, so
// a start reads all states again and sends what is still due.
func runNotification(ctx context.Context, p *Pipeline) error {
	log, counted := p.log.With("stage", RoleAlertmanager), p.metrics.stage(RoleAlertmanager)
	notifier, err := alertmanager.New(alertmanager.Config{URLs: p.config.Alertmanager.URLs,
		ExternalURL: p.config.Alertmanager.ExternalURL, ResendDelay: p.config.Alertmanager.ResendDelay})
	if err != nil {
		return fmt.Errorf("open the notifier: %w", err)
	}
	options, err := clientOptions(p.config.Kafka)
	if err != nil {
		return err
	}
	var mu sync.Mutex
	var moved bool
	lost := func(context.Context, *kgo.Client, map[string][]int32) { mu.Lock(); moved = true; mu.Unlock() }
	options = append(options, kgo.ConsumerGroup(groupAlertmanager), kgo.ConsumeTopics(telemetry.TopicAlerts), kgo.DisableAutoCommit(),
		kgo.Balancers(kgo.CooperativeStickyBalancer()), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.OnPartitionsRevoked(lost), kgo.OnPartitionsLost(lost))
	client, err := kgo.NewClient(options...)
	if err != nil {
		return fmt.Errorf("open a Kafka client: %w", err)
	}
	defer client.Close()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	sent := make(chan error, 1)
	go func() { sent <- notifier.Run(ctx) }()
	err = followAlerts(ctx, client, func(record *kgo.Record) error {
		mu.Lock()
		gone := moved
		mu.Unlock()
		if gone {
			// Another process sends those alerts now; ours would be stale.
			return errPartitionMoved
		}
		counted.records.Inc()
		alert, ok, err := decodeAlert(record)
		if err != nil {
			counted.failed("decode")
			log.Error("skipped a record", "partition", record.Partition, "offset", record.Offset, "error", err)
			return nil
		}
		if ok {
			notifier.Update([]telemetry.Alert{alert})
		}
		return nil
	})
	drain(ctx, notifier)
	cancel()
	return errors.Join(err, <-sent)
}

var errPartitionMoved = errors.New("partitions moved to another process: the notifier starts again with its own")

// drain gives the notifier a bounded time to send what it has.
func drain(ctx context.Context, notifier *alertmanager.Notifier) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), notifierDrain)
	defer cancel()
	_ = notifier.Flush(ctx) // what is not sent is sent by the next start
}

// notifierDrain bounds the last posts. Not smaller: a post takes a second at worst
// in practice; not larger: a dead Alertmanager must not hold up a stop.
const notifierDrain = 2 * time.Second

func followAlerts(ctx context.Context, client *kgo.Client, handle func(*kgo.Record) error) error {
	for {
		fetches := client.PollFetches(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err := fetchError(fetches); err != nil {
			return err
		}
		var failed error
		fetches.EachRecord(func(r *kgo.Record) {
			if failed == nil {
				failed = handle(r)
			}
		})
		if failed != nil {
			return failed
		}
	}
}

// decodeAlert reads a record of weir.alerts; ok is false for what is no alert's state.
func decodeAlert(record *kgo.Record) (alert telemetry.Alert, ok bool, err error) {
	if string(record.Key) == progressKey || len(record.Value) == 0 {
		return alert, false, nil
	}
	if err := json.Unmarshal(record.Value, &alert); err != nil {
		return alert, false, fmt.Errorf("decode an alert: %w", err)
	}
	return alert, true, nil
}
