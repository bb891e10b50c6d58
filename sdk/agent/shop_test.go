package agent

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/control"
	"github.com/weirmq/weir/deploy/broker"
	"github.com/weirmq/weir/sdk/internal/reported"
	"github.com/weirmq/weir/sdk/report"
)

// allEnabled are all capabilities.
var allEnabled = control.Capabilities

// shop is one broker for what is measured, for telemetry and for commands, and who writes those.
type shop struct {
	t      testing.TB
	addrs  []string
	writer *kgo.Client

	mu        sync.Mutex
	revisions map[string]uint64
}

func newShop(t testing.TB, topics ...string) *shop {
	t.Helper()
	b, err := broker.Start(broker.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return openShop(t, b.Addrs(), topics...)
}

// openShop is a shop on a broker that runs.
func openShop(t testing.TB, addrs []string, topics ...string) *shop {
	t.Helper()
	reported.CreateTopic(t, addrs)
	if len(topics) > 0 {
		reported.CreateTopics(t, addrs, topics...)
	}
	reported.CreateCompacted(t, addrs, control.Topic)
	return &shop{t: t, addrs: addrs, writer: reported.Dial(t, addrs), revisions: map[string]uint64{}}
}

// open opens an agent with its reporter; both are closed when the test ends.
func (s *shop) open(config Config, reports report.Config) *Agent {
	s.t.Helper()
	reports.TelemetryBrokers = s.addrs
	telemetry, err := report.Open(reports)
	if err != nil {
		s.t.Fatal(err)
	}
	config.Telemetry = telemetry
	if config.Log == nil {
		config.Log = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	a, err := Open(s.t.Context(), config)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), reported.Patience)
		defer cancel()
		if err := a.Close(ctx); err != nil {
			s.t.Error(err)
		}
		cancel()
		_ = telemetry.Close(ctx) // who wants the last reports closes it before; the broker may be gone
	})
	return a
}

// command is one that holds for an hour, for a topic, and says what it asks by the function.
func command(name, topic string, ask func(*control.Command)) control.Command {
	now := time.Now().UTC().Truncate(time.Millisecond)
	c := control.Command{Schema: control.Schema, Name: name, Revision: 1, Scope: control.Scope{Topic: topic}, Author: "li@example.com",
		Reason: "the ledger is being migrated", CreatedAt: now, ExpiresAt: now.Add(time.Hour), Percent: 100}
	ask(&c)
	return c
}

func pause(c *control.Command) { c.Pause, c.Release = &control.Pause{}, &control.Release{} }

func limit(perSecond float64) func(*control.Command) {
	return func(c *control.Command) {
		c.SendLimit = &control.SendLimit{MessagesPerSecond: perSecond, ColdFactor: 1}
	}
}

// put writes a command, with the next revision of its name.
func (s *shop) put(c control.Command) {
	s.t.Helper()
	s.mu.Lock()
	s.revisions[c.Name]++
	c.Revision = s.revisions[c.Name]
	s.mu.Unlock()
	value, err := c.Encode()
	if err != nil {
		s.t.Fatal(err)
	}
	s.write(c.Key(), value)
}

// take takes a command away by a tombstone.
func (s *shop) take(name string) { s.t.Helper(); s.write(control.CommandKey(name), nil) }

func (s *shop) write(key string, value []byte) {
	s.t.Helper()
	s.send(&kgo.Record{Topic: control.Topic, Key: []byte(key), Value: value})
}

func (s *shop) send(records ...*kgo.Record) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), reported.Patience)
	defer cancel()
	if err := s.writer.ProduceSync(ctx, records...).FirstErr(); err != nil {
		s.t.Fatal(err)
	}
}

// sendEach sends so many messages, in turn to each of three partitions.
func (s *shop) sendEach(topic string, from, count int) int {
	s.t.Helper()
	to := reported.Dial(s.t, s.addrs, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	defer to.Close()
	records := make([]*kgo.Record, count)
	for i := range records {
		records[i] = &kgo.Record{Topic: topic, Partition: int32(i % 3), Value: fmt.Appendf(nil, "order %d", from+i)}
	}
	if err := to.ProduceSync(s.t.Context(), records...).FirstErr(); err != nil {
		s.t.Fatal(err)
	}
	return count
}

// sendOrders sends so many messages to a topic, in turn to its partitions.
func (s *shop) sendOrders(topic string, from, count int) {
	s.t.Helper()
	records := make([]*kgo.Record, count)
	for i := range records {
		records[i] = &kgo.Record{Topic: topic, Key: fmt.Appendf(nil, "k%d", from+i), Value: fmt.Appendf(nil, "order %d", from+i)}
	}
	s.send(records...)
}
