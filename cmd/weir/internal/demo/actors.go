package demo

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/control"
	"github.com/weirmq/weir/sdk/agent"
	"github.com/weirmq/weir/sdk/kafka"
	"github.com/weirmq/weir/sdk/report"
)

// counts are what clients counted themselves, beside the SDK.
type counts struct {
	messages, bytes atomic.Uint64
}

// producer sends messages of one size to one topic at a rate that the story changes.
type producer struct {
	topic         string
	perSecond     atomic.Int64
	valueBytes    atomic.Int64
	tooLargeOneIn atomic.Int64 // of which each is larger than Kafka takes; 0: none
	acknowledged  atomic.Uint64
	sent          *counts
	actor
}

// consumer handles one topic's messages, each for as long as the story says.
type consumer struct {
	topic, group  string
	handlerMicros atomic.Int64
	handled       atomic.Uint64
	consumed      *counts
	actor
}

// actorConfig is what all clients of the story share.
type actorConfig struct {
	brokers []string
	run     string // names this run in every client label
}

// actor is a client with the SDK in it.
type actor struct {
	client    *kgo.Client
	telemetry *report.Reporter
	hooks     *kafka.Hooks
	agent     *agent.Agent // takes commands
}

// obeyed is what commands may do to the story's clients.
var obeyed = []control.Capability{control.CapabilityPause, control.CapabilitySendLimit}

func (c actorConfig) open(name, sdkVersion string, options ...kgo.Opt) (actor, error) {
	telemetry, err := report.Open(report.Config{TelemetryBrokers: c.brokers, Cluster: "demo", Env: "demo",
		Client: name + "@" + c.run, Tier: "S1", Lane: "stable", Tag: "test", SDKVersion: sdkVersion,
		SlowAfter: slowHandlerMicros / 2 * time.Microsecond, SampleOneIn: sampleOneIn})
	if err != nil {
		return actor{}, fmt.Errorf("open telemetry of %s: %w", name, err)
	}
	a := actor{telemetry: telemetry, hooks: kafka.NewHooks(telemetry)}
	if a.agent, err = agent.Open(context.Background(), agent.Config{Telemetry: telemetry, Enabled: obeyed, Log: slog.New(slog.DiscardHandler)}); err != nil {
		return actor{}, errors.Join(fmt.Errorf("open the agent of %s: %w", name, err), telemetry.Close(context.Background()))
	}
	options = append(options, kgo.SeedBrokers(c.brokers...), kgo.ClientID(name), kgo.WithHooks(a.hooks))
	if a.client, err = kgo.NewClient(append(options, a.agent.KafkaOpts()...)...); err != nil {
		return actor{}, errors.Join(fmt.Errorf("open client %s: %w", name, err), a.agent.Close(context.Background()), telemetry.Close(context.Background()))
	}
	if err := a.agent.Bind(a.client); err != nil {
		return actor{}, errors.Join(fmt.Errorf("have commands apply to client %s: %w", name, err), a.close(context.Background()))
	}
	return a, nil
}

// close ends the client, then its telemetry with the last report.
func (a actor) close(ctx context.Context) error {
	if a.client == nil {
		return nil
	}
	a.client.Close()
	return errors.Join(a.agent.Close(ctx), a.telemetry.Close(ctx))
}

// sendTick is how often a producer sends its share of a second.
const sendTick = 50 * time.Millisecond

// run sends until ctx ends, then waits for every acknowledgement.
func (p *producer) run(ctx context.Context) {
	ticker := time.NewTicker(sendTick)
	defer ticker.Stop()
	sender := p.agent.Producer(p.client) // waits where a limit says so: whoever sends slower owes less
	var owed float64
	for sent := int64(1); ; {
		select {
		case <-ctx.Done():
			_ = p.client.Flush(context.WithoutCancel(ctx))
			return
		case <-ticker.C:
		}
		owed += float64(p.perSecond.Load()) * sendTick.Seconds()
		for ; owed >= 1; owed-- {
			valueBytes := p.valueBytes.Load()
			if oneIn := p.tooLargeOneIn.Load(); oneIn > 0 && sent%oneIn == 0 {
				valueBytes = tooLargeValueBytes
			}
			sent++
			value := make([]byte, valueBytes)
			record := &kgo.Record{Topic: p.topic, Value: value}
			sender.Produce(context.WithoutCancel(ctx), record, func(r *kgo.Record, err error) {
				if err == nil {
					p.acknowledged.Add(1)
					p.sent.messages.Add(1)
					p.sent.bytes.Add(recordBytes(r))
				}
			})
		}
	}
}

