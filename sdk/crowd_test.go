package weir_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/control"
	"github.com/weirmq/weir/sdk"
	"github.com/weirmq/weir/sdk/agent"
	"github.com/weirmq/weir/sdk/internal/reported"
	"github.com/weirmq/weir/sdk/kafka"
)

// TestAHundredProducersAndAHundredConsumers has ten resources, each with ten producers and ten consumers of one group.
func TestAHundredProducersAndAHundredConsumers(t *testing.T) {
	t.Parallel()
	const resources, members, each = 10, 10, 20
	g := newFake(t, "crowd")
	var routes []weir.Route
	var topics []string
	for i := range resources {
		topics = append(topics, fmt.Sprintf("crowd-%d", i))
		routes = append(routes, g.route(fmt.Sprintf("r%d", i), topics[i]))
	}
	g.create(t, topics...)
	h := newHouse(t, []weir.System{kafka.System()}, routes...)
	ledgers := make([]*ledger, resources)
	var sending sync.WaitGroup
	for i := range resources {
		ledgers[i] = newLedger()
		for m := range members {
			h.consume(t, routes[i].ID, "members", ledgers[i].handle)
			p := h.producer(t, routes[i].ID)
			sending.Go(func() {
				for n := range each {
					if err := p.Send(t.Context(), &weir.Message{Key: fmt.Append(nil, m), Body: fmt.Appendf(nil, "%d:%d", m, n)}); err != nil {
						t.Error(err)
					}
				}
			})
		}
	}
	sending.Wait()
	handled := 0
	for i, l := range ledgers {
		eventually(t, "all messages of "+topics[i], func() bool { return l.different() == members*each })
		l.inOrder(t)
		handled += l.handled
	}
	t.Logf("%d messages were handled %d times", resources*members*each, handled)
}

// TestCommandsApply has commands of people hold what a unified consumer consumes, and refuse what a unified producer sends.
func TestCommandsApply(t *testing.T) {
	t.Parallel()
	g := newFake(t, "steered")
	g.create(t, "orders")
	h := newHouse(t, []weir.System{kafka.System()}, g.route("r", "orders"))
	w := newWriter(t, h.telemetry)
	steering, err := agent.Open(t.Context(), agent.Config{Telemetry: h.reporter, Enabled: control.Capabilities})
	if err != nil {
		t.Fatal(err)
	}
	steered, err := weir.Open(t.Context(), weir.Config{Env: "test", Directory: h.directory, Systems: []weir.System{kafka.System()}, Reporter: h.reporter, Control: steering})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = steered.Close(t.Context()); _ = steering.Close(t.Context()) })
	h.Client = steered
	got, p := newLedger(), h.producer(t, "r")
	c := h.consume(t, "r", "readers", got.handle)
	sendAll(t, p, numbered(1, 3))
	reported.Eventually(t, "messages come", func() bool { return got.different() == 3 })
	w.command(t, "hold", `"scope":{"topic":"orders","group":"readers"},"pause":{}`)
	reported.Eventually(t, "the pause applies", func() bool {
		client, ok := c.Native().(*kgo.Client)
		return ok && len(client.PauseFetchTopics()) == 1
	})
	w.command(t, "small", `"scope":{"topic":"orders"},"large_messages":{"refuse_bytes":20000}`)
	reported.Eventually(t, "large messages are refused", func() bool {
		return p.Send(t.Context(), &weir.Message{Body: make([]byte, 30_000)}) != nil
	})
	sendAll(t, p, []*weir.Message{{Key: []byte("k0"), Body: []byte("k0:3")}})
	w.raw(t, &kgo.Record{Topic: control.Topic, Key: []byte(control.CommandKey("hold"))})
	eventually(t, "what waited comes, which a release lets through bit by bit", func() bool { return got.different() >= 4 })
}
