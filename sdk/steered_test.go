package weir_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/control"
	"github.com/weirmq/weir/sdk"
	"github.com/weirmq/weir/sdk/agent"
	"github.com/weirmq/weir/sdk/internal/reported"
	"github.com/weirmq/weir/sdk/report"
)

// steered is a program of the client for both systems to which commands apply, and who writes those.
type steered struct {
	*testing.T
	house    *house
	agent    *agent.Agent
	commands []string // of the cluster with commands
	writer   *kgo.Client
	revision uint64
}

// newSteered opens a program with one resource.
func (g *ground) newSteered(t *testing.T, topic string, measured bool) *steered {
	t.Helper()
	g.create(t, topic)
	commands := startBroker(t)
	reported.CreateCompacted(t, commands, control.Topic)
	return g.openSteered(t, commands, topic, measured)
}

// openSteered opens a program that commands of a cluster apply to, with a cluster of its own for what it reports.
func (g *ground) openSteered(t *testing.T, commands []string, topic string, measured bool) *steered {
	t.Helper()
	addrs := startBroker(t)
	reported.CreateTopic(t, addrs)
	telemetry, err := report.Open(report.Config{TelemetryBrokers: addrs, Env: "test"})
	must(t, err)
	s := &steered{T: t, commands: commands, writer: reported.Dial(t, commands)}
	s.agent, err = agent.Open(t.Context(), agent.Config{Telemetry: telemetry, Brokers: commands, Enabled: control.Capabilities, Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	must(t, err)
	config := weir.Config{Env: "test", Directory: weir.Routes(g.route("r", topic)), Systems: []weir.System{g.system}, Control: s.agent, Unmeasured: !measured}
	if measured {
		config.Reporter = telemetry
	}
	client, err := weir.Open(t.Context(), config)
	must(t, err)
	s.house = &house{Client: client, reporter: telemetry, telemetry: addrs, unmeasured: !measured, books: newBooks(g.system.Name())}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), reported.Patience)
		defer cancel()
		for _, end := range []func(context.Context) error{client.Close, s.agent.Close} {
			if err := end(ctx); err != nil {
				t.Error(err)
			}
		}
		s.house.balance(t)
	})
	return s
}

// put writes a command, and waits until it applies to a client.
func (s *steered) put(name string, scope control.Scope, ask func(*control.Command)) {
	s.Helper()
	s.ask(name, scope, ask)
	reported.Eventually(s, name+" applies", func() bool { return s.applies(name) })
}

// ask writes a command.
func (s *steered) ask(name string, scope control.Scope, ask func(*control.Command)) {
	s.Helper()
	now := time.Now().UTC()
	s.revision++
	c := control.Command{Schema: control.Schema, Name: name, Revision: s.revision, Scope: scope, Author: "li@example.com", Reason: "the ledger is being migrated",
		CreatedAt: now, ExpiresAt: now.Add(time.Hour), Percent: 100}
	ask(&c)
	value, err := c.Encode()
	must(s.T, err)
	s.write(name, value)
}

// refuses says whether a client refuses a command with a reason that has some words.
func (s *steered) refuses(name, words string) bool {
	return slices.ContainsFunc(s.agent.State().Clients, func(client agent.ClientState) bool {
		for command, why := range client.Refuses {
			if strings.HasPrefix(command, name+"@") && strings.Contains(why, words) {
				return true
			}
		}
		return false
	})
}

// take takes a command away, and waits until it applies no more.
func (s *steered) take(name string) {
	s.Helper()
	s.write(name, nil)
	reported.Eventually(s, name+" applies no more", func() bool { return !s.applies(name) })
}

func (s *steered) write(name string, value []byte) {
	s.Helper()
	must(s.T, s.writer.ProduceSync(s.Context(), &kgo.Record{Topic: control.Topic, Key: []byte(control.CommandKey(name)), Value: value}).FirstErr())
}

func (s *steered) applies(name string) bool {
	return slices.ContainsFunc(s.agent.State().Clients, func(client agent.ClientState) bool {
		return slices.ContainsFunc(client.Applies, func(c agent.AppliedCommand) bool { return c.Name == name })
	})
}

