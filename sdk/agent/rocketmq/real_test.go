package rocketmq_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"sync"
	"testing"
	"time"

	rmq "github.com/apache/rocketmq-client-go/v2"
	rmqconsumer "github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"

	"github.com/weirmq/weir/control"
	"github.com/weirmq/weir/sdk/agent"
	steer "github.com/weirmq/weir/sdk/agent/rocketmq"
	"github.com/weirmq/weir/sdk/internal/reported"
	measure "github.com/weirmq/weir/sdk/rocketmq"
)

// TestOnRocketMQ steers clients of a real RocketMQ. Messages in order are not among them: the library's consumer of those has races of
// its own; what is added to it is the handler that holds back, which TestHandlers has.
func TestOnRocketMQ(t *testing.T) {
	t.Parallel()
	s := startShop(t, "orders", "returns", "limited", "sized", "apart", "pulled", "%RETRY%billing", "%RETRY%later")
	p := s.producer()
	t.Run("a pause holds one topic, and ends at once", func(t *testing.T) { s.T = t; pausedTopic(s, p) })
	t.Run("a pause holds one queue", func(t *testing.T) { s.T = t; pausedQueue(s, p) })
	t.Run("a pull consumer is paused", func(t *testing.T) { s.T = t; pausedPulls(s, p) })
	t.Run("pulls of single queues are paused", func(t *testing.T) { s.T = t; pausedPullsByHand(s, p) })
	t.Run("sends wait, and large ones are refused", func(t *testing.T) { s.T = t; limitedSends(s, p) })
	t.Run("bodies travel compressed, and any client reads them", func(t *testing.T) { s.T = t; compressedBodies(s, p) })
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

// pausedQueue holds that a queue is held while more of it waits than the consumer has handlers, and another queue of the topic is handled. Each message
// is counted once.
func pausedQueue(s *shop, p rmq.Producer) {
	const held, handlers = 1, 2
	hold, group := steer.NewHold(s.agent), "apart"
	plain, err := rmq.NewPushConsumer(append([]rmqconsumer.Option{rmqconsumer.WithNsResolver(s.resolver), rmqconsumer.WithGroupName(group), rmqconsumer.WithInstance(group),
		rmqconsumer.WithConsumeFromWhere(rmqconsumer.ConsumeFromFirstOffset)}, hold.Options(handlers, nil)...)...)
	if err != nil {
		s.Fatal(err)
	}
	c, err := hold.PushConsumer(measure.WrapPushConsumer(s.telemetry, keptOpen{plain}, group, measure.Instance(group)))
	if err != nil {
		s.Fatal(err)
	}
	var mu sync.Mutex
	queues, running, most := map[int]int{}, 0, 0
	of := func(queue int) int { mu.Lock(); defer mu.Unlock(); return queues[queue] }
	if err := c.Subscribe("apart", rmqconsumer.MessageSelector{}, func(_ context.Context, messages ...*primitive.MessageExt) (rmqconsumer.ConsumeResult, error) {
		mu.Lock()
		running++
		most = max(most, running)
		queues[messages[0].Queue.QueueId]++
		mu.Unlock()
		<-time.NewTimer(time.Millisecond).C
		mu.Lock()
		running--
		mu.Unlock()
		return rmqconsumer.ConsumeSuccess, nil
	}); err != nil {
		s.Fatal(err)
	}
	s.put("pause-one", "apart", func(c *control.Command) {
		c.Scope.Partitions = []int32{held}
		pause(0)(c)
	})
	if err := c.Start(); err != nil {
		s.Fatal(err)
	}
	sent := map[int]int{}
	for range 200 {
		result, err := p.SendSync(s.Context(), primitive.NewMessage("apart", []byte("message")))
		if err != nil {
			s.Fatal(err)
		}
		sent[result.MessageQueue.QueueId]++
	}
	reported.Eventually(s, "the other queue is handled", func() bool { return of(1-held) == sent[1-held] })
	if of(held) != 0 {
		s.Errorf("%d messages of the queue are handled that is paused", of(held))
	}
	s.write("pause-one", nil)
	reported.Eventually(s, "what waited is handled", func() bool { return of(held) == sent[held] })
	if mu.Lock(); most > handlers {
		s.Errorf("%d handlers run at once, want at most %d", most, handlers)
	}
	mu.Unlock()
	reported.Eventually(s, "each message is reported as received once", func() bool { return s.consumed("apart", "") == 200 })
	if err := c.Shutdown(); err != nil {
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

// compressedBodies holds that a command has bodies compressed which the library would send as they are, that a client which knows nothing of
// commands reads them, and that the program has its messages back as they were.
func compressedBodies(s *shop, p rmq.Producer) {
	plain, err := rmq.NewPushConsumer(rmqconsumer.WithNsResolver(s.resolver), rmqconsumer.WithGroupName("plain"), rmqconsumer.WithInstance("plain"),
		rmqconsumer.WithConsumeFromWhere(rmqconsumer.ConsumeFromFirstOffset))
	if err != nil {
		s.Fatal(err)
	}
	var mu sync.Mutex
	got := map[string]*primitive.MessageExt{} // by body
	if err := plain.Subscribe("sized", rmqconsumer.MessageSelector{}, func(_ context.Context, messages ...*primitive.MessageExt) (rmqconsumer.ConsumeResult, error) {
		mu.Lock()
		defer mu.Unlock()
		for _, m := range messages {
			got[string(m.Body)] = m
		}
		return rmqconsumer.ConsumeSuccess, nil
	}); err != nil {
		s.Fatal(err)
	}
	s.send(p, "sized", 1)
	s.put("compress", "sized", func(c *control.Command) { c.LargeMessages = &control.LargeMessages{CompressBytes: 1500} })
	noise := make([]byte, 3000)
	_, _ = rand.Read(noise) // never fails
	text := func(word string) []byte { return bytes.Repeat([]byte(word), 3000/len(word)) }
	alone, after, async := primitive.NewMessage("sized", text("order ")), primitive.NewMessage("sized", text("x")), primitive.NewMessage("sized", text("later "))
	called := make(chan error, 1)
	for what, send := range map[string]func() error{
		"text": func() error { _, err := p.SendSync(s.Context(), alone); return err },
		"text that nobody waits for": func() error {
			return p.SendAsync(s.Context(), func(_ context.Context, _ *primitive.SendResult, err error) { called <- err }, async)
		},
		"noise": func() error { _, err := p.SendSync(s.Context(), primitive.NewMessage("sized", noise)); return err },
		"a batch": func() error {
			_, err := p.SendSync(s.Context(), primitive.NewMessage("sized", text("first ")), primitive.NewMessage("sized", text("second ")))
			return err
		},
	} {
		if err := send(); err != nil {
			s.Errorf("%s: %v", what, err)
		}
	}
	if err := <-called; err != nil {
		s.Error(err)
	}
	if alone.Compress || alone.CompressedBody != nil || async.Compress {
		s.Error("the program's message is left compressed: sent again with another body, it would have the former one")
	}
	s.write("compress", nil)
	reported.Eventually(s, "nothing is compressed any more", func() bool { return !s.applies("compress") })
	if _, err := p.SendSync(s.Context(), after); err != nil {
		s.Error(err)
	}
	if err := plain.Start(); err != nil {
		s.Fatal(err)
	}
	want := map[string]bool{"order ": true, "later ": true, "first ": false, "second ": false, "x": false}
	reported.Eventually(s, "all are read", func() bool { mu.Lock(); defer mu.Unlock(); return len(got) == 1+len(want)+1 })
	mu.Lock()
	defer mu.Unlock()
	for word, compressed := range want {
		m := got[string(text(word))]
		if m == nil {
			s.Errorf("%q does not come as it was sent", word)
			continue
		}
		if is := m.SysFlag&primitive.FlagCompressed != 0; is != compressed || is != (m.StoreSize < 1000) {
			s.Errorf("%q travels with %d bytes, compressed: %t; want %t", word, m.StoreSize, is, compressed)
		}
	}
	if m := got[string(noise)]; m == nil || m.SysFlag&primitive.FlagCompressed != 0 {
		s.Error("noise is compressed, or does not come")
	}
	told := uint64(0)
	for _, client := range s.agent.State().Clients {
		told += client.Compressed
	}
	if told != 2 {
		s.Errorf("%d messages are told to be compressed, want 2", told)
	}
}
