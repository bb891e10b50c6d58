package agent

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/sdk/internal/reported"
	"github.com/weirmq/weir/sdk/report"
)

// toKafka is a log whose lines are sent to a topic, and waited for.
type toKafka struct {
	slog.Handler
	through atomic.Pointer[Producer]
	sent    atomic.Int64
}

func (h *toKafka) Enabled(context.Context, slog.Level) bool { return true }

func (h *toKafka) Handle(ctx context.Context, of slog.Record) error {
	p := h.through.Load()
	if p == nil {
		return nil
	}
	err := p.ProduceSync(ctx, &kgo.Record{Topic: "logs", Value: []byte(of.Message)}).FirstErr()
	if err == nil {
		h.sent.Add(1)
	}
	return err
}

// TestALogMayBeSentThroughWhatIsSteered has what the agent says of commands be sent through the client that they are for, to a topic that a command limits,
// too: commands apply and end all the same.
func TestALogMayBeSentThroughWhatIsSteered(t *testing.T) {
	t.Parallel()
	s := newShop(t, "orders", "logs")
	log := &toKafka{}
	a := s.open(Config{Enabled: allEnabled, Log: slog.New(log)}, report.Config{})
	producer := a.Producer(reported.Dial(t, s.addrs, kgo.ProducerLinger(0)))
	if err := producer.ProduceSync(t.Context(), &kgo.Record{Topic: "orders", Value: []byte("one")}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	log.through.Store(producer)
	s.put(command("slow-orders", "orders", limit(5)))
	reported.Eventually(t, "what is said of the limit is sent", func() bool { return log.sent.Load() == 1 && applies(a, "slow-orders") })
	s.put(command("slow-logs", "logs", limit(1)))
	reported.Eventually(t, "the log is limited", func() bool { return applies(a, "slow-logs") })
	s.take("slow-orders")
	reported.Eventually(t, "a command ends while the log waits", func() bool { return !applies(a, "slow-orders") })
	s.take("slow-logs")
	reported.Eventually(t, "all is sent", func() bool { return log.sent.Load() == 4 })
}

// standing is a log that takes lines when it may, and panics at one.
type standing struct {
	slog.Handler
	may   chan struct{}
	mu    sync.Mutex
	lines []string
}

func (h *standing) Enabled(context.Context, slog.Level) bool { return true }

func (h *standing) Handle(_ context.Context, of slog.Record) error {
	<-h.may
	if of.Message == "0" {
		panic("the program's own")
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	text := of.Message
	of.Attrs(func(a slog.Attr) bool { text += " " + a.String(); return true })
	h.lines = append(h.lines, text)
	return nil
}

// TestALogThatStandsStillHoldsNothingUp holds that lines wait up to a bound, that what found no room is told of, and that what waits is handed over at the end.
func TestALogThatStandsStillHoldsNothingUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &standing{may: make(chan struct{})}
		by := logAside(slog.New(log))
		ctx, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { by.run(ctx) })
		for i := range maxLines + 4 {
			slog.New(by).Info(fmt.Sprint(i))
			synctest.Wait() // the first is in hand
		}
		close(log.may)
		synctest.Wait()
		slog.New(by).Info("last")
		stop()
		running.Wait()
		want := []string{"the log was too slow: some of what the agent said is left out lines=3"}
		for i := range maxLines {
			want = append(want, fmt.Sprint(i+1))
		}
		if want = append(want, "last"); fmt.Sprint(log.lines) != fmt.Sprint(want) {
			t.Errorf("got %d lines: %v, want %d", len(log.lines), log.lines, len(want))
		}
	})
}
