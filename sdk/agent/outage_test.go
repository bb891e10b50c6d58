package agent

import (
	"bytes"
	"net"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/control"
	"github.com/weirmq/weir/deploy/broker"
	"github.com/weirmq/weir/sdk/internal/reported"
	"github.com/weirmq/weir/sdk/report"
)

// TestWithoutTheClusterWhatWasReadHoldsUntilItExpires takes the cluster with weir.control away: the pause stays, ends at its time by the
// client's clock, and commands that come when the cluster is back apply.
func TestWithoutTheClusterWhatWasReadHoldsUntilItExpires(t *testing.T) {
	t.Parallel()
	measured := newShop(t, "orders")
	dir := t.TempDir()
	b, err := broker.Start(broker.Config{DataDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	s := openShop(t, b.Addrs())
	a := s.open(Config{Enabled: allEnabled}, report.Config{})
	c := measured.consume(a, kgo.ConsumeTopics("orders"))
	// Not sooner: a busy machine takes seconds to apply it.
	short := command("short", "orders", func(c *control.Command) { pause(c); c.ExpiresAt = time.Now().Add(reported.Patience / 2).UTC() })
	s.put(short)
	paused := func() bool { return slices.Contains(c.client.PauseFetchTopics(), "orders") }
	reported.Eventually(t, "the pause applies", paused)
	addr := b.Addrs()[0]
	b.Close()
	if left := time.Until(short.ExpiresAt); left > time.Second && !paused() {
		t.Errorf("the pause ends with the cluster, %s before it expires", left)
	}
	reported.Eventually(t, "the pause ends", func() bool { return !paused() })
	if early := time.Until(short.ExpiresAt); early > 0 {
		t.Errorf("the pause ends %s before it expires", early)
	}
	measured.sendEach("orders", 0, 30)
	reported.Eventually(t, "messages are consumed", func() bool { return c.distinct() == 30 })
	if b, err = broker.Start(broker.Config{Addr: addr, DataDir: dir}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	s.put(command("again", "orders", pause))
	reported.Eventually(t, "what comes afterwards applies", paused)
}

// TestOpenWaitsForNobody holds that a program begins, works and ends with nobody behind the address that it is told, and says so.
func TestOpenWaitsForNobody(t *testing.T) {
	t.Parallel()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	measured := newShop(t, "orders")
	s := &shop{t: t, addrs: []string{closed.Addr().String()}}
	a := s.open(Config{Enabled: allEnabled}, report.Config{})
	c := measured.consume(a, kgo.ConsumeTopics("orders"))
	if err := a.Producer(c.client).ProduceSync(t.Context(), &kgo.Record{Topic: "orders", Value: []byte("one")}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	reported.Eventually(t, "the message is consumed", func() bool { return c.count() == 1 })
	if state := a.State(); !state.ReadAt.IsZero() || state.Offset != 0 || len(state.Clients) != 1 || len(state.Clients[0].Applies) != 0 {
		t.Errorf("state is %+v: want that nothing was read", state)
	}
	if err := a.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if err := a.Bind(nil); err == nil || !strings.Contains(err.Error(), "the client is nil: bind it when it is made") {
		t.Errorf("got %v", err)
	}
	if err := a.Bind(c.client); err != ErrClosed {
		t.Errorf("a closed agent binds: %v", err)
	}
	if err := a.Producer(c.client).ProduceSync(t.Context(), &kgo.Record{Topic: "orders", Value: []byte("two")}).FirstErr(); err != nil {
		t.Errorf("a send by a closed agent: %v", err)
	}
}

// TestALogIsReadToItsEndBeforeAnyOfItApplies writes a pause and that it is over, and opens an agent that reads both: it pauses nothing in between.
func TestALogIsReadToItsEndBeforeAnyOfItApplies(t *testing.T) {
	t.Parallel()
	s := newShop(t, "orders")
	for range 300 {
		s.put(command("pause-orders", "orders", pause))
	}
	over := command("pause-orders", "orders", pause)
	over.Ended = &control.Ended{Author: "li", At: time.Now()}
	s.put(over)
	a := s.open(Config{Enabled: allEnabled}, report.Config{Interval: 100 * time.Millisecond})
	s.consume(a, kgo.ConsumeTopics("orders"))
	reported.Eventually(t, "all is read", func() bool { return a.State().Offset == 301 })
	s.put(command("later", "returns", pause))
	reported.Eventually(t, "what comes later is read", func() bool { return a.State().Offset == 302 })
	if applies(a, "pause-orders") {
		t.Error("a pause that is over applies")
	}
	if err := a.config.Telemetry.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, r := range s.reports() {
		for _, e := range r.Events {
			if r.Labels.Op == "control" && e.Detail != "" {
				t.Errorf("event %s %q: want none", e.Kind, e.Detail)
			}
		}
	}
}

// TestAPanicOfTheAgentsOwnStaysAway holds that the host goes on and the panic is counted.
func TestAPanicOfTheAgentsOwnStaysAway(t *testing.T) {
	t.Parallel()
	s := newShop(t, "orders")
	a := s.open(Config{Enabled: allEnabled}, report.Config{})
	c := s.consume(a, kgo.ConsumeTopics("orders"))
	b := a.of(c.client)
	b.gate.mu.Lock()
	b.gate.topics = nil // to write to it panics
	b.gate.mu.Unlock()
	s.put(command("pause-orders", "orders", pause))
	reported.Eventually(t, "the panic is counted", func() bool { return a.config.Telemetry.Stats().Recovered > 0 })
	s.take("pause-orders")
	reported.Eventually(t, "nothing applies", func() bool { return a.State().Offset == 2 && !applies(a, "pause-orders") })
	c.client.ResumeFetchTopics("orders")
	s.sendEach("orders", 0, 3)
	reported.Eventually(t, "the host consumes", func() bool { return c.distinct() == 3 })
}

// TestAClosedAgentLeavesNoGoroutine holds it while no other test of the package runs, with a client that outlives it, one that is gone, and a send
// that waits.
func TestAClosedAgentLeavesNoGoroutine(t *testing.T) {
	s := newShop(t, "orders")
	a := s.open(Config{Enabled: allEnabled}, report.Config{})
	gone := reported.Dial(t, s.addrs, kgo.ConsumeTopics("orders"))
	if err := a.Bind(gone); err != nil {
		t.Fatal(err)
	}
	c := s.consume(a, kgo.ConsumeTopics("orders"))
	s.put(command("pause-orders", "orders", pause))
	s.put(command("slow-orders", "orders", limit(1)))
	reported.Eventually(t, "both apply", func() bool { return applies(a, "pause-orders") && a.of(c.client).client.SendsTouched("orders") })
	gone.Close()
	var sends sync.WaitGroup
	for range 5 {
		sends.Go(func() {
			if err := a.Producer(c.client).ProduceSync(t.Context(), &kgo.Record{Topic: "orders", Value: []byte("one")}).FirstErr(); err != nil {
				t.Error(err)
			}
		})
	}
	if err := a.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	sends.Wait()
	reported.Eventually(t, "no goroutine is the agent's", func() bool {
		stacks := make([]byte, 1<<20)
		stacks = stacks[:runtime.Stack(stacks, true)]
		return !bytes.Contains(stacks, []byte("agent.(*Agent).")) && !bytes.Contains(stacks, []byte("agent.(*binding)."))
	})
	if err := a.Close(t.Context()); err != nil {
		t.Errorf("a second Close: %v", err)
	}
}

// TestATopicThatIsMadeLaterIsRead holds that an agent which began before weir.control was there reads it when it is, also when it is made anew.
func TestATopicThatIsMadeLaterIsRead(t *testing.T) {
	t.Parallel()
	b, err := broker.Start(broker.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	reported.CreateTopic(t, b.Addrs())
	reported.CreateTopics(t, b.Addrs(), "orders")
	s := &shop{t: t, addrs: b.Addrs(), revisions: map[string]uint64{}}
	a := s.open(Config{Enabled: allEnabled}, report.Config{})
	c := s.consume(a, kgo.ConsumeTopics("orders"))
	reported.Eventually(t, "the state says that there is no topic", func() bool { return a.State().Fault != nil })
	reported.CreateCompacted(t, b.Addrs(), control.Topic)
	s.writer = reported.Dial(t, b.Addrs())
	began := time.Now()
	s.put(command("pause-orders", "orders", pause))
	reported.Eventually(t, "the pause applies", func() bool { return slices.Contains(c.client.PauseFetchTopics(), "orders") })
	t.Logf("the first command applies %s after it was written", time.Since(began).Round(time.Millisecond))
	if state := a.State(); state.Fault != nil || state.ReadAt.IsZero() {
		t.Errorf("state is %+v: want that the topic is read", state)
	}
	madeAnew(s, a, "orders")
}

// madeAnew deletes weir.control and makes it anew: what the former one said applies until the new one is read, and then what that says.
func madeAnew(s *shop, a *Agent, topic string) {
	t := s.t
	t.Helper()
	c := s.consume(a, kgo.ConsumeTopics(topic))
	s.put(command("former", topic, pause))
	paused := func() bool { return slices.Contains(c.client.PauseFetchTopics(), topic) }
	reported.Eventually(t, "the pause applies", paused)
	if _, err := kadm.NewClient(s.writer).DeleteTopics(t.Context(), control.Topic); err != nil {
		t.Fatal(err)
	}
	reported.Eventually(t, "the topic can be made anew", func() bool {
		compact := "compact"
		made, err := kadm.NewClient(s.writer).CreateTopic(t.Context(), 1, 1, map[string]*string{"cleanup.policy": &compact}, control.Topic)
		return err == nil && made.Err == nil
	})
	if !paused() {
		t.Error("the pause ends with the topic")
	}
	s.writer = reported.Dial(t, s.addrs)
	s.revisions = map[string]uint64{}
	began := time.Now()
	s.put(command("other", "another", pause))
	reported.Eventually(t, "what the former topic said applies no longer", func() bool { return !paused() })
	s.put(command("former", topic, pause))
	reported.Eventually(t, "the new topic's pause applies", paused)
	t.Logf("commands of a topic that was made anew apply within %s", time.Since(began).Round(time.Millisecond))
}
