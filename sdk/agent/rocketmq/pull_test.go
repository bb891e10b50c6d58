package rocketmq_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"testing"
	"time"

	rmq "github.com/apache/rocketmq-client-go/v2"
	rmqconsumer "github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"

	"github.com/weirmq/weir/control"
	steer "github.com/weirmq/weir/sdk/agent/rocketmq"
	"github.com/weirmq/weir/sdk/internal/reported"
	measure "github.com/weirmq/weir/sdk/rocketmq"
)

// puller is a pull consumer that commands hold back, and what it gave.
type puller struct {
	rmq.PullConsumer
	mu    sync.Mutex
	times map[string]int                // messages, by body
	slow  []*rmqconsumer.ConsumeRequest // that the program takes its time for
}

// finish acknowledges what the program took its time for, and returns how much that was.
func (p *puller) finish() int {
	p.mu.Lock()
	slow := p.slow
	p.slow = nil
	p.mu.Unlock()
	for _, request := range slow {
		p.ACK(context.Background(), request, rmqconsumer.ConsumeSuccess)
	}
	return len(slow)
}

func (p *puller) different() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.times)
}

func (p *puller) copy() map[string]int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.times)
}

// keptOpenPull is keptOpen of a pull consumer.
type keptOpenPull struct{ pullConsumer }

// pullConsumer is what the library's pull consumer has, also what its interface has not.
type pullConsumer interface {
	rmq.PullConsumer
	Rebalance()
}

func (keptOpenPull) Shutdown() error { return nil }

// pulling makes a pull consumer that commands hold back.
func (s *shop) pulling(group string) rmq.PullConsumer {
	s.Helper()
	hold := steer.NewHold(s.agent)
	plain, err := rmq.NewPullConsumer(append([]rmqconsumer.Option{rmqconsumer.WithNsResolver(s.resolver), rmqconsumer.WithGroupName(group), rmqconsumer.WithInstance(group),
		rmqconsumer.WithConsumeFromWhere(rmqconsumer.ConsumeFromFirstOffset)}, hold.Options(0, nil)...)...)
	if err != nil {
		s.Fatal(err)
	}
	of, ok := plain.(pullConsumer)
	if !ok {
		s.Fatal("the library's pull consumer shares out no queues")
	}
	c, err := hold.PullConsumer(measure.WrapPullConsumer(s.telemetry, keptOpenPull{of}, group, measure.Instance(group)))
	if err != nil {
		s.Fatal(err)
	}
	return c
}

