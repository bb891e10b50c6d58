package applied

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/weirmq/weir/control"
	"github.com/weirmq/weir/sdk/internal/meter"
	"github.com/weirmq/weir/telemetry"
)

// TestASharedLimitIsDivided holds what one client may send of a rate that many share, that a changed number of them counts at once, and that
// each is left the floor, also where the limit begins cold.
func TestASharedLimitIsDivided(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGround(t, control.CapabilitySendLimit)
		for i, test := range []struct {
			clients int
			cold    float64
			within  time.Duration // ten messages after the first
		}{{4, 1, 400 * time.Millisecond}, {20, 1, 2 * time.Second}, {10_000, 1, 10 * time.Second}, {10_000, 100, 10 * time.Second}} {
			g.feed(command("shared", control.Scope{Topic: "orders"}, func(c *control.Command) {
				c.Revision = uint64(i + 1)
				c.SendLimit = &control.SendLimit{MessagesPerSecond: 100, Shared: true, Clients: test.clients, ColdFactor: test.cold, RampSeconds: 60}
			}))
			if err := g.client.Admit(t.Context(), "orders", 1); err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			for range 10 {
				if err := g.client.Admit(t.Context(), "orders", 1); err != nil {
					t.Fatal(err)
				}
			}
			if took := time.Since(began).Round(time.Millisecond); took != test.within {
				t.Errorf("100 per second shared by %d, cold factor %g: ten messages take %s, want %s", test.clients, test.cold, took, test.within)
			}
		}
	})
}

// slow is a command that limits sends in a scope.
func slow(name string, scope control.Scope, perSecond float64) control.Command {
	return command(name, scope, func(c *control.Command) {
		c.SendLimit, c.Everywhere = &control.SendLimit{MessagesPerSecond: perSecond, ColdFactor: 1}, scope.Topic == ""
	})
}

// TestARecountIsNotToldOf holds that revisions which only count anew by how many a limit is shared are applied without a word, that a change of
// what is asked is told of, and the same of a limit that may not be applied.
func TestARecountIsNotToldOf(t *testing.T) {
	t.Parallel()
	for _, enabled := range [][]control.Capability{{control.CapabilitySendLimit}, {}} {
		g, created := newGround(t, enabled...), time.Now().UTC()
		told := func(revision uint64, clients int, perSecond float64) int {
			t.Helper()
			c := command("shared", control.Scope{Topic: "orders"}, func(c *control.Command) {
				c.Revision, c.SendLimit = revision, &control.SendLimit{MessagesPerSecond: perSecond, Shared: true, Clients: clients, ColdFactor: 1}
			})
			c.CreatedAt, c.ExpiresAt = created, created.Add(time.Hour)
			g.feed(c)
			events, _ := g.told(g.measured)
			return len(events)
		}
		g.client.SendsTouched("orders")
		first, more := told(1, 4, 100), 0
		for i := range 10 {
			more += told(uint64(i+2), 5+i, 100)
		}
		changed := told(12, 15, 50)
		if len(enabled) == 0 { // refused for the same reason
			changed++
		}
		if first != 1 || more != 0 || changed == 0 {
			t.Errorf("enabled %v: %d events of the command, %d of ten recounts, %d of a change: want 1, 0 and some", enabled, first, more, changed)
		}
		if applies := g.client.Applies(); len(enabled) > 0 && applies[0].Command.Revision != 12 {
			t.Errorf("revision %d applies, want 12", applies[0].Command.Revision)
		}
	}
}

// TestTopicsShareTheLimitOfTheirCommand holds that a command is one rate for each client, however many topics it is for, and that topics
// of other commands, and other clients, have their own.
func TestTopicsShareTheLimitOfTheirCommand(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGround(t, control.CapabilitySendLimit)
		other := g.add("billing-2", "billing")
		g.feed(slow("all", control.Scope{Cluster: "eu-1"}, 10), slow("orders", control.Scope{Topic: "orders"}, 10))
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		var sends sync.WaitGroup
		sent := func(by *Client, topics ...string) *atomic.Int64 {
			count := new(atomic.Int64)
			for _, topic := range topics {
				sends.Go(func() {
					for by.Admit(ctx, topic, 1) == nil {
						count.Add(1)
					}
				})
			}
			return count
		}
		var many []string
		for i := range 20 {
			many = append(many, fmt.Sprintf("topic-%d", i))
		}
		for what, count := range map[string]*atomic.Int64{"20 topics": sent(g.client, many...), "another command": sent(g.client, "orders"),
			"another client": sent(other, "returns")} {
			defer func() {
				if got := count.Load(); got < 99 || got > 101 {
					t.Errorf("%s: %d messages in 10 s at 10 per second", what, got)
				}
			}()
		}
		sends.Wait()
	})
}

// TestTopicsOfOneCommandTakeTurns holds that a topic with many messages that wait does not keep out another.
func TestTopicsOfOneCommandTakeTurns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGround(t, control.CapabilitySendLimit)
		g.feed(slow("all", control.Scope{Cluster: "eu-1"}, 1))
		for range 100 {
			go func() { _ = g.client.Admit(t.Context(), "orders", 1) }()
		}
		synctest.Wait()
		began := time.Now()
		if err := g.client.Admit(t.Context(), "returns", 1); err != nil || time.Since(began) > 2*time.Second {
			t.Errorf("behind 100 messages of another topic one waits %s at 1 per second: %v; want 2s at most", time.Since(began), err)
		}
		g.record(control.CommandKey("all"), nil)
		g.refresh()
	})
}

