package applied

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weirmq/weir/control"
	"github.com/weirmq/weir/telemetry"
)

// TestACommandEndsWhenItExpires holds that a pause ends by the client's clock alone, though nothing more is read, and that it is told.
func TestACommandEndsWhenItExpires(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGround(t, control.CapabilityPause)
		g.feed(command("pause-orders", control.Scope{Topic: "orders"}, pause))
		if !g.held("orders", 3) || g.held("returns", 3) {
			t.Fatal("the pause does not hold orders, or holds another topic")
		}
		next, ok := g.commands.Refresh(time.Now())
		if want := time.Now().Add(time.Hour); !ok || !next.Equal(want) {
			t.Fatalf("the next change is at %s, want %s", next, want)
		}
		pass(time.Hour)
		g.refresh()
		if g.held("orders", 3) {
			t.Error("the pause holds after it expired")
		}
		events, gauges := g.told(g.measured)
		want := []string{"applied pause-orders@1: pause until 2000-01-01T01:00:00Z, by li@example.com: the ledger is being migrated", "reverted pause-orders@1: it expired"}
		if diff := cmp.Diff(want, events); diff != "" {
			t.Errorf("events (-want +got):\n%s", diff)
		}
		if gauges[telemetry.GaugeControlCommands] != 0 || gauges[telemetry.GaugeControlOffset] != 1 {
			t.Errorf("gauges are %v: want no command and offset 1", gauges)
		}
	})
}

// TestOnlyWhatIsEnabledApplies holds for each capability that a program which has not enabled it is not touched, and says so.
func TestOnlyWhatIsEnabledApplies(t *testing.T) {
	t.Parallel()
	for _, capability := range control.Capabilities {
		t.Run(string(capability), func(t *testing.T) {
			t.Parallel()
			others := slices.DeleteFunc(slices.Clone(control.Capabilities), func(c control.Capability) bool { return c == capability })
			for what, g := range map[string]*ground{"not enabled": newGround(t, others...), "switched off": newGround(t, control.Capabilities...)} {
				why := "the program has not enabled " + string(capability)
				if what == "switched off" {
					g.commands.UseFile(File{Path: "/etc/weir.json", Off: []control.Capability{capability}})
					why = string(capability) + " is switched off by /etc/weir.json"
				}
				g.client.sendsTo("orders")
				g.feed(commandFor(capability))
				events, gauges := g.told(g.measured)
				if want := []string{"refused ask@1: " + why}; !slices.Equal(events, want) {
					t.Errorf("%s: events are %q, want %q", what, events, want)
				}
				if len(g.client.Applies()) != 0 || g.held("orders", 0) || g.client.SendsTouched("orders") || g.client.interval != 0 ||
					g.client.outdated != nil || len(g.commands.sampled) != 0 {
					t.Errorf("%s: something applies", what)
				}
				if gauges[telemetry.GaugeControlRefused] != 1 || gauges[telemetry.GaugeControlCommands] != 0 {
					t.Errorf("%s: gauges are %v", what, gauges)
				}
			}
		})
	}
}

// commandFor is one that asks for a capability, of all clients.
func commandFor(capability control.Capability) control.Command {
	return command("ask", control.Scope{}, func(c *control.Command) {
		c.Everywhere = true
		switch capability {
		case control.CapabilityPause:
			pause(c)
		case control.CapabilitySendLimit:
			c.SendLimit = &control.SendLimit{MessagesPerSecond: 5, ColdFactor: 1}
		case control.CapabilityLargeMessages:
			c.LargeMessages = &control.LargeMessages{RefuseBytes: 20000}
		case control.CapabilityMinSDKVersion:
			c.MinSDKVersion = &control.MinSDKVersion{Lang: "go", Version: "9.0.0"}
		case control.CapabilitySampling:
			c.Sampling = &control.Sampling{OneIn: 1}
		case control.CapabilityReportInterval:
			c.ReportInterval = &control.ReportInterval{Seconds: 5}
		}
	})
}

