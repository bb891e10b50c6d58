package applied

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/weirmq/weir/control"
)

func resume(c *control.Command) { c.Resume = &control.Resume{} }

// heldOf are the partitions of orders, of so many, that are held now.
func (g *ground) heldOf(count int32) []int32 {
	var out []int32
	for _, partition := range g.client.HeldNamed("orders", count) {
		if g.held("orders", partition) {
			out = append(out, partition)
		}
	}
	return out
}

// TestTheNarrowestPauseCounts holds which partitions are held when commands compete, and after they are gone.
func TestTheNarrowestPauseCounts(t *testing.T) {
	t.Parallel()
	g := newGround(t, control.CapabilityPause)
	all := []int32{0, 1, 2, 3}
	want := func(what string, expected ...int32) {
		t.Helper()
		if got := g.heldOf(4); !slices.Equal(got, expected) {
			t.Errorf("%s: partitions %v are held, want %v", what, got, expected)
		}
	}
	g.feed(command("all", control.Scope{Topic: "orders"}, pause))
	want("the topic is paused", all...)
	if !g.client.HeldWhole("orders") {
		t.Error("the topic is not held as a whole")
	}
	g.feed(command("but-two", control.Scope{Topic: "orders", Partitions: []int32{1, 3}}, resume))
	want("two partitions are taken out", 0, 2)
	g.feed(command("but-one", control.Scope{Topic: "orders", Group: "billing", Partitions: []int32{3}}, pause))
	want("one of them is paused by a narrower command", 0, 2, 3)
	g.record(control.CommandKey("all"), nil)
	g.refresh()
	want("the wide pause is gone", 3)
	g.record(control.CommandKey("but-one"), nil)
	g.refresh()
	want("the narrow pause is gone")
	g.feed(command("group", control.Scope{Group: "billing"}, pause), command("not-orders", control.Scope{Topic: "orders", Group: "billing"}, resume))
	want("another topic of the group is paused")
	if !g.held("returns", 0) {
		t.Error("the group's other topic is not held")
	}
	g.record(control.CommandKey("not-orders"), nil)
	g.refresh()
	want("the resume of the topic is gone, and that of two partitions is narrower than the group", 0, 2)
}

// TestEachPartitionIsDueWithinTheRamp holds it also for a topic whose partitions are not known, which is let go as one.
func TestEachPartitionIsDueWithinTheRamp(t *testing.T) {
	t.Parallel()
	const ramp = 30 * time.Second
	for i := range 100 {
		r := release{command: fmt.Sprintf("pause-%d", i), from: time.Now(), ramp: ramp}
		for _, partition := range []int32{control.AllPartitions, 0, 7} {
			if due := r.due("orders", partition); due.Before(r.from) || !due.Before(r.from.Add(ramp)) {
				t.Errorf("%s: partition %d is due %s after the beginning of a ramp of %s", r.command, partition, due.Sub(r.from), ramp)
			}
		}
	}
}

// TestAReleaseIsAnEvenRamp holds how many partitions are let go by each time, that each keeps its place, and that a new pause holds them all again.
func TestAReleaseIsAnEvenRamp(t *testing.T) {
	t.Parallel()
	const partitions, ramp = 60, 30
	for what, end := range map[string]func(*ground, *control.Command){
		"taken away": func(g *ground, c *control.Command) { g.record(c.Key(), nil); g.refresh() },
		"ended": func(g *ground, c *control.Command) {
			c.Revision, c.Ended = 2, &control.Ended{Author: "li", Reason: "done", At: time.Now()}
			g.feed(*c)
		},
		"expired": func(g *ground, c *control.Command) { pass(time.Until(c.ExpiresAt)); g.refresh() },
	} {
		synctest.Test(t, func(t *testing.T) {
			g := newGround(t, control.CapabilityPause)
			c := command("pause-orders", control.Scope{Topic: "orders"}, pause)
			c.Release.RampSeconds = ramp
			g.feed(c)
			end(g, &c)
			before := g.heldOf(partitions)
			for second := range ramp + 1 {
				held := g.heldOf(partitions)
				if want := partitions * (1 - float64(second)/ramp); math.Abs(float64(len(held))-want) > 3 {
					t.Errorf("%s: %d s after, %d of %d partitions are held, want about %.0f", what, second, len(held), partitions, want)
				}
				for _, partition := range held {
					if !slices.Contains(before, partition) {
						t.Errorf("%s: partition %d is held again", what, partition)
					}
				}
				if got, want := g.client.Share("orders", time.Now()), max(float64(second)/ramp, smallestShare); math.Abs(got-want) > 1e-6 {
					t.Errorf("%s: %d s after, a share of %g is let through, want %g", what, second, got, want)
				}
				before = held
				pass(time.Second)
			}
			if g.refresh(); len(g.client.Holds()) != 0 {
				t.Errorf("%s: after the ramp something is held of %v", what, g.client.Holds())
			}
		})
	}
	synctest.Test(t, func(t *testing.T) {
		g := newGround(t, control.CapabilityPause)
		c := command("pause-orders", control.Scope{Topic: "orders"}, pause)
		c.Release.RampSeconds = ramp
		g.feed(c)
		g.record(c.Key(), nil)
		g.refresh()
		pass(ramp / 2 * time.Second)
		c.Revision = 3
		g.feed(c)
		if got := g.heldOf(partitions); len(got) != partitions {
			t.Errorf("%d of %d partitions are held by a pause that comes while the one before is released", len(got), partitions)
		}
	})
}

// TestAClientOfWholeTopicsRefusesPartitions holds that nothing is held, and that it is told.
func TestAClientOfWholeTopicsRefusesPartitions(t *testing.T) {
	t.Parallel()
	g := newGround(t, control.CapabilityPause)
	g.client.HoldsWhole("it holds whole topics")
	g.feed(command("two", control.Scope{Topic: "orders", Partitions: []int32{1, 3}}, pause))
	if g.held("orders", 1) || g.client.Share("orders", time.Now()) != 1 {
		t.Error("something is held")
	}
	if events, _ := g.told(g.measured); len(events) != 1 || events[0] != "refused two@1: it holds whole topics" {
		t.Errorf("events are %q", events)
	}
}

// TestARemovedClientIsFree holds that nothing is held, and nobody waits, of a client that commands apply to no longer.
func TestARemovedClientIsFree(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGround(t, control.Capabilities...)
		limit := commandFor(control.CapabilitySendLimit)
		limit.Name, limit.SendLimit.MessagesPerSecond = "limit", 1
		g.feed(commandFor(control.CapabilityPause), limit)
		done := make(chan error, 100)
		for range cap(done) {
			go func() { done <- g.client.Admit(t.Context(), "orders", 1) }()
		}
		synctest.Wait()
		changed := g.client.Changed()
		g.commands.Remove(g.client)
		synctest.Wait()
		select {
		case <-changed:
		default:
			t.Error("nobody is told that nothing is held")
		}
		events, gauges := g.told(g.measured)
		if len(events) != 4 || !strings.HasPrefix(events[0], "applied ") || events[2] != "reverted ask@1: the client or its agent was closed" || len(gauges) != 0 {
			t.Errorf("events are %q and gauges %v: want that both commands applied and were lifted", events, gauges)
		}
		if g.held("orders", 0) || len(done) != cap(done) {
			t.Errorf("something is held, or of %d sends only %d are through", cap(done), len(done))
		}
	})
}
