package agent

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/control"
	"github.com/weirmq/weir/deploy/kafka"
	"github.com/weirmq/weir/deploy/parts"
	"github.com/weirmq/weir/sdk/internal/reported"
	"github.com/weirmq/weir/sdk/report"
)

// TestGate pauses two members of a group on the embedded broker, and on a real Kafka, with both of its group protocols.
func TestGate(t *testing.T) {
	t.Parallel()
	t.Run("embedded", func(t *testing.T) {
		t.Parallel()
		pausedThroughRebalances(newShop(t, "orders"), "orders", kgo.Balancers(kgo.CooperativeStickyBalancer()))
	})
	t.Run("kafka", func(t *testing.T) {
		t.Parallel()
		s := kafkaShop(t, "cooperative", "eager", "next")
		for name, options := range map[string][]kgo.Opt{"cooperative": {kgo.Balancers(kgo.CooperativeStickyBalancer())}, "eager": {kgo.Balancers(kgo.RangeBalancer())},
			"next": {kgo.ServerSideBalancer()}} {
			t.Run(name, func(t *testing.T) {
				s.t = t
				pausedThroughRebalances(s, name, options...)
			})
		}
		t.Run("weir.control made anew", func(t *testing.T) {
			s.t = t
			madeAnew(s, s.open(Config{Enabled: allEnabled}, report.Config{}), "eager")
		})
	})
}

// kafkaShop is a shop on a real Kafka.
func kafkaShop(t *testing.T, topics ...string) *shop {
	t.Helper()
	jars, err := parts.Kafka()
	if err != nil {
		t.Fatal(err)
	}
	running, err := kafka.Start(t.Context(), kafka.Config{JarDir: jars, DataDir: filepath.Join(t.TempDir(), "kafka")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = running.Stop(context.Background()) })
	return openShop(t, []string{running.Addr()}, topics...)
}

// pausedThroughRebalances pauses two of three partitions while members come and go: nobody is given their messages meanwhile, whoever has
// them, and every message is given afterwards, once each by the commits, with nothing left paused.
func pausedThroughRebalances(s *shop, topic string, options ...kgo.Opt) {
	t := s.t
	group := kgo.ConsumerGroup(fmt.Sprintf("billing-%d", time.Now().UnixNano()))
	options = append(options, group, kgo.ConsumeTopics(topic), kgo.HeartbeatInterval(100*time.Millisecond), kgo.AutoCommitInterval(100*time.Millisecond))
	sent := s.sendEach(topic, 0, 30)
	first, second := s.open(Config{Enabled: allEnabled}, report.Config{}), s.open(Config{Enabled: allEnabled}, report.Config{})
	one := s.consume(first, append(options, kgo.ClientID("one"))...)
	reported.Eventually(t, "one member has all", func() bool { return one.count() >= sent })

	c := command("two-of-"+topic, topic, pause)
	c.Scope.Partitions = []int32{0, 2}
	s.put(c)
	reported.Eventually(t, "the partitions are paused", func() bool { return len(one.client.PauseFetchPartitions(nil)[topic]) == 2 })
	two := s.consume(second, append(options, kgo.ClientID("two"))...)
	reported.Eventually(t, "both members apply it", func() bool { return applies(first, c.Name) && applies(second, c.Name) })
	before := s.perPartition(one, two)
	s.sendEach(topic, 30, 30)
	reported.Eventually(t, "the open partition is consumed", func() bool { return s.perPartition(one, two)[1] == before[1]+10 })
	two.stop() // its partitions go back
	s.sendEach(topic, 60, 30)
	reported.Eventually(t, "the open partition is consumed after the member left", func() bool { return s.perPartition(one, two)[1] >= before[1]+20 })
	if got := s.perPartition(one, two); got[0] != before[0] || got[2] != before[2] {
		t.Errorf("paused partitions had %v messages before and %v after members came and went: want no more", before, got)
	}
	s.take(c.Name)
	reported.Eventually(t, "everything is consumed", func() bool { return one.distinct(two) == 90 })
	reported.Eventually(t, "nothing is left paused", func() bool {
		return len(one.client.PauseFetchTopics()) == 0 && len(one.client.PauseFetchPartitions(nil)[topic]) == 0
	})
}

// TestWhatIsKnownHoldsFromTheFirstPoll holds that a client which is bound later than a command was read is given nothing of what that pauses,
// and that partitions which are taken out of it are given.
func TestWhatIsKnownHoldsFromTheFirstPoll(t *testing.T) {
	t.Parallel()
	s := newShop(t, "orders")
	s.sendEach("orders", 0, 30)
	a := s.open(Config{Enabled: allEnabled}, report.Config{})
	s.put(command("pause-orders", "orders", pause))
	reported.Eventually(t, "the command is read", func() bool { return a.State().Offset == 1 })
	client := reported.Dial(t, s.addrs, kgo.ConsumeTopics("orders"))
	if err := a.Bind(client); err != nil {
		t.Fatal(err)
	}
	if got := a.Consumer(client).Paused(); !slices.Equal(got, []string{"orders"}) {
		t.Errorf("%v are paused when Bind returns", got)
	}
	client.Close()
	c := s.consume(a, kgo.ConsumeTopics("orders"))
	but := command("but-one", "orders", func(c *control.Command) { c.Resume = &control.Resume{} })
	but.Scope.Partitions = []int32{1}
	s.put(but)
	reported.Eventually(t, "one partition is consumed", func() bool { return s.perPartition(c)[1] == 10 })
	if got := s.perPartition(c); got[0]+got[2] != 0 {
		t.Errorf("%v messages of partitions are given: want those of partition 1", got)
	}
	s.take("pause-orders")
	reported.Eventually(t, "all are consumed", func() bool { return c.distinct() == 30 })
	reported.Eventually(t, "the closed client is forgotten", func() bool { return len(a.State().Clients) == 1 })
}