// puller starts a consumer that polls until the test ends.
func (s *shop) puller(group, topic string) *puller {
	s.Helper()
	p := &puller{PullConsumer: s.pulling(group), times: map[string]int{}}
	if err := p.Subscribe(topic, rmqconsumer.MessageSelector{Type: rmqconsumer.TAG, Expression: "*"}); err != nil {
		s.Fatal(err)
	}
	if err := p.Start(); err != nil {
		s.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	var polling sync.WaitGroup
	polling.Go(func() {
		for ctx.Err() == nil {
			request, err := p.Poll(ctx, time.Second)
			if err != nil {
				continue
			}
			p.mu.Lock()
			slow := false
			for _, m := range request.GetMsgList() {
				p.times[string(m.Body)]++
				slow = slow || bytes.HasPrefix(m.Body, []byte("slow"))
			}
			if slow {
				p.slow = append(p.slow, request)
			}
			p.mu.Unlock()
			if slow {
				continue
			}
			p.ACK(ctx, request, rmqconsumer.ConsumeSuccess)
		}
	})
	s.Cleanup(func() {
		stop()
		polling.Wait()
		if err := p.Shutdown(); err != nil {
			s.Error(err)
		}
	})
	return p
}

// pausedPulls holds that a pull consumer gives nothing of what is paused, the topic or one of its queues, that another queue's is given, and that all is
// given afterwards, once.
func pausedPulls(s *shop, p rmq.Producer) {
	const topic, held = "pulled", 1
	c, beside := s.puller("pullers", topic), s.puller("beside", topic)
	queues, sent := map[string]*primitive.MessageQueue{}, 0
	send := func(what string, count int) {
		for i := range count {
			body := fmt.Sprint(what, ":", i)
			result, err := p.SendSync(s.Context(), primitive.NewMessage(topic, []byte(body)))
			if err != nil {
				s.Fatal(err)
			}
			queues[body] = result.MessageQueue
			sent++
		}
	}
	during := func(what string, holds func(body string) bool) {
		s.Helper()
		send(what, 60)
		reported.Eventually(s, "a group that is not paused is given all", func() bool { return beside.different() == sent })
		reported.Eventually(s, "what is not held is given", func() bool {
			given := c.copy()
			for body := range queues {
				if given[body] == 0 && !holds(body) {
					return false
				}
			}
			return true
		})
		for body := range c.copy() {
			if holds(body) {
				s.Errorf("%s is given while it is held", body)
			}
		}
	}
	all := func() bool { return c.different() == sent }
	send("before", 60)
	reported.Eventually(s, "all is given", all)

	s.put("pause-pullers", topic, func(c *control.Command) { c.Scope.Group = "pullers"; pause(0)(c) })
	during("paused", func(body string) bool { return body[:6] == "paused" })
	ctx, cancel := context.WithTimeout(s.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := c.Pull(ctx, 10); !errors.Is(err, steer.ErrPaused) || !errors.Is(err, context.DeadlineExceeded) {
		s.Errorf("a pull that cannot wait: %v, want %v and %v", err, steer.ErrPaused, context.DeadlineExceeded)
	}
	s.write("pause-pullers", nil)
	reported.Eventually(s, "what waited is given", all)

	send("slow", 10)
	reported.Eventually(s, "what takes its time is given", all)
	s.put("pause-one", topic, func(c *control.Command) { c.Scope.Group, c.Scope.Partitions = "pullers", []int32{held}; pause(0)(c) })
	during("queue", func(body string) bool { return body[:5] == "queue" && queues[body].QueueId == held }) // which stays while the program has some of it
	ctx, cancel = context.WithTimeout(s.Context(), 50*time.Millisecond)
	defer cancel()
	for _, queue := range queues {
		if queue.QueueId != held {
			continue
		}
		of := *queue
		if result, err := c.PullFrom(ctx, &of, 0, 10); !errors.Is(err, steer.ErrPaused) {
			s.Errorf("a pull from a queue that is held: %v, %v, want %v", result, err, steer.ErrPaused)
		}
	}
	if c.finish() == 0 {
		s.Error("the program had nothing in hand when the queue was paused")
	}
	during("after", func(body string) bool {
		return (body[:5] == "queue" || body[:5] == "after") && queues[body].QueueId == held
	})
	beside.finish()
	s.write("pause-one", nil)
	reported.Eventually(s, "what waited is given", all)
	for body, times := range c.copy() {
		if times != 1 {
			s.Errorf("%s is given %d times", body, times)
		}
	}
	for _, client := range s.agent.State().Clients {
		if client.Group == "pullers" && len(client.Refuses) > 0 {
			s.Errorf("refused: %v", client.Refuses)
		}
	}
}

// pausedPullsByHand holds that PullFrom waits while its topic is paused, gives what is there otherwise, and that what it gives is reported. The consumer has
// no queue: what the library pulls for a consumer's queues reads what its PullFrom writes, and the race detector tells of it.
func pausedPullsByHand(s *shop, p rmq.Producer) {
	const topic, group = "pulled", "by-hand"
	c := s.pulling(group)
	if err := c.Assign(topic, nil); err != nil {
		s.Fatal(err)
	}
	if err := c.Start(); err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { _ = c.Shutdown() })
	sent, err := p.SendSync(s.Context(), primitive.NewMessage(topic, []byte("by hand")))
	if err != nil {
		s.Fatal(err)
	}
	pull := func(patience time.Duration) (*primitive.PullResult, error) {
		ctx, cancel := context.WithTimeout(s.Context(), patience)
		defer cancel()
		of := *sent.MessageQueue
		return c.PullFrom(ctx, &of, sent.QueueOffset, 1)
	}
	given := func() bool {
		result, err := pull(5 * time.Second)
		return err == nil && len(result.GetMessageExts()) == 1 && string(result.GetMessageExts()[0].Body) == "by hand"
	}
	reported.Eventually(s, "a pull gives the message", given)
	s.put("pause-by-hand", topic, func(c *control.Command) { c.Scope.Group = group; pause(0)(c) })
	if result, err := pull(50 * time.Millisecond); !errors.Is(err, steer.ErrPaused) || !errors.Is(err, context.DeadlineExceeded) {
		s.Errorf("a pull while the topic is paused: %v, %v, want %v and %v", result, err, steer.ErrPaused, context.DeadlineExceeded)
	}
	s.write("pause-by-hand", nil)
	reported.Eventually(s, "a pull gives the message again", given)
	reported.Eventually(s, "both are reported", func() bool { return s.consumed(topic, group) == 2 })
}

// TestOnlyMeasuredPullConsumersAreSteered holds what wrapping says of others.
func TestOnlyMeasuredPullConsumersAreSteered(t *testing.T) {
	if _, err := (&steer.Hold{}).PullConsumer(nil); !errors.Is(err, steer.ErrUnmeasured) {
		t.Errorf("got %v, want %v", err, steer.ErrUnmeasured)
	}
}
