package agent

import (
	"context"
	"io"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/weirmq/weir/control"
	"github.com/weirmq/weir/sdk/internal/meter"
	"github.com/weirmq/weir/sdk/internal/reported"
	"github.com/weirmq/weir/sdk/report"
)

// countedContext counts who waits for its end.
type countedContext struct {
	context.Context
	done    chan struct{}
	waiting atomic.Int64
}

func (c *countedContext) Done() <-chan struct{} { return c.done }
func (c *countedContext) Value(any) any         { return nil }
func (c *countedContext) AfterFunc(func()) func() bool {
	c.waiting.Add(1)
	return func() bool { c.waiting.Add(-1); return true }
}

// TestClosedClientsAreForgotten holds that an agent keeps nothing of clients that are closed, however many a program opens and closes.
func TestClosedClientsAreForgotten(t *testing.T) {
	t.Parallel()
	telemetry, err := report.Open(report.Config{TelemetryBrokers: []string{"127.0.0.1:1"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = telemetry.Close(t.Context()) })
	a, err := newAgent(t.Context(), Config{Telemetry: telemetry, Enabled: allEnabled, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.stop)
	counted := &countedContext{Context: t.Context(), done: make(chan struct{})}
	a.ctx = counted
	for range 3 {
		client := reported.Dial(t, []string{"127.0.0.1:1"})
		if err := a.Bind(client); err != nil {
			t.Fatal(err)
		}
		client.Close()
	}
	a.done.Wait()
	if got := counted.waiting.Load(); got != 0 || len(a.commands.Clients()) != 0 {
		t.Errorf("%d closed clients wait for the agent's end, and commands know of %d", got, len(a.commands.Clients()))
	}
}

// TestNothingIsHeldWhenTheAgentsContextEnds holds that clients are let go, that what reports were asked is taken back, and that nobody reads
// on, when the context that Open was given ends and nobody closes the agent. A client of RocketMQ is added as this one is: nothing of its own
// looks at that context.
func TestNothingIsHeldWhenTheAgentsContextEnds(t *testing.T) {
	t.Parallel()
	s := newShop(t, "orders")
	telemetry, err := report.Open(report.Config{TelemetryBrokers: s.addrs, Interval: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = telemetry.Close(context.Background()) })
	ctx, end := context.WithCancel(t.Context())
	a, err := Open(ctx, Config{Telemetry: telemetry, Enabled: allEnabled, Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		t.Fatal(err)
	}
	add := func() interface {
		Share(string, time.Time) float64
	} {
		measured := telemetry.Registry().NewClient(meter.Identity{System: "rocketmq", Group: "billing"}, nil)
		measured.Started("billing-1", "billing")
		client := a.Commands().NewClient(measured, func() []string { return []string{"orders"} }).HoldsWhole("it holds whole topics")
		a.Commands().Add(client)
		return client
	}
	client := add()
	s.put(command("hold", "orders", pause))
	s.put(command("often", "", func(c *control.Command) {
		c.Everywhere, c.ReportInterval = true, &control.ReportInterval{Seconds: 1}
	}))
	reported.Eventually(t, "it is held", func() bool {
		return client.Share("orders", time.Now()) == 0 && telemetry.Registry().Interval(time.Minute) == time.Second
	})
	end()
	reported.Eventually(t, "it is let go", func() bool {
		return client.Share("orders", time.Now()) == 1 && len(a.Commands().Clients()) == 0 && telemetry.Registry().Interval(time.Minute) == time.Minute
	})
	late := add()
	a.refresh(time.Now())
	if late.Share("orders", time.Now()) != 1 || len(a.Commands().Clients()) != 0 {
		t.Error("a client that is added later is held, and nobody would let it go")
	}
	if err := a.Close(t.Context()); err != nil {
		t.Error(err)
	}
}
