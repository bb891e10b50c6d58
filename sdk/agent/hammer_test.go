package agent

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/control"
	"github.com/weirmq/weir/sdk/internal/applied"
	"github.com/weirmq/weir/sdk/internal/reported"
	"github.com/weirmq/weir/sdk/report"
)

// TestNothingIsLostWhileCommandsComeAndGo sends and consumes from many goroutines while pauses, limits and sizes come, change and go: each
// promise is called once, what was sent is consumed, once and as it was, and nothing is left when all is taken away.
func TestNothingIsLostWhileCommandsComeAndGo(t *testing.T) {
	t.Parallel()
	const senders, each = 8, 40
	s := newShop(t, "orders")
	a := s.open(Config{Enabled: allEnabled}, report.Config{})
	c := s.consume(a, kgo.ConsumeTopics("orders"), kgo.ConsumerGroup("billing"))
	producer := a.Producer(reported.Dial(t, s.addrs))
	var promised, sent, limited atomic.Int64
	var sending sync.WaitGroup
	for sender := range senders {
		sending.Go(func() {
			for i := range each {
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(1+i%5)*40*time.Millisecond)
				r := &kgo.Record{Topic: "orders", Value: fmt.Appendf(nil, "%d-%d %*d", sender, i, 100*(i%30), 0)}
				done := make(chan struct{})
				producer.Produce(ctx, r, func(_ *kgo.Record, err error) {
					promised.Add(1)
					switch {
					case err == nil:
						sent.Add(1)
					case errors.Is(err, ErrSendLimited):
						limited.Add(1)
					case !errors.Is(err, context.DeadlineExceeded): // while it was sent
						t.Error(err)
					}
					close(done)
				})
				<-done
				cancel()
			}
		})
	}
	commands := []control.Command{command("pause", "orders", pause), command("limit", "orders", limit(3)),
		command("sizes", "orders", func(c *control.Command) {
			c.LargeMessages = &control.LargeMessages{FlagBytes: 1024, CompressBytes: 1500}
		})}
	changing := make(chan struct{})
	var changes sync.WaitGroup
	changes.Go(func() {
		tick := time.NewTicker(30 * time.Millisecond)
		defer tick.Stop()
		for i := 0; ; i++ {
			select {
			case <-changing:
				return
			case <-tick.C:
			}
			if one := commands[i%len(commands)]; i%2 == 0 {
				s.put(one)
			} else {
				s.take(one.Name)
			}
		}
	})
	sending.Wait()
	close(changing)
	changes.Wait()
	for _, one := range commands {
		s.take(one.Name)
	}
	if got := promised.Load(); got != senders*each {
		t.Errorf("%d promises are called of %d sends", got, senders*each)
	}
	reported.Eventually(t, "what was sent is consumed", func() bool { return int64(c.distinct()) >= sent.Load() })
	if got := c.count(); int64(got) < sent.Load() || got != c.distinct() {
		t.Errorf("%d messages are consumed, %d different ones, of %d that were sent", got, c.distinct(), sent.Load())
	}
	reported.Eventually(t, "nothing is left", func() bool {
		client := producer.bound.client
		return len(c.client.PauseFetchTopics()) == 0 && !client.SendsTouched("orders") && len(client.Applies()) == 0
	})
	for _, value := range c.values {
		if len(value) > 0 && value[0] > '9' {
			t.Errorf("%.20q is given: want it without %s", value, applied.EncodingHeader)
		}
	}
	t.Logf("%d were sent, %d not for a limit, %d compressed", sent.Load(), limited.Load(), producer.bound.client.Counts().Compressed)
}
