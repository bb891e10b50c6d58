package agent

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/sdk/internal/reported"
	"github.com/weirmq/weir/sdk/report"
)

// consuming is a client that consumes until it is stopped, and what it was given.
type consuming struct {
	client     *kgo.Client
	stop       func()
	mu         sync.Mutex
	values     []string
	partitions map[int32]int // messages of each
}

func (s *shop) consume(a *Agent, options ...kgo.Opt) *consuming {
	s.t.Helper()
	c := &consuming{partitions: map[int32]int{}, client: reported.Dial(s.t, s.addrs, slices.Concat([]kgo.Opt{kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchMaxWait(50 * time.Millisecond)}, a.KafkaOpts(), options)...)}
	if err := a.Bind(c.client); err != nil {
		s.t.Fatal(err)
	}
	var done sync.WaitGroup
	ctx, stop := context.WithCancel(s.t.Context())
	done.Go(func() {
		for ctx.Err() == nil {
			c.client.PollFetches(ctx).EachRecord(func(r *kgo.Record) {
				c.mu.Lock()
				defer c.mu.Unlock()
				c.values = append(c.values, string(r.Value))
				c.partitions[r.Partition]++
			})
		}
	})
	c.stop = sync.OnceFunc(func() { stop(); done.Wait(); c.client.Close() })
	s.t.Cleanup(c.stop)
	return c
}

func (c *consuming) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.values)
}

// distinct is how many different messages it was given, and others were.
func (c *consuming) distinct(others ...*consuming) int {
	all := map[string]bool{}
	for _, of := range append(others, c) {
		of.mu.Lock()
		for _, value := range of.values {
			all[value] = true
		}
		of.mu.Unlock()
	}
	return len(all)
}

// perPartition is how many messages of each partition were given.
func (s *shop) perPartition(to ...*consuming) map[int32]int {
	sum := map[int32]int{}
	for _, c := range to {
		c.mu.Lock()
		for partition, count := range c.partitions {
			sum[partition] += count
		}
		c.mu.Unlock()
	}
	return sum
}

// applies says whether a command applies to any client of an agent.
func applies(a *Agent, name string) bool {
	for _, client := range a.State().Clients {
		if slices.ContainsFunc(client.Applies, func(c AppliedCommand) bool { return c.Name == name }) {
			return true
		}
	}
	return false
}

// TestAPauseHoldsAndIsLifted has a command pause what a running service consumes, and take it back: nothing is given
// meanwhile, and everything afterwards, once.
func TestAPauseHoldsAndIsLifted(t *testing.T) {
	t.Parallel()
	s := newShop(t, "orders", "returns")
	a := s.open(Config{Enabled: allEnabled}, report.Config{})
	c := s.consume(a, kgo.ConsumeTopics("orders", "returns"), kgo.ConsumerGroup("billing"))
	s.sendOrders("orders", 0, 10)
	reported.Eventually(t, "orders are consumed", func() bool { return c.count() == 10 })

	s.put(command("pause-orders", "orders", pause))
	reported.Eventually(t, "the pause applies", func() bool { return slices.Contains(c.client.PauseFetchTopics(), "orders") })
	s.sendOrders("orders", 10, 10)
	s.sendOrders("returns", 100, 5)
	reported.Eventually(t, "the other topic is consumed", func() bool { return c.count() == 15 })

	s.take("pause-orders")
	reported.Eventually(t, "what waited is consumed", func() bool { return c.count() == 25 })
	reported.Eventually(t, "nothing applies", func() bool { return !applies(a, "pause-orders") })
	c.mu.Lock()
	defer c.mu.Unlock()
	slices.Sort(c.values)
	if once := slices.Compact(slices.Clone(c.values)); len(once) != len(c.values) {
		t.Errorf("%d of %d messages were given twice", len(c.values)-len(once), len(c.values))
	}
}

// TestASendLimitMakesSendersWait has a command limit a running producer: the messages of a time are as many as it allows, a
// send whose context ends meanwhile fails and says why, and none is lost when the limit is lifted.
func TestASendLimitMakesSendersWait(t *testing.T) {
	t.Parallel()
	const perSecond = 20
	s := newShop(t, "orders")
	a := s.open(Config{Enabled: allEnabled}, report.Config{})
	client := reported.Dial(t, s.addrs, kgo.ProducerLinger(0))
	producer := a.Producer(client)
	send := func(ctx context.Context) error {
		return producer.ProduceSync(ctx, &kgo.Record{Topic: "orders", Value: []byte("one")}).FirstErr()
	}
	if err := send(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.put(command("slow-orders", "orders", limit(perSecond)))
	reported.Eventually(t, "the limit applies", func() bool { return applies(a, "slow-orders") })
	began := time.Now()
	const messages = 11
	for range messages {
		if err := send(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if took, least := time.Since(began), time.Duration(messages-2)*time.Second/perSecond; took < least { // the first may come a little late for its permit
		t.Errorf("%d messages took %s: want at least %s", messages, took, least)
	}
	s.put(command("slow-orders", "orders", limit(1)))
	reported.Eventually(t, "the lower limit applies", func() bool {
		return slices.ContainsFunc(a.State().Clients[0].Applies, func(c AppliedCommand) bool { return c.Revision == 2 })
	})
	reported.Eventually(t, "a send that cannot wait says so", func() bool { // one that is let through at once does not wait
		hurried, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		err := send(hurried)
		return errors.Is(err, ErrSendLimited) && errors.Is(err, context.DeadlineExceeded)
	})
	var waiting sync.WaitGroup
	for range 20 {
		waiting.Go(func() {
			if err := send(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	s.take("slow-orders")
	waiting.Wait() // at 1 per second it would take as long as tests have patience
}
