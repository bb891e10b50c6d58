package applied

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/weirmq/weir/control"
)

// TestNothingAppliesBeforeTheEndIsSeen holds that a piece of the log counts when its end was seen, however long that takes.
func TestNothingAppliesBeforeTheEndIsSeen(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGround(t, control.CapabilityPause)
		c := command("pause-orders", control.Scope{Topic: "orders"}, pause)
		value, err := c.Encode()
		if err != nil {
			t.Fatal(err)
		}
		feed := func(value []byte, offset int64, end bool) {
			g.commands.Feed([]control.Record{{Key: []byte(c.Key()), Value: value, Offset: offset}}, end, time.Now())
			g.refresh()
		}
		feed(value, 0, false)
		if g.held("orders", 0) {
			t.Error("a pause applies though more of the log is there")
		}
		pass(time.Minute)
		g.refresh()
		if g.held("orders", 0) {
			t.Error("a pause applies before the end of the log was seen")
		}
		feed(nil, 1, true)
		if g.held("orders", 0) {
			t.Error("the end is seen, which takes the pause away, and it holds")
		}
	})
}

// TestATopicThatIsMadeAnewAndEmpty holds that what the former topic said counts until the new one says something, each command as long as it says itself, and
// at most for control.FormerFor; and with it the routes.
func TestATopicThatIsMadeAnewAndEmpty(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGround(t, control.CapabilityPause)
		route := control.Route{Schema: control.Schema, ID: "orders.created", System: "kafka", Cluster: "eu-1", Endpoints: []string{"kafka:9092"}, Topic: "orders", Revision: 1}
		value, err := route.Encode()
		if err != nil {
			t.Fatal(err)
		}
		g.record(route.Key(), value)
		short := command("short", control.Scope{Topic: "returns"}, pause)
		short.ExpiresAt, short.Release = short.CreatedAt.Add(control.FormerFor/2), &control.Release{RampSeconds: 0}
		g.feed(short, command("long", control.Scope{Resource: "orders.created"}, pause))
		want := func(when string, orders, returns bool) {
			t.Helper()
			g.refresh()
			if got := g.held("orders", 0); got != orders {
				t.Errorf("%s: orders are held: %t", when, got)
			}
			if got := g.held("returns", 0); got != returns {
				t.Errorf("%s: returns are held: %t", when, got)
			}
		}
		want("before", true, true)
		g.commands.Restart(time.Now())
		want("it is not read", true, true)
		g.commands.Feed(nil, true, time.Now())
		want("it is empty", true, true)
		pass(control.FormerFor / 2)
		want("one has expired", true, false)
		pass(control.FormerFor / 2)
		pass(time.Minute) // a release is a ramp
		want("it stays empty", false, false)
		g.commands.Restart(time.Now())
		g.offset = 0
		g.feed(command("long", control.Scope{Topic: "returns"}, pause))
		want("it says something else", false, true)
	})
}
