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

// crowd is how many send and consume at once: of each resource so many producers, each of which sends so many messages, and so many consumers of one group.
type crowd struct{ resources, producers, consumers, each int }

// TestAHundredProducersAndAHundredConsumers has ten resources, each with ten producers and ten consumers of one group, on a cluster within the process. Those
// on a real Kafka and on a real RocketMQ are with the other tests of these.
func TestAHundredProducersAndAHundredConsumers(t *testing.T) {
	t.Parallel()
	crowd{resources: 10, producers: 10, consumers: 10, each: 20}.meets(t, newFake(t, "crowd"))
}

// meets has all of them send and consume. Nothing is lost, and on Kafka each key stays in order.
func (c crowd) meets(t *testing.T, g *ground) {
	var routes []weir.Route
	var topics []string
	for i := range c.resources {
		topics = append(topics, fmt.Sprintf("crowd-%d", i))
		routes = append(routes, g.route(fmt.Sprintf("r%d", i), topics[i]))
	}
	g.create(t, topics...)
	h := newHouse(t, []weir.System{g.system}, routes...)
	ledgers := make([]*ledger, c.resources)
	var consumers []*consumer
	var sending sync.WaitGroup
	for i, route := range routes {
		ledgers[i] = newLedger()
		for range c.consumers {
			consumers = append(consumers, h.consume(t, route.ID, "members-"+route.ID, ledgers[i].handle))
		}
		for p := range c.producers {
			by := h.producer(t, route.ID)
			sending.Go(func() {
				for n := range c.each {
					if err := by.Send(t.Context(), &weir.Message{Key: fmt.Append(nil, p), Body: fmt.Appendf(nil, "%d:%d", p, n)}); err != nil {
						t.Error(err)
					}
				}
			})
		}
	}
	sending.Wait()
	handled, of := 0, c.producers*c.each
	for i, l := range ledgers {
		eventually(t, "all messages of "+topics[i], func() bool { return l.different() == of })
		if g.system.Name() == kafka.SystemName {
			l.inOrder(t)
		}
		l.mu.Lock()
		handled += l.handled
		l.mu.Unlock()
	}
	t.Logf("%d messages by %d producers were handled %d times by %d consumers", c.resources*of, c.resources*c.producers, handled, len(consumers))
	for _, one := range consumers {
		one.stop() // all at once: each may take a while
	}
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