// TestTheHostsOwnPausesStay holds that a topic which the program has paused stays so when a command that pauses it ends, and that what the
// program resumes stays paused by the command.
func TestTheHostsOwnPausesStay(t *testing.T) {
	t.Parallel()
	s := newShop(t, "orders", "returns", "refunds")
	a := s.open(Config{Enabled: allEnabled}, report.Config{})
	c := s.consume(a, kgo.ConsumeTopics("orders", "returns", "refunds"))
	c.client.PauseFetchTopics("orders")
	c.client.PauseFetchPartitions(map[string][]int32{"returns": {1}})
	consumer := a.Consumer(c.client)
	consumer.Pause("refunds")
	s.put(command("all", "", func(c *control.Command) { pause(c); c.Everywhere = true }))
	paused := func(topics ...string) func() bool {
		return func() bool { return slices.Equal(consumer.Paused(), topics) }
	}
	reported.Eventually(t, "all is paused", paused("orders", "refunds", "returns"))
	consumer.Resume("refunds")
	c.client.ResumeFetchTopics("returns")
	reported.Eventually(t, "what the program resumes is paused again", paused("orders", "refunds", "returns"))
	consumer.Pause("refunds")
	s.take("all")
	reported.Eventually(t, "what the program paused stays", paused("orders", "refunds"))
	if got := c.client.PauseFetchPartitions(nil)["returns"]; !slices.Equal(got, []int32{1}) {
		t.Errorf("partitions %v of returns are paused: want the one that the program paused", got)
	}
	consumer.Resume("refunds")
	if !paused("orders")() {
		t.Errorf("%v are paused: want what the program has not resumed", consumer.Paused())
	}
}

// TestTheHostsOwnPausesOfPartitionsStay holds the same of single partitions, at once, and that they outlast the agent.
func TestTheHostsOwnPausesOfPartitionsStay(t *testing.T) {
	t.Parallel()
	s := newShop(t, "orders")
	a := s.open(Config{Enabled: allEnabled}, report.Config{})
	c := s.consume(a, kgo.ConsumeTopics("orders"))
	consumer := a.Consumer(c.client)
	of := func(partitions ...int32) map[string][]int32 { return map[string][]int32{"orders": partitions} }
	want := func(when string, partitions ...int32) {
		t.Helper()
		if paused := pausedOf(c.client, "orders"); !slices.Equal(paused, partitions) {
			t.Errorf("%s partitions %v are paused, want %v", when, paused, partitions)
		}
	}
	consumer.PausePartitions(of(0, 1))
	want("by the program", 0, 1)
	p := command("two", "orders", pause)
	p.Scope.Partitions = []int32{1, 2}
	s.put(p)
	reported.Eventually(t, "the command applies, too", func() bool { return len(pausedOf(c.client, "orders")) == 3 })
	consumer.ResumePartitions(of(0, 1))
	want("by the command", 1, 2)
	consumer.PausePartitions(of(2))
	s.take(p.Name)
	reported.Eventually(t, "what the program paused stays", func() bool { return slices.Equal(pausedOf(c.client, "orders"), []int32{2}) })
	if err := a.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	want("by an agent that is closed", 2)
	consumer.ResumePartitions(of(2))
	want("by nobody")
}

// pausedOf are the partitions of a topic that are paused, in order.
func pausedOf(client *kgo.Client, topic string) []int32 {
	return slices.Sorted(slices.Values(client.PauseFetchPartitions(nil)[topic]))
}

// TestAReleasedTopicComesBackByPartition holds that a backlog is not met by all partitions at once, and that a closed agent holds nothing.
func TestAReleasedTopicComesBackByPartition(t *testing.T) {
	t.Parallel()
	s := newShop(t, "orders")
	a := s.open(Config{Enabled: allEnabled}, report.Config{})
	c := s.consume(a, kgo.ConsumeTopics("orders"))
	p := command("pause-orders", "orders", pause)
	p.Release.RampSeconds = 2
	s.put(p)
	reported.Eventually(t, "the pause applies", func() bool { return slices.Contains(c.client.PauseFetchTopics(), "orders") })
	s.sendEach("orders", 0, 30)
	s.take(p.Name)
	steps := map[int]bool{}
	reported.Eventually(t, "all is consumed", func() bool {
		steps[len(c.client.PauseFetchPartitions(nil)["orders"])] = true
		return c.distinct() == 30
	})
	if !steps[1] && !steps[2] {
		t.Errorf("so many partitions were paused at a time: %v; want that they came back one by one", steps)
	}
	p.Release.RampSeconds = 600
	s.put(p)
	reported.Eventually(t, "it is paused again", func() bool { return slices.Contains(c.client.PauseFetchTopics(), "orders") })
	if err := a.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if topics, partitions := c.client.PauseFetchTopics(), c.client.PauseFetchPartitions(nil)["orders"]; len(topics)+len(partitions) != 0 {
		t.Errorf("topics %v and partitions %v are paused by an agent that is closed", topics, partitions)
	}
}