// TestWhatIsEnabledApplies holds that each capability is applied where it may be, told, and taken back as a whole.
func TestWhatIsEnabledApplies(t *testing.T) {
	t.Parallel()
	for _, capability := range control.Capabilities {
		g := newGround(t, capability)
		g.client.sendsTo("orders")
		c := commandFor(capability)
		g.feed(c)
		if got := g.client.Applies(); len(got) != 1 || got[0].Command.Name != "ask" {
			t.Errorf("%s: %v applies, want the command", capability, got)
		}
		g.record(c.Key(), nil)
		g.refresh()
		events, _ := g.told(g.measured)
		if len(events) != 2 || !strings.HasPrefix(events[0], "applied ask@1: "+string(capability)+" until") || events[1] != "reverted ask@1: it was taken away" {
			t.Errorf("%s: events are %q: want that it applied, and was taken away", capability, events)
		}
		if len(g.client.Applies()) != 0 || g.held("orders", 0) || g.client.SendsTouched("orders") || g.client.interval != 0 || g.client.outdated != nil || len(g.commands.sampled) != 0 {
			t.Errorf("%s: something applies after it was taken away", capability)
		}
	}
}

// TestWeirsOwnIsExempt holds that a command for everything neither holds a topic of Weir's own nor a client in a group of its own.
func TestWeirsOwnIsExempt(t *testing.T) {
	t.Parallel()
	g := newGround(t, control.Capabilities...)
	own := g.add("aggregate-1", "weir-aggregate", "orders")
	g.feed(commandFor(control.CapabilityPause), command("limit", control.Scope{}, func(c *control.Command) {
		c.Everywhere, c.SendLimit = true, &control.SendLimit{MessagesPerSecond: 1, ColdFactor: 1}
	}))
	if !g.held("orders", 0) || !g.client.SendsTouched("orders") {
		t.Error("the commands do not apply to what is not Weir's own")
	}
	if g.held("weir.cells", 0) || g.client.SendsTouched("weir.telemetry") {
		t.Error("a topic of Weir's own is touched")
	}
	if held, _ := own.Held("orders", 0, time.Now()); held || own.SendsTouched("orders") || len(own.Applies()) != 0 {
		t.Error("a client in a group of Weir's own is touched")
	}
}

// TestABadRecordChangesNothing holds that a record which is not valid, is of a newer schema or has no higher revision leaves what was in force, and is told.
func TestABadRecordChangesNothing(t *testing.T) {
	t.Parallel()
	g := newGround(t, control.CapabilityPause)
	c := command("pause-orders", control.Scope{Topic: "orders"}, pause)
	c.Revision = 5
	g.feed(c)
	g.told(g.measured)
	older := c
	older.Revision, older.Scope = 4, control.Scope{Topic: "returns"}
	value, err := older.Encode()
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{string(value), "", "{", `{"schema":2,"name":"pause-orders","revision":6,"resume":{}}`,
		strings.Replace(string(value), `"revision":4`, `"revision":6,"expires":"never"`, 1), strings.Replace(string(value), `"revision":4`, `"revision":6,"everywhere":true`, 1)} {
		g.record(c.Key(), []byte(bad))
		g.refresh()
		if !g.held("orders", 0) || g.held("returns", 0) {
			t.Errorf("%q changes what is held", bad)
		}
	}
	events, gauges := g.told(g.measured)
	if len(events) != 5 || gauges[telemetry.GaugeControlRefused] != 5 { // the older revision is ignored
		t.Errorf("events are %q and %g records refused, want 5", events, gauges[telemetry.GaugeControlRefused])
	}
	for _, e := range events {
		if !strings.HasPrefix(e, "refused pause-orders: ") {
			t.Errorf("event %q: want that the record is refused", e)
		}
	}
}

