package rocketmq_test

import (
	"context"
	"errors"
	"testing"
	"time"

	rmq "github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/primitive"

	"github.com/weirmq/weir/control"
	"github.com/weirmq/weir/sdk/agent"
	"github.com/weirmq/weir/sdk/internal/reported"
)

// TestOnRocketMQ steers clients of a real RocketMQ. Messages in order are not among them: the library's consumer of those has races of
// its own; what is added to it is the handler that holds back, which TestHandlers has.
func TestOnRocketMQ(t *testing.T) {
	t.Parallel()
	s := startShop(t, "orders", "returns", "limited", "%RETRY%billing", "%RETRY%later")
	p := s.producer()
	t.Run("a pause holds one topic, and ends at once", func(t *testing.T) { s.T = t; pausedTopic(s, p) })
	t.Run("sends wait, and large ones are refused", func(t *testing.T) { s.T = t; limitedSends(s, p) })
}

func pausedTopic(s *shop, p rmq.Producer) {
	c := s.receiver("billing", "orders", "returns")
	s.send(p, "orders", 10)
	reported.Eventually(s, "messages are handled", func() bool { return c.of("orders") == 10 })
	s.put("pause-orders", "orders", pause(0))
	held := c.of("orders")
	s.send(p, "orders", 50)
	s.send(p, "returns", 20)
	reported.Eventually(s, "the other topic is handled", func() bool { return c.of("returns") == 20 })
	if got := c.of("orders"); got != held {
		s.Errorf("%d messages of the paused topic are handled", got-held)
	}
	reported.Eventually(s, "the pause is reported", func() bool { return s.paused("orders") })
	began := time.Now()
	s.write("pause-orders", nil)
	reported.Eventually(s, "what waited is handled", func() bool { return c.of("orders") == 60 })
	took := time.Since(began)
	s.Logf("the backlog of 50 messages is handled %s after the pause was taken away", took.Round(time.Millisecond))
	if took > 10*time.Second { // the library's own Resume takes up to 30 s
		s.Errorf("a pause takes %s to end", took)
	}
	s.put("pause-orders", "orders", pause(3))
	s.send(p, "orders", 100)
	s.write("pause-orders", nil)
	reported.Eventually(s, "what waited is handled", func() bool { return c.of("orders") == 160 })
	s.put("pause-orders", "orders", pause(0))
	s.send(p, "orders", 20)
	if err := c.Shutdown(); err != nil {
		s.Fatal(err)
	}
	s.write("pause-orders", nil)
	later := s.receiver("later", "orders") // a group of its own, which has all when the others could have had theirs
	reported.Eventually(s, "another group handles all", func() bool { return later.of("orders") == 180 })
	if got := c.of("orders"); got != 160 {
		s.Errorf("%d messages are handled by a consumer that was shut down while they were held", got-160)
	}
	if err := later.Shutdown(); err != nil {
		s.Error(err)
	}
}

func limitedSends(s *shop, p rmq.Producer) {
	s.send(p, "limited", 1)
	s.put("slow", "limited", func(c *control.Command) { c.SendLimit = &control.SendLimit{MessagesPerSecond: 20, ColdFactor: 1} })
	began := time.Now()
	s.send(p, "limited", 11)
	if took := time.Since(began); took < 9*time.Second/20 { // the first may come a little late for its permit
		s.Errorf("11 messages at 20 per second took %s", took)
	}
	s.put("slow", "limited", func(c *control.Command) { c.SendLimit = &control.SendLimit{MessagesPerSecond: 1, ColdFactor: 1} })
	reported.Eventually(s, "a send that cannot wait says so", func() bool {
		ctx, cancel := context.WithTimeout(s.Context(), 20*time.Millisecond)
		defer cancel()
		_, err := p.SendSync(ctx, primitive.NewMessage("limited", []byte("one")))
		return errors.Is(err, agent.ErrSendLimited) && errors.Is(err, context.DeadlineExceeded)
	})
	s.write("slow", nil)
	s.put("sizes", "limited", func(c *control.Command) { c.LargeMessages = &control.LargeMessages{RefuseBytes: 20_000} })
	reported.Eventually(s, "the limit is lifted", func() bool { return !s.applies("slow") })
	for what, send := range map[string]func(*primitive.Message) error{
		"SendSync":   func(m *primitive.Message) error { _, err := p.SendSync(s.Context(), m); return err },
		"SendOneWay": func(m *primitive.Message) error { return p.SendOneWay(s.Context(), m) },
		"SendAsync": func(m *primitive.Message) error {
			return p.SendAsync(s.Context(), func(context.Context, *primitive.SendResult, error) {}, m)
		},
		"Request":      func(m *primitive.Message) error { _, err := p.Request(s.Context(), time.Second, m); return err },
		"RequestAsync": func(m *primitive.Message) error { return p.RequestAsync(s.Context(), time.Second, nil, m) },
	} {
		if err := send(primitive.NewMessage("limited", make([]byte, 20_001))); !errors.Is(err, agent.ErrTooLarge) {
			s.Errorf("%s of a message that is too large: %v", what, err)
		}
	}
	s.send(p, "limited", 3)
}
