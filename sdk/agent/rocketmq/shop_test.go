package rocketmq_test

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"time"

	rmq "github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/admin"
	rmqconsumer "github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"
	rmqproducer "github.com/apache/rocketmq-client-go/v2/producer"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/control"
	"github.com/weirmq/weir/deploy/broker"
	"github.com/weirmq/weir/deploy/parts"
	parties "github.com/weirmq/weir/deploy/rocketmq"
	"github.com/weirmq/weir/ingest"
	"github.com/weirmq/weir/sdk/agent"
	steer "github.com/weirmq/weir/sdk/agent/rocketmq"
	"github.com/weirmq/weir/sdk/internal/reported"
	"github.com/weirmq/weir/sdk/report"
	measure "github.com/weirmq/weir/sdk/rocketmq"
	"github.com/weirmq/weir/telemetry"
)

func init() { measure.LogTo(slog.New(slog.DiscardHandler)) } // before the first client of all tests

// shop is a RocketMQ, an agent, and who writes commands.
type shop struct {
	*testing.T
	resolver  primitive.NsResolver
	telemetry *report.Reporter
	agent     *agent.Agent
	addrs     []string // of the cluster with telemetry and commands
	writer    *kgo.Client
	revision  uint64
}

func startShop(t *testing.T, topics ...string) *shop {
	t.Helper()
	jars, err := parts.RocketMQ()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	names, err := parties.StartNameServer(t.Context(), parties.Config{JarDir: jars, DataDir: filepath.Join(dir, "namesrv")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(names.Kill)
	running, err := parties.StartBroker(t.Context(), parties.Config{JarDir: jars, DataDir: filepath.Join(dir, "broker"),
		Options: map[string]string{"autoCreateTopicEnable": "false", "waitTimeMillsInSendQueue": "60000", "osPageCacheBusyTimeOutMills": "60000"}}, names.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(running.Kill)
	s := &shop{T: t, resolver: primitive.NewPassthroughResolver([]string{names.Addr()})}
	s.createTopics(running.Addr(), topics)
	s.openAgent()
	return s
}

func (s *shop) createTopics(addr string, topics []string) {
	s.Helper()
	by, err := admin.NewAdmin(admin.WithResolver(s.resolver))
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { _ = by.Close() })
	for _, topic := range topics {
		if err := by.CreateTopic(s.Context(), admin.WithTopicCreate(topic), admin.WithBrokerAddrCreate(addr), admin.WithReadQueueNums(2), admin.WithWriteQueueNums(2)); err != nil {
			s.Fatal(err)
		}
	}
	for _, topic := range topics {
		reported.Eventually(s, "the name server knows "+topic, func() bool {
			found, err := by.FetchPublishMessageQueues(s.Context(), topic)
			return err == nil && len(found) > 0
		})
	}
}

func (s *shop) openAgent() {
	s.Helper()
	b, err := broker.Start(broker.Config{})
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(b.Close)
	reported.CreateTopic(s, b.Addrs())
	reported.CreateCompacted(s, b.Addrs(), control.Topic)
	if s.telemetry, err = report.Open(report.Config{TelemetryBrokers: b.Addrs(), Cluster: "shop"}); err != nil {
		s.Fatal(err)
	}
	if s.agent, err = agent.Open(s.Context(), agent.Config{Telemetry: s.telemetry, Enabled: control.Capabilities, Log: slog.New(slog.DiscardHandler)}); err != nil {
		s.Fatal(err)
	}
	s.addrs, s.writer = b.Addrs(), reported.Dial(s, b.Addrs())
	s.Cleanup(func() {
		_ = s.agent.Close(context.Background())
		_ = s.telemetry.Close(context.Background())
	})
}

// put writes a command for a topic, and waits until it applies to a client.
func (s *shop) put(name, topic string, ask func(*control.Command)) {
	s.Helper()
	now := time.Now().UTC()
	s.revision++
	c := control.Command{Schema: control.Schema, Name: name, Revision: s.revision, Scope: control.Scope{System: "rocketmq", Topic: topic}, Author: "li@example.com",
		Reason: "the ledger is being migrated", CreatedAt: now, ExpiresAt: now.Add(time.Hour), Percent: 100}
	ask(&c)
	value, err := c.Encode()
	if err != nil {
		s.Fatal(err)
	}
	s.write(name, value)
	reported.Eventually(s, name+" applies", func() bool { return s.applies(name) })
}

func (s *shop) write(name string, value []byte) {
	s.Helper()
	if err := s.writer.ProduceSync(s.Context(), &kgo.Record{Topic: control.Topic, Key: []byte(control.CommandKey(name)), Value: value}).FirstErr(); err != nil {
		s.Fatal(err)
	}
}

func (s *shop) applies(name string) bool {
	for _, client := range s.agent.State().Clients {
		for _, c := range client.Applies {
			if c.Name == name {
				return true
			}
		}
	}
	return false
}

// reports are all that clients have reported.
func (s *shop) reports() []reported.Report {
	s.Helper()
	return reported.Read(s, s.addrs, func(value []byte, appendedMillis int64) (*telemetry.Report, error) {
		return ingest.NewDecoder(ingest.DefaultLimits()).Decode(value, appendedMillis)
	})
}

// consumed is how many messages of a topic a group has reported.
func (s *shop) consumed(topic, group string) uint64 {
	s.Helper()
	sum := reported.Sum(s.reports(), reported.Series{Op: "consume", Topic: topic, Group: group})
	return sum.Messages
}

// paused says whether clients have reported that they have paused a topic.
func (s *shop) paused(topic string) bool {
	for _, r := range s.reports() {
		for _, e := range r.Events {
			if r.Labels.Topic == topic && r.Labels.Op == "consume" && e.Kind == telemetry.EventPaused {
				return true
			}
		}
	}
	return false
}

func pause(seconds float64) func(*control.Command) {
	return func(c *control.Command) {
		c.Pause, c.Release = &control.Pause{}, &control.Release{RampSeconds: seconds}
	}
}

// producer starts a producer that commands steer.
func (s *shop) producer() rmq.Producer {
	s.Helper()
	plain, err := rmq.NewProducer(rmqproducer.WithNsResolver(s.resolver), rmqproducer.WithGroupName("checkout"), rmqproducer.WithInstanceName("checkout"))
	if err != nil {
		s.Fatal(err)
	}
	p, err := steer.WrapProducer(s.agent, measure.WrapProducer(s.telemetry, plain, measure.Instance("checkout")))
	if err != nil {
		s.Fatal(err)
	}
	if err := p.Start(); err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { _ = p.Shutdown() })
	return p
}

// keptOpen is not closed until the tests end: the library's Shutdown races with its own rebalances, and the race detector tells of it
// now and then.
type keptOpen struct{ rmq.PushConsumer }

func (keptOpen) Shutdown() error { return nil }

// receiver is a consumer that commands hold back, and what its handlers were given.
type receiver struct {
	rmq.PushConsumer
	mu      sync.Mutex
	handled map[string]int // messages by topic
}

func (c *receiver) of(topic string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.handled[topic]
}

func (s *shop) receiver(group string, topics ...string) *receiver {
	s.Helper()
	hold := steer.NewHold(s.agent)
	plain, err := rmq.NewPushConsumer(rmqconsumer.WithNsResolver(s.resolver), rmqconsumer.WithGroupName(group), rmqconsumer.WithInstance(group),
		rmqconsumer.WithConsumeFromWhere(rmqconsumer.ConsumeFromFirstOffset), rmqconsumer.WithLimiter(hold.Limit))
	if err != nil {
		s.Fatal(err)
	}
	c := &receiver{handled: map[string]int{}}
	if c.PushConsumer, err = hold.PushConsumer(measure.WrapPushConsumer(s.telemetry, keptOpen{plain}, group, measure.Instance(group))); err != nil {
		s.Fatal(err)
	}
	for _, topic := range topics {
		err := c.Subscribe(topic, rmqconsumer.MessageSelector{}, func(_ context.Context, messages ...*primitive.MessageExt) (rmqconsumer.ConsumeResult, error) {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.handled[topic] += len(messages)
			return rmqconsumer.ConsumeSuccess, nil
		})
		if err != nil {
			s.Fatal(err)
		}
	}
	if err := c.Start(); err != nil {
		s.Fatal(err)
	}
	return c
}

func (s *shop) send(p rmq.Producer, topic string, count int) {
	s.Helper()
	for i := range count {
		if _, err := p.SendSync(s.Context(), primitive.NewMessage(topic, fmt.Appendf(nil, "message %d", i))); err != nil {
			s.Fatal(err)
		}
	}
}