// TestCommandsApplyToTheClientForBoth holds on each system that a pause holds what is consumed and ends, also for a consumer that is ended while
// it is held, that a send limit makes senders wait, and that a message which is too large is refused and those beside it are sent.
func TestCommandsApplyToTheClientForBoth(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func(*testing.T) *ground{
		"Kafka": func(t *testing.T) *ground { return newFake(t, "fake") }, "RocketMQ": func(t *testing.T) *ground { return newRocketMQ(t, sharedRocketMQ) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := open(t)
			for _, measured := range []bool{true, false} {
				t.Run(fmt.Sprintf("measured %t", measured), func(t *testing.T) {
					t.Parallel()
					steersTheClient(t, g, fmt.Sprintf("steered-%t", measured), measured)
				})
			}
		})
	}
}

func steersTheClient(t *testing.T, g *ground, topic string, measured bool) {
	s := g.newSteered(t, topic, measured)
	scope := control.Scope{Topic: topic, System: g.system.Name()}
	if measured {
		scope.Cluster = g.cluster
	}
	p, got := s.house.producer(t, "r"), newLedger()
	sent := 0
	send := func(count int) {
		t.Helper()
		for range count {
			must(t, p.Send(t.Context(), &weir.Message{Body: fmt.Appendf(nil, "message %d", sent)}))
			sent++
		}
	}
	ordered := s.house.consume(t, "r", "in-order-"+topic, newLedger().handle, weir.Ordered())
	c := s.house.consume(t, "r", "billing-"+topic, got.handle)
	send(5)
	reported.Eventually(t, "messages are handled", func() bool { return got.different() == sent })

	if g.system.Name() == "rocketmq" {
		one := scope
		one.Group, one.Partitions = "in-order-"+topic, []int32{0}
		s.ask("one", one, func(c *control.Command) { c.Pause = &control.Pause{} })
		reported.Eventually(t, "a consumer in order says why it cannot pause a queue", func() bool { return s.refuses("one", "one message of all its queues at a time") })
		s.write("one", nil)
	}
	paused := scope
	paused.Group = "billing-" + topic
	s.put("pause", paused, func(c *control.Command) { c.Pause, c.Release = &control.Pause{}, &control.Release{} })
	send(20)
	beside := newLedger()
	s.house.consume(t, "r", "beside-"+topic, beside.handle)
	reported.Eventually(t, "a group that is not paused handles all", func() bool { return beside.different() == sent })
	if held := got.different(); held > 5+3 { // a message of each queue may have been on its way
		t.Errorf("%d messages are handled while they are held", held-5)
	}
	s.take("pause")
	reported.Eventually(t, "what waited is handled", func() bool { return got.different() == sent })

	s.put("pause", scope, func(c *control.Command) { c.Pause, c.Release = &control.Pause{}, &control.Release{} })
	handled := got.different()
	send(10)
	c.end(t)
	ordered.end(t)
	if more := got.different() - handled; more > 3 {
		t.Errorf("%d messages are handled by a consumer that ends while they are held", more)
	}
	s.take("pause")
	again := newLedger()
	s.house.consume(t, "r", "billing-"+topic, func(ctx context.Context, batch []*weir.Delivery) error {
		_ = again.handle(ctx, batch)
		return got.handle(ctx, batch)
	})
	reported.Eventually(t, "the next member handles what was held", func() bool { return got.different() == sent })

	s.put("slow", scope, func(c *control.Command) { c.SendLimit = &control.SendLimit{MessagesPerSecond: 20, ColdFactor: 1} })
	began := time.Now()
	send(11)
	if took := time.Since(began); took < 9*time.Second/20 { // the first may come a little late for its permit
		t.Errorf("11 messages at 20 per second took %s", took)
	}
	s.put("slow", scope, func(c *control.Command) { c.SendLimit = &control.SendLimit{MessagesPerSecond: 1, ColdFactor: 1} })
	reported.Eventually(t, "a send that cannot wait says so", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		err := p.Send(ctx, &weir.Message{Body: []byte("one")})
		return errors.Is(err, agent.ErrSendLimited) && errors.Is(err, context.DeadlineExceeded)
	})
	s.take("slow")

	s.put("sizes", scope, func(c *control.Command) { c.LargeMessages = &control.LargeMessages{RefuseBytes: 20_000} })
	err := p.Send(t.Context(), &weir.Message{Body: []byte("before")}, &weir.Message{Body: []byte(strings.Repeat("x", 20_001))})
	var failed *weir.BatchError
	if !errors.Is(err, agent.ErrTooLarge) || !errors.As(err, &failed) || len(failed.Failed) != 1 || failed.Failed[1] == nil {
		t.Errorf("of two messages the second is too large: %v", err)
	}
}
