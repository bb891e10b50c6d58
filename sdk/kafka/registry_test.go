package kafka

import (
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/sdk/internal/meter"
	"github.com/weirmq/weir/sdk/internal/reported"
	"github.com/weirmq/weir/sdk/report"
	"github.com/weirmq/weir/telemetry"
)

// clientsHeld is how many clients a Reporter reports, and so keeps in memory.
func clientsHeld(r *report.Reporter) uint64 { return uint64(len(r.Registry().Clients())) }

// TestHooksWithoutAClientAreNotHeld holds that hooks which kgo.NewClient refused, or
// that came after Close, are garbage.
func TestHooksWithoutAClientAreNotHeld(t *testing.T) {
	c := open(t, []string{nowhere}, report.Config{})
	if _, err := kgo.NewClient(kgo.WithHooks(NewHooks(c)), kgo.SeedBrokers()); err == nil {
		t.Fatal("kgo.NewClient takes no address")
	}
	reported.Want(t, "clients held that were never made", clientsHeld(c), 0)
	closeNow(c)
	reported.Dial(t, []string{nowhere}, Opts(c)...)
	reported.Want(t, "clients held after Close", clientsHeld(c), 0)
}

// TestHooksServeAnotherClient gives the hooks of a closed client to a new one, as a
// program does that keeps its options and connects again.
func TestHooksServeAnotherClient(t *testing.T) {
	c := openOffline(t, report.Config{})
	h := NewHooks(c)
	orders := reported.Series{Op: meter.OpSend, Topic: "orders"}
	first := reported.Dial(t, []string{nowhere}, kgo.WithHooks(h), kgo.ClientID("first"))
	h.OnProduceRecordUnbuffered(&kgo.Record{Topic: "orders"}, nil)
	first.Close()
	taken(h)
	second := reported.Dial(t, []string{nowhere}, kgo.WithHooks(h), kgo.ClientID("second"))
	h.OnClientClosed(first) // once more, late
	now := time.Now().UnixMilli()
	if got := h.measured.ClosedFor(now); got != 0 {
		t.Errorf("the hooks of an open client are closed for %s", got)
	}
	c.Registry().ForgetSpent(now + time.Hour.Milliseconds())
	reported.Want(t, "clients held that are open", clientsHeld(c), 1)
	if events := taken(h)[orders].Events; len(events) != 1 || events[0].Kind != telemetry.EventStarted {
		t.Errorf("the topic's next report has events %v: want started", events)
	}
	second.Close()
	if h.measured.ClosedFor(now+time.Second.Milliseconds()) == 0 {
		t.Error("the hooks of the second client are open after its Close")
	}
}
