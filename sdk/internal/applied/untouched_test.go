package applied

import (
	"fmt"
	"testing"

	"github.com/weirmq/weir/control"
)

// TestTopicsBeyondTheBound holds that what is known of topics is bounded, that commands which name no topic are for those beyond as for all,
// that others are not, and that Weir's own are exempt there, too.
func TestTopicsBeyondTheBound(t *testing.T) {
	t.Parallel()
	g := newGround(t, control.CapabilitySendLimit, control.CapabilityLargeMessages)
	for i := range maxTopics + 100 {
		if g.client.SendsTouched(fmt.Sprintf("topic-%d", i)) {
			t.Fatalf("topic %d is limited before there is a command", i)
		}
	}
	if got := len(g.client.senders); got != maxTopics {
		t.Errorf("%d topics are known, want %d", got, maxTopics)
	}
	g.feed(command("topic", control.Scope{Topic: "beyond"}, func(c *control.Command) { c.LargeMessages = &control.LargeMessages{RefuseBytes: 20_000} }))
	if _, err := g.client.Fit("other", 1<<20); err != nil {
		t.Errorf("what is asked of one topic beyond is asked of another: %v", err)
	}
	g.feed(commandFor(control.CapabilitySendLimit))
	for i := range maxTopics + 100 {
		if !g.client.SendsTouched(fmt.Sprintf("topic-%d", i)) {
			t.Fatalf("topic %d is not limited", i)
		}
	}
	_ = g.client.AdmitNow("beyond", 1) // takes what is free
	for topic, limited := range map[string]bool{"beyond": true, "\x00": true, "topic-1": true, "weir.telemetry": false} {
		if err := g.client.AdmitNow(topic, 1); (err != nil) != limited {
			t.Errorf("%q: %v; limited should be %t", topic, err, limited)
		}
	}
	g.record(control.CommandKey("ask"), nil)
	g.refresh()
	if g.client.SendsTouched("beyond") || g.client.SendsTouched("topic-1") {
		t.Error("topics are limited when the command was taken away")
	}
}

// BenchmarkUntouched is what a message costs while no command is about it.
func BenchmarkUntouched(b *testing.B) {
	g := newGround(&testing.T{}, control.CapabilitySendLimit)
	b.ReportAllocs()
	for b.Loop() {
		if g.client.SendsTouched("orders") {
			b.Fatal("something is about it")
		}
	}
}

// TestUntouchedAllocatesNothing holds that a message which no command is about, and one that is let through at once, make no garbage.
func TestUntouchedAllocatesNothing(t *testing.T) {
	g := newGround(t, control.CapabilitySendLimit)
	g.client.SendsTouched("orders")
	g.client.SendsTouched("returns")
	if got := testing.AllocsPerRun(1000, func() { _ = g.client.SendsTouched("orders") || g.client.SendsTouched("returns") }); got != 0 {
		t.Errorf("%g allocations of a message that no command is about", got)
	}
	c := commandFor(control.CapabilitySendLimit)
	c.SendLimit.MessagesPerSecond = control.MaxMessagesPerSecond
	g.feed(c)
	if got := testing.AllocsPerRun(1000, func() {
		if err := g.client.Admit(t.Context(), "orders", 1); err != nil {
			t.Fatal(err)
		}
	}); got != 0 {
		t.Errorf("%g allocations of a message that is let through", got)
	}
}