// TestWhoWaitsFollowsTheNarrowerCommand holds that messages which wait by one command's limit wait by another's when that is for their topic,
// and in the order in which they came, and that those of other topics stay; and back.
func TestWhoWaitsFollowsTheNarrowerCommand(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGround(t, control.CapabilitySendLimit)
		g.feed(slow("all", control.Scope{Cluster: "eu-1"}, 1))
		var mu sync.Mutex
		through := map[string][]int{}
		for _, topic := range []string{"orders", "returns"} {
			for i := range 60 {
				go func() {
					if g.client.Admit(t.Context(), topic, 1) == nil {
						mu.Lock()
						through[topic] = append(through[topic], i)
						mu.Unlock()
					}
				}()
				synctest.Wait() // they come one after the other
			}
		}
		count := func(topic string) int { mu.Lock(); defer mu.Unlock(); return len(through[topic]) }
		pass(9500 * time.Millisecond)
		if got := count("orders") + count("returns"); got != 10 {
			t.Errorf("%d of both topics are through after 9.5 s at 1 per second, want 10", got)
		}
		g.feed(slow("narrow", control.Scope{Topic: "orders"}, 10))
		orders, returns := count("orders"), count("returns")
		pass(1950 * time.Millisecond) // not when a permit is free
		if o, r := count("orders")-orders, count("returns")-returns; o < 19 || o > 21 || r != 2 {
			t.Errorf("in 1.95 s %d are through at 10 per second and %d at 1: want 20 and 2", o, r)
		}
		g.record(control.CommandKey("narrow"), nil)
		g.refresh()
		before := count("orders") + count("returns")
		pass(2 * time.Second)
		if got := count("orders") + count("returns") - before; got != 2 {
			t.Errorf("in 2 s %d of both topics are through when they share a limit of 1 per second again: want 2", got)
		}
		for topic, got := range through { // while one is let through at a time: what is let through at once notes itself in any order
			if !slices.IsSorted(got) {
				t.Errorf("those of %s are through in another order than they came in: %v", topic, got)
			}
		}
		g.record(control.CommandKey("all"), nil)
		g.refresh()
		synctest.Wait()
		for _, topic := range []string{"orders", "returns"} {
			if got := through[topic]; len(got) != 60 {
				t.Errorf("%d of 60 of %s are through when the limit is lifted", len(got), topic)
			}
		}
		if len(g.client.limiters) != 0 {
			t.Errorf("limiters are left: %v", g.client.limiters)
		}
	})
}

// TestResourcesAreFoundByTheirRoutes holds that a command for a resource is for the topic that its route leads to, on that cluster, and follows
// the route when it changes.
func TestResourcesAreFoundByTheirRoutes(t *testing.T) {
	t.Parallel()
	g := newGround(t, control.CapabilityPause)
	route := control.Route{Schema: control.Schema, ID: "orders.created", Revision: 1, System: "kafka", Cluster: "eu-1", Endpoints: []string{"k1:9092"}, Topic: "orders"}
	put := func(r control.Route) {
		t.Helper()
		value, err := r.Encode()
		if err != nil {
			t.Fatal(err)
		}
		g.record(r.Key(), value)
		g.refresh()
	}
	g.feed(command("pause", control.Scope{Resource: "orders.created"}, pause))
	if g.held("orders", 0) {
		t.Error("a topic is held for a resource without a route")
	}
	put(route)
	if !g.held("orders", 0) || g.held("returns", 0) {
		t.Error("the resource's topic is not held, or another is")
	}
	route.Revision, route.Topic = 2, "returns"
	put(route)
	if g.held("orders", 0) || !g.held("returns", 0) {
		t.Error("the command does not follow the route")
	}
	route.Revision, route.Cluster = 3, "us-1"
	put(route)
	if g.held("returns", 0) {
		t.Error("a topic of another cluster is held")
	}
	other := control.Route{Schema: control.Schema, ID: "orders.created", Env: "staging", Revision: 1, System: "kafka", Cluster: "eu-1", Endpoints: []string{"k1:9092"}, Topic: "orders"}
	if put(other); g.held("orders", 0) {
		t.Error("a topic is held that a route of another env leads to")
	}
	other.Env = "production"
	if put(other); !g.held("orders", 0) {
		t.Error("the topic is not held that the route of the client's env leads to")
	}
}

// TestSamplingFollowsRoutes holds that messages of a resource's topic are told of once its route is known, and as the program says when the
// command is gone.
func TestSamplingFollowsRoutes(t *testing.T) {
	t.Parallel()
	g := newGround(t, control.CapabilitySampling)
	sampled := func() (count int) {
		for offset := range int64(5) {
			g.measured.SentSince(g.measured.BeginKept(1), &meter.Message{Topic: "orders", Offset: offset})
		}
		for m := range g.measured.All {
			m.Take(&g.taken, g.measured, time.Now().UnixMilli())
			for _, e := range g.taken.Report.Exemplars {
				if e.Kept == telemetry.KeptSampled {
					count++
				}
			}
		}
		return count
	}
	c := command("sample", control.Scope{Resource: "orders.created"}, func(c *control.Command) { c.Sampling = &control.Sampling{OneIn: 1} })
	g.feed(c)
	if got := sampled(); got != 0 {
		t.Errorf("%d messages are told of for a resource without a route", got)
	}
	route := control.Route{Schema: control.Schema, ID: "orders.created", Revision: 1, System: "kafka", Cluster: "eu-1", Endpoints: []string{"k1:9092"}, Topic: "orders"}
	value, err := route.Encode()
	if err != nil {
		t.Fatal(err)
	}
	g.record(route.Key(), value)
	g.refresh()
	if got := sampled(); got != 5 {
		t.Errorf("%d of 5 messages of the resource's topic are told of", got)
	}
	g.record(c.Key(), nil)
	g.refresh()
	if got := sampled(); got != 0 {
		t.Errorf("%d messages are told of after the command was taken away", got)
	}
}
