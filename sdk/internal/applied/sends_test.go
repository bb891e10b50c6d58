package applied

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/weirmq/weir/control"
	"github.com/weirmq/weir/sdk/internal/meter"
	"github.com/weirmq/weir/telemetry"
)

// TestASharedLimitIsDivided holds what one client may send of a rate that many share, that a changed number of them counts at once, and that
// each is left the floor.
func TestASharedLimitIsDivided(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGround(t, control.CapabilitySendLimit)
		for i, test := range []struct {
			clients int
			within  time.Duration // ten messages after the first
		}{{4, 400 * time.Millisecond}, {20, 2 * time.Second}, {10_000, 10 * time.Second}} {
			g.feed(command("shared", control.Scope{Topic: "orders"}, func(c *control.Command) {
				c.Revision = uint64(i + 1)
				c.SendLimit = &control.SendLimit{MessagesPerSecond: 100, Shared: true, Clients: test.clients, ColdFactor: 1}
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
				t.Errorf("100 per second shared by %d: ten messages take %s, want %s", test.clients, took, test.within)
			}
		}
	})
}

// TestTopicsHaveLimitsOfTheirOwn holds that one topic's messages do not use up another's.
func TestTopicsHaveLimitsOfTheirOwn(t *testing.T) {
	t.Parallel()
	g := newGround(t, control.CapabilitySendLimit)
	g.feed(commandFor(control.CapabilitySendLimit))
	for _, topic := range []string{"orders", "returns"} {
		if err := g.client.AdmitNow(topic, 1); err != nil {
			t.Errorf("the first message of %s: %v", topic, err)
		}
		if err := g.client.AdmitNow(topic, 1); err == nil {
			t.Errorf("a second message of %s is let through at once", topic)
		}
	}
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
}

// TestSamplingFollowsRoutes holds that messages of a resource's topic are told of once its route is known, and as the program says when the
// command is gone.
func TestSamplingFollowsRoutes(t *testing.T) {
	t.Parallel()
	g := newGround(t, control.CapabilitySampling)
	sampled := func() (count int) {
		for offset := range int64(5) {
			g.measured.Sent(g.measured.BeginNumbered(1), &meter.Message{Topic: "orders", Offset: offset})
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