// TestShadowOnlyCounts holds that commands in shadow hold and delay nothing, and that what they would do is told.
func TestShadowOnlyCounts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGround(t, control.Capabilities...)
		var all []control.Command
		for _, capability := range []control.Capability{control.CapabilityPause, control.CapabilitySendLimit, control.CapabilityLargeMessages} {
			c := commandFor(capability)
			c.Name, c.Shadow = strings.ReplaceAll(string(capability), "_", "-"), true
			all = append(all, c)
		}
		g.feed(all...)
		if g.held("orders", 0) {
			t.Error("a pause in shadow holds")
		}
		began := time.Now()
		for range 10 {
			if err := g.client.Admit(t.Context(), "orders", 1); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := g.client.Fit("orders", 1<<20); err != nil {
			t.Error(err)
		}
		for range 10 {
			if err := g.client.AdmitNow("orders", 1); err != nil {
				t.Fatal(err)
			}
		}
		if waited := time.Since(began); waited != 0 {
			t.Errorf("a limit in shadow makes senders wait %s", waited)
		}
		g.refresh()
		_, gauges := g.told(g.measured)
		if gauges[telemetry.GaugeControlShadowed] != 3 || gauges[telemetry.GaugeControlWouldTouch] != 20 { // of twenty at once, one is let through; one is too large
			t.Errorf("gauges are %v: want 3 in shadow that would touch 20 messages", gauges)
		}
	})
}

// TestPercentPicksClients holds that a command for some of the clients is applied by about as many, and by the same ones when it is changed.
func TestPercentPicksClients(t *testing.T) {
	t.Parallel()
	g := newGround(t, control.CapabilityPause)
	var clients []*Client
	for i := range 200 {
		clients = append(clients, g.add("client-"+strings.Repeat("x", i), "billing", "orders"))
	}
	count := func(percent float64, revision uint64) map[*Client]bool {
		c := command("some", control.Scope{Topic: "orders"}, pause)
		c.Percent, c.Revision = percent, revision
		g.feed(c)
		held := map[*Client]bool{}
		for _, client := range clients {
			if is, _ := client.Held("orders", 0, time.Now()); is {
				held[client] = true
			}
		}
		return held
	}
	few, more := count(10, 1), count(50, 2)
	if len(few) < 8 || len(few) > 40 || len(more) < 70 || len(more) > 130 {
		t.Errorf("10%% are %d and 50%% are %d of %d clients", len(few), len(more), len(clients))
	}
	for client := range few {
		if !more[client] {
			t.Error("a client that was among 10% is not among 50%")
		}
	}
}

// TestTheSDKsVersionIsWarnedOfOnceAnHour holds what the host's log says, and which versions are too old.
func TestTheSDKsVersionIsWarnedOfOnceAnHour(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGround(t, control.CapabilityMinSDKVersion)
		c := command("upgrade", control.Scope{}, func(c *control.Command) {
			c.Everywhere, c.ExpiresAt = true, time.Now().Add(48*time.Hour).UTC()
			c.MinSDKVersion = &control.MinSDKVersion{Lang: "go", Version: "1.2.0"}
		})
		g.feed(c)
		for range 150 {
			pass(time.Minute)
			g.refresh()
		}
		if got := strings.Count(g.log.String(), "older than it should be"); got != 3 {
			t.Errorf("%d warnings in two and a half hours, want 3:\n%s", got, g.log.String())
		}
		if _, gauges := g.told(g.measured); gauges[telemetry.GaugeControlOutdated] != 1 {
			t.Errorf("gauges are %v: want that the SDK is outdated", gauges)
		}
	})
	for _, test := range []struct {
		has, wants string
		order      int
	}{{"1.2.0", "1.2.0", 0}, {"v1.2", "1.2.0", 0}, {"1.10.0", "1.9.9", 1}, {"1.1.9", "1.2.0", -1}, {"2", "10", -1}, {"1.2.0-rc1", "1.2.0", 0}, {"dev", "0.1", -1}} {
		if got := compareVersions(test.has, test.wants); got != test.order {
			t.Errorf("%s against %s: got %d, want %d", test.has, test.wants, got, test.order)
		}
	}
}
