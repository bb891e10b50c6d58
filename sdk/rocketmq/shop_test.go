package rocketmq

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	rmq "github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/admin"
	rmqconsumer "github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"
	rmqproducer "github.com/apache/rocketmq-client-go/v2/producer"

	"github.com/weirmq/weir/deploy/broker"
	"github.com/weirmq/weir/deploy/child"
	"github.com/weirmq/weir/deploy/parts"
	parties "github.com/weirmq/weir/deploy/rocketmq"
	"github.com/weirmq/weir/ingest"
	"github.com/weirmq/weir/sdk/internal/reported"
	"github.com/weirmq/weir/sdk/report"
	"github.com/weirmq/weir/telemetry"
)

func init() { LogTo(slog.New(slog.DiscardHandler)) } // before the first client of all tests

// queues is how many queues topics have.
const queues = 2

// shop is a RocketMQ of one name server and one broker, which creates no topic by itself.
type shop struct {
	nameServer, broker *parties.Server
	resolver           primitive.NsResolver
	admin              administrator // one for all: another of its name would be closed with it
}

// administrator is what the library's own, whose type has no name, does.
type administrator interface {
	CreateTopic(context.Context, ...admin.OptionCreate) error
	FetchPublishMessageQueues(context.Context, string) ([]*primitive.MessageQueue, error)
	Close() error
}

func startShop(t *testing.T) *shop {
	t.Helper()
	jars, err := parts.RocketMQ()
	if err != nil {
		t.Fatal(err)
	}
	printed := &child.Output{}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(printed)
		}
	})
	dir := t.TempDir()
	s := &shop{}
	s.nameServer, err = parties.StartNameServer(t.Context(), parties.Config{JarDir: jars, DataDir: filepath.Join(dir, "namesrv"), LogWriter: printed})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.nameServer.Kill)
	s.broker, err = parties.StartBroker(t.Context(), parties.Config{JarDir: jars, DataDir: filepath.Join(dir, "broker"), LogWriter: printed,
		Options: map[string]string{"autoCreateTopicEnable": "false",
			"waitTimeMillsInSendQueue": "60000", "osPageCacheBusyTimeOutMills": "60000"}}, // a busy machine is no reason to refuse
		s.nameServer.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.broker.Kill)
	s.resolver = primitive.NewPassthroughResolver([]string{s.nameServer.Addr()})
	if s.admin, err = admin.NewAdmin(admin.WithResolver(s.resolver)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.admin.Close() })
	return s
}

// createTopics creates topics, and waits until the name server knows their routes.
func (s *shop) createTopics(t *testing.T, topics ...string) {
	t.Helper()
	for _, topic := range topics {
		if err := s.admin.CreateTopic(t.Context(), admin.WithTopicCreate(topic), admin.WithBrokerAddrCreate(s.broker.Addr()),
			admin.WithReadQueueNums(queues), admin.WithWriteQueueNums(queues)); err != nil {
			t.Fatal(err)
		}
	}
	for _, topic := range topics {
		reported.Eventually(t, "the name server knows "+topic, func() bool { return s.hasTopic(t, topic) })
	}
}

// hasTopic says whether the name server knows the route of a topic.
func (s *shop) hasTopic(t *testing.T, topic string) bool {
	t.Helper()
	found, err := s.admin.FetchPublishMessageQueues(t.Context(), topic)
	return err == nil && len(found) > 0
}

// producer starts a producer that is measured.
func (s *shop) producer(t *testing.T, to *report.Reporter, group string, options ...rmqproducer.Option) rmq.Producer {
	t.Helper()
	plain, err := rmq.NewProducer(append([]rmqproducer.Option{rmqproducer.WithNsResolver(s.resolver), rmqproducer.WithGroupName(group),
		rmqproducer.WithInstanceName(instanceOf(group))}, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	p := WrapProducer(to, plain, Instance(group))
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	return p
}

// keptOpen is not closed until the tests end: the library's Shutdown races with its own
// rebalances, and the race detector tells of it now and then.
type keptOpen struct{ rmq.PushConsumer }

func (keptOpen) Shutdown() error { return nil }

// keptOpenPull is the same of a pull consumer.
type keptOpenPull struct{ rmq.PullConsumer }

func (keptOpenPull) Shutdown() error { return nil }

// opened numbers clients, so that one that is kept open is not taken for another of its name.
var opened atomic.Int64

func instanceOf(group string) string { return fmt.Sprint(group, "-", opened.Add(1)) }

// pushConsumer makes a push consumer that is measured and reads topics from their start.
func (s *shop) pushConsumer(t *testing.T, to *report.Reporter, group string, library []rmqconsumer.Option, options ...Option) rmq.PushConsumer {
	t.Helper()
	plain, err := rmq.NewPushConsumer(append([]rmqconsumer.Option{rmqconsumer.WithNsResolver(s.resolver), rmqconsumer.WithGroupName(group),
		rmqconsumer.WithInstance(instanceOf(group)), rmqconsumer.WithConsumeFromWhere(rmqconsumer.ConsumeFromFirstOffset)}, library...)...)
	if err != nil {
		t.Fatal(err)
	}
	return WrapPushConsumer(to, keptOpen{plain}, group, append([]Option{Instance(group)}, options...)...)
}

// consume starts a consumer of one topic.
func consume(t *testing.T, c rmq.PushConsumer, topic string, handle handler) {
	t.Helper()
	if err := c.Subscribe(topic, rmqconsumer.MessageSelector{}, handle); err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
}

func shutdown(t *testing.T, clients ...interface{ Shutdown() error }) {
	t.Helper()
	for _, c := range clients {
		if err := c.Shutdown(); err != nil {
			t.Error(err)
		}
	}
}

// newReporter opens a Reporter with a telemetry cluster of its own.
func newReporter(t testing.TB, config report.Config) (*report.Reporter, []string) {
	t.Helper()
	b, err := broker.Start(broker.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	reported.CreateTopic(t, b.Addrs())
	config.TelemetryBrokers, config.Cluster = b.Addrs(), "shop"
	if config.Interval == 0 {
		config.Interval = time.Minute // what a client did is one report
	}
	r, err := report.Open(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = r.Close(ctx)
	})
	return r, b.Addrs()
}

// closeAndRead closes a Reporter, holds that nothing was lost, and reads its reports.
func closeAndRead(t *testing.T, r *report.Reporter, addrs []string) []reported.Report {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), reported.Patience)
	defer cancel()
	if err := r.Close(ctx); err != nil {
		t.Fatal(err)
	}
	stats := r.Stats()
	reported.Want(t, "reports dropped", stats.Dropped, 0)
	reported.Want(t, "panics recovered", stats.Recovered, 0)
	return reported.Read(t, addrs, func(value []byte, appendedMillis int64) (*telemetry.Report, error) {
		return ingest.NewDecoder(ingest.DefaultLimits()).Decode(value, appendedMillis) // each has a report of its own
	})
}