// run consumes until ctx ends.
func (c *consumer) run(ctx context.Context) {
	for {
		fetches := c.client.PollRecords(ctx, 500)
		fetches.EachRecord(func(r *kgo.Record) {
			c.consumed.messages.Add(1)
			c.consumed.bytes.Add(recordBytes(r))
			c.handle(ctx, r)
			c.handled.Add(1)
		})
		if ctx.Err() != nil || fetches.IsClientClosed() {
			return
		}
	}
}

func (c *consumer) handle(ctx context.Context, r *kgo.Record) {
	handling := c.hooks.TimeHandler(r)
	if pause := time.Duration(c.handlerMicros.Load()) * time.Microsecond; pause > 0 {
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
	}
	handling.Done(nil)
}

// recordBytes is the uncompressed size of a message: key, value and headers.
func recordBytes(r *kgo.Record) uint64 {
	n := len(r.Key) + len(r.Value)
	for _, h := range r.Headers {
		n += len(h.Key) + len(h.Value)
	}
	return uint64(n)
}

// cast is everyone in the story.
type cast struct {
	orders, media, payments, outdated *producer
	slow, index                       *consumer
	producers                         []*producer
	consumers                         []*consumer
	sent, consumed                    counts

	sending, consuming       sync.WaitGroup
	stopSending, stopReading context.CancelFunc
}

// Rates and sizes of quiet traffic.
const (
	quietOrdersPerSecond = 50
	quietMediaPerSecond  = 10
	quietOtherPerSecond  = 20
	quietValueBytes      = 400
	largeValueBytes      = 12 << 10
	tooLargeValueBytes   = 2 << 20 // a client refuses it: Kafka's max.message.bytes is 1 MiB
	tooLargeOneIn        = 20
	quietHandlerMicros   = 200
	slowHandlerMicros    = 300_000
	outdatedVersion      = "0.0.9"
	sampleOneIn          = 10 // that there is always a message to be found
)

func newCast(config actorConfig) (*cast, error) {
	c := &cast{}
	var err error
	newProducer := func(name, topic, version string, rate int64) *producer {
		if err != nil {
			return nil
		}
		p := &producer{topic: topic, sent: &c.sent}
		p.perSecond.Store(rate)
		p.valueBytes.Store(quietValueBytes)
		p.actor, err = config.open(name, version, kgo.ProducerLinger(5*time.Millisecond), kgo.RecordPartitioner(kgo.RoundRobinPartitioner())) // all partitions in a second
		c.producers = append(c.producers, p)
		return p
	}
	newConsumer := func(name, topic, group string) *consumer {
		if err != nil {
			return nil
		}
		u := &consumer{topic: topic, group: group, consumed: &c.consumed}
		u.handlerMicros.Store(quietHandlerMicros)
		u.actor, err = config.open(name, "", kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic))
		c.consumers = append(c.consumers, u)
		return u
	}
	c.orders = newProducer("orders-api", "orders", "", quietOrdersPerSecond)
	c.media = newProducer("media-upload", "media", "", quietMediaPerSecond)
	c.payments = newProducer("payments-api", "payments", "", quietOtherPerSecond)
	c.outdated = newProducer("legacy-batch", "payments", outdatedVersion, 0)
	newConsumer("orders-worker", "orders", "orders-billing")
	c.index = newConsumer("media-worker", "media", "media-index")
	c.slow = newConsumer("payments-worker", "payments", "payments-ledger")
	if err != nil {
		return nil, errors.Join(err, c.close(context.Background()))
	}
	return c, nil
}

func (c *cast) start(ctx context.Context) {
	sending, stopSending := context.WithCancel(ctx)
	reading, stopReading := context.WithCancel(ctx)
	c.stopSending, c.stopReading = stopSending, stopReading
	for _, p := range c.producers {
		c.sending.Go(func() { p.run(sending) })
	}
	for _, u := range c.consumers {
		c.consuming.Go(func() { u.run(reading) })
	}
}

// stop ends the sending, then the consuming, then every client with its last report.
func (c *cast) stop(ctx context.Context) error {
	c.stopSending()
	c.sending.Wait()
	c.stopReading()
	c.consuming.Wait()
	return c.close(ctx)
}

func (c *cast) close(ctx context.Context) error {
	var errs []error
	for _, p := range c.producers {
		errs = append(errs, p.close(ctx))
	}
	for _, u := range c.consumers {
		errs = append(errs, u.close(ctx))
	}
	return errors.Join(errs...)
}
