package weir

import (
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/telemetry"
)

// hooksHeld is how many Hooks a Client reports, and so keeps in memory.
func hooksHeld(c *Client) uint64 { return uint64(len(c.snapshot())) }

// TestClosedClientsAreForgotten opens and closes many clients on one Client.
func TestClosedClientsAreForgotten(t *testing.T) {
	const clients = 100
	_, reports := startClusters(t)
	c := open(t, reports, Config{Interval: maxInterval})
	for range clients {
		h := c.Hooks()
		client := dial(t, []string{nowhere}, kgo.WithHooks(h))
		h.OnProduceRecordUnbuffered(&kgo.Record{Topic: "orders"}, nil)
		client.Close()
	}
	now := time.Now().UnixMilli()
	want(t, "hooks held right after", hooksHeld(c), clients)
	c.forgetSpent(now + 2*forgetAfter.Milliseconds())
	want(t, "hooks held with something to report", hooksHeld(c), clients)
	c.sendAll(due)
	eventually(t, "all is acknowledged", func() bool { return c.Stats().Waiting == 0 })
	c.forgetSpent(now)
	want(t, "hooks held whose handlers may be at work", hooksHeld(c), clients)
	c.forgetSpent(now + 2*forgetAfter.Milliseconds())
	want(t, "hooks held at last", hooksHeld(c), 0)
	mustClose(t, c)
	want(t, "messages", sum(readReports(t, reports), seriesOf{}).Messages, clients)
}

// TestClosedClientsAreForgottenInAnOutage holds that counts which cannot be reported
// keep their hooks for as long as one report can say, and then count as dropped.
func TestClosedClientsAreForgottenInAnOutage(t *testing.T) {
	c := offlineClient(t, Config{MaxBufferedReports: 1})
	c.waiting.Store(1)
	h := c.Hooks()
	client := dial(t, []string{nowhere}, kgo.WithHooks(h))
	h.OnProduceRecordUnbuffered(&kgo.Record{Topic: "orders"}, nil)
	client.Close()
	now := time.Now().UnixMilli()
	c.sendAll(due)
	c.forgetSpent(now + keepAtMost.Milliseconds() - 1000)
	want(t, "hooks held in the outage", hooksHeld(c), 1)
	c.forgetSpent(now + keepAtMost.Milliseconds() + 1000)
	want(t, "hooks held after ten minutes of it", hooksHeld(c), 0)
	want(t, "dropped", c.Stats().Dropped, 1)
}

// TestReportsUnderWayKeepTheirHooks holds that a report that is refused in the end is
// told of by a later one.
func TestReportsUnderWayKeepTheirHooks(t *testing.T) {
	c := offlineClient(t, Config{})
	h := c.Hooks()
	client := dial(t, []string{nowhere}, kgo.WithHooks(h))
	h.OnProduceRecordUnbuffered(&kgo.Record{Topic: "orders"}, nil)
	client.Close()
	c.sendAll(due)
	c.forgetSpent(time.Now().UnixMilli() + 2*forgetAfter.Milliseconds())
	want(t, "hooks held while their report is under way", hooksHeld(c), 1)
}

// TestHooksWithoutAClientAreNotHeld holds that hooks which kgo.NewClient refused, or
// that came after Close, are garbage.
func TestHooksWithoutAClientAreNotHeld(t *testing.T) {
	c := open(t, []string{nowhere}, Config{})
	if _, err := kgo.NewClient(kgo.WithHooks(c.Hooks()), kgo.SeedBrokers()); err == nil {
		t.Fatal("kgo.NewClient takes no address")
	}
	want(t, "hooks held of a client that was never made", hooksHeld(c), 0)
	closeNow(c)
	dial(t, []string{nowhere}, kgo.WithHooks(c.Hooks()))
	want(t, "hooks held after Close", hooksHeld(c), 0)
}

// TestHooksServeAnotherClient gives the hooks of a closed client to a new one, as a
// program does that keeps its options and connects again.
func TestHooksServeAnotherClient(t *testing.T) {
	c := offlineClient(t, Config{})
	h := c.Hooks()
	m := h.meter(&h.sends, "orders")
	first := dial(t, []string{nowhere}, kgo.WithHooks(h), kgo.ClientID("first"))
	first.Close()
	c.sendAll(due)
	second := dial(t, []string{nowhere}, kgo.WithHooks(h), kgo.ClientID("second"))
	h.OnClientClosed(first) // once more, late
	now := time.Now().UnixMilli()
	if got := h.closedFor(now); got != 0 {
		t.Errorf("the hooks of an open client are closed for %s", got)
	}
	c.forgetSpent(now + time.Hour.Milliseconds())
	want(t, "hooks held of an open client", hooksHeld(c), 1)
	if len(m.events) != 1 || m.events[0].Kind != telemetry.EventStarted {
		t.Errorf("the topic's next report has events %v: want started", m.events)
	}
	second.Close()
	if h.closedFor(now+time.Second.Milliseconds()) == 0 {
		t.Error("the hooks of the second client are open after its Close")
	}
}
