package applied

import (
	"bytes"
	"log/slog"
	"testing"
	"time"

	"github.com/weirmq/weir/control"
	"github.com/weirmq/weir/sdk/internal/meter"
	"github.com/weirmq/weir/telemetry"
)

// pass lets time pass, of a bubble of testing/synctest.
func pass(span time.Duration) { <-time.NewTimer(span).C }

// ground is one program with a client that consumes orders and returns in the group billing, and refreshes as an agent does.
type ground struct {
	t        *testing.T
	commands *Commands
	client   *Client
	measured *meter.Client
	log      bytes.Buffer
	offset   int64
	taken    meter.Taken
}

func newGround(t *testing.T, enabled ...control.Capability) *ground {
	t.Helper()
	g := &ground{t: t}
	registry := meter.NewRegistry(meter.Settings{Labels: telemetry.Labels{Env: "production", Cluster: "eu-1", Tier: "S1", SDKLang: "go", SDKVersion: "1.1.0"},
		MaxTopics: 10, SampleOneIn: 1000, SlowAfter: time.Second})
	var err error
	if g.commands, err = New(Config{Registry: registry, Log: slog.New(slog.NewTextHandler(&g.log, nil)), Enabled: enabled}); err != nil {
		t.Fatal(err)
	}
	g.client = g.add("billing-1", "billing", "orders", "returns", "weir.cells")
	g.measured = g.client.Measured()
	return g
}

func (g *ground) add(name, group string, topics ...string) *Client {
	measured := g.commands.config.Registry.NewClient(meter.Identity{System: "kafka", Group: group}, nil)
	measured.Started(name, group)
	c := g.commands.NewClient(measured, func() []string { return topics })
	g.commands.Add(c)
	return c
}

// command is one for a scope that ends in an hour.
func command(name string, scope control.Scope, ask func(*control.Command)) control.Command {
	now := time.Now().UTC()
	c := control.Command{Schema: control.Schema, Name: name, Revision: 1, Scope: scope, Author: "li@example.com", Reason: "the ledger is being migrated",
		CreatedAt: now, ExpiresAt: now.Add(time.Hour), Percent: 100}
	ask(&c)
	return c
}

func pause(c *control.Command) { c.Pause, c.Release = &control.Pause{}, &control.Release{} }

// feed has commands read from weir.control, as they stand, and applies them.
func (g *ground) feed(commands ...control.Command) {
	g.t.Helper()
	for i := range commands {
		value, err := commands[i].Encode()
		if err != nil {
			g.t.Fatal(err)
		}
		g.record(commands[i].Key(), value)
	}
	g.refresh()
}

func (g *ground) record(key string, value []byte) {
	g.commands.Feed([]control.Record{{Key: []byte(key), Value: value, Offset: g.offset, AppendedAt: time.Now()}}, true, time.Now())
	g.offset++
}

func (g *ground) refresh() { g.commands.Refresh(time.Now()) }

// held says whether a partition of a topic is held now.
func (g *ground) held(topic string, partition int32) bool {
	held, _ := g.client.Held(topic, partition, time.Now())
	return held
}

// told are the events of the client's control series since it was asked last, and its gauges.
func (g *ground) told(of *meter.Client) (events []string, gauges map[string]float64) {
	g.t.Helper()
	gauges = map[string]float64{}
	for m := range of.All {
		m.Take(&g.taken, of, time.Now().UnixMilli())
		r := &g.taken.Report
		if r.Labels.Op != "control" {
			continue
		}
		for _, e := range r.Events {
			if e.Kind != telemetry.EventStarted {
				events = append(events, e.Kind.String()+" "+e.Detail)
			}
		}
		for _, gauge := range r.Gauges {
			gauges[gauge.Name] = gauge.Value
		}
	}
	return events, gauges
}
