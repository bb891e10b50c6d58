package pipeline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/sink/alertmanager"
	"github.com/weirmq/weir/telemetry"
)

// notifierDrain bounds the last posts. Not smaller: a post takes a second at worst
// in practice; not larger: a dead Alertmanager must not hold up a stop.
const notifierDrain = 2 * time.Second

// notification feeds every alert's newest state to Alertmanager. It commits no
// offsets: weir.alerts is compacted, and the notifier keeps one state per alert, so
// a start reads all states again and sends what is still due. A process that stood still
// sends nothing until it knows whether its partitions are another's by now, who told of
// what resolved meanwhile.
type notification struct {
	log      *slog.Logger
	metrics  *stageMetrics
	notifier *alertmanager.Notifier
	client   *member
	at       *positions
	feeds    alertFeeds
	awake    *standstill
}

func runNotification(ctx context.Context, p *Pipeline) error {
	n := &notification{log: p.log.With("stage", RoleAlertmanager), metrics: p.metrics.stage(RoleAlertmanager), at: newPositions(),
		awake: newStandstill(time.Now())}
	if err := n.open(p); err != nil {
		return err
	}
	p.notifier.Store(n.notifier)
	p.told.Store(&n.feeds)
	defer p.told.Store(nil)
	defer n.client.leave()
	defer n.at.follow(ctx, n.client.Client, n.metrics)()
	defer every(ctx, standstillInterval, func(context.Context) { n.awake.over(time.Now()) })()
	sending, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	sent := make(chan error, 1)
	go func() { sent <- n.notifier.Run(sending) }()
	err := n.poll(ctx)
	n.drain(ctx)
	cancel()
	return errors.Join(err, <-sent)
}

func (n *notification) open(p *Pipeline) error {
	var err error
	n.notifier, err = alertmanager.New(alertmanager.Config{URLs: p.config.Alertmanager.URLs,
		ExternalURL: p.config.Alertmanager.ExternalURL, ResendDelay: p.config.Alertmanager.ResendDelay,
		MayPost: func() bool { return n.awake.over(time.Now()) },
		OnPost:  n.metrics.flushSeconds.UpdateDuration,
		OnError: func(url string, err error) { // the status asks the notifier which instances fail
			if err != nil {
				n.metrics.failed("post")
				n.log.Warn("tell Alertmanager, will try again", "url", url, "error", err)
			}
		}})
	if err != nil {
		return fmt.Errorf("open the notifier: %w", err)
	}
	n.client, err = joinGroup(p, groupAlertmanager, []string{telemetry.TopicAlerts}, append(n.at.hooks(n.forget), kgo.BlockRebalanceOnPoll())...)
	return err
}

// forget leaves the alerts of partitions to the process that has them now.
func (n *notification) forget(lost map[string][]int32) {
	for _, partition := range lost[telemetry.TopicAlerts] {
		n.notifier.Forget(n.feeds.drop(partition))
	}
}

func (n *notification) poll(ctx context.Context) error {
	for {
		fetches := n.client.PollFetches(ctx)
		if ctx.Err() != nil {
			n.client.AllowRebalance()
			return nil
		}
		err := fetchError(fetches)
		if err == nil {
			fetches.EachPartition(n.take)
		}
		n.client.AllowRebalance()
		if err != nil {
			return err
		}
	}
}

// take hands a partition's states on.
func (n *notification) take(p kgo.FetchTopicPartition) {
	if len(p.Records) == 0 {
		return
	}
	n.metrics.records.Add(len(p.Records))
	feed := n.feeds.of(p.Partition, p.HighWatermark)
	for _, record := range p.Records {
		n.metrics.bytes.Add(len(record.Value))
		alert, err := feed.log.takeTold(record)
		if err != nil {
			n.metrics.failed("decode")
			n.log.Error("skipped a record", "topic", record.Topic, "partition", record.Partition, "offset", record.Offset, "error", err)
		}
		n.notifier.Update(feed.take(record.Offset, alert))
	}
	n.at.processedRecords(p.Records[len(p.Records)-1:])
}

// drain gives the notifier a bounded time to send what it has.
func (n *notification) drain(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), notifierDrain)
	defer cancel()
	if err := n.notifier.Flush(ctx); err != nil {
		n.log.Warn("not all alerts were sent, the next start sends them", "error", err)
	}
}
