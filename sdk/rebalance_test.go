package weir_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/weirmq/weir/control"
	"github.com/weirmq/weir/remoting"
	"github.com/weirmq/weir/sdk"
)

// pausedThroughRebalances has a command pause a group on a real RocketMQ, all of it or some queues, while a member comes and another goes. Meanwhile nothing
// is handled that is paused, and all else is, though more waits of a queue than a member has handlers; the member that comes knows the pause. After
// the release, which takes its ramp, all is handled: what was sent during the pause and was held by it once and no more, by whoever has its queue then.
func pausedThroughRebalances(t *testing.T, g *ground, topic string, queues ...int32) {
	t.Parallel()
	const group, keys, each, rampSeconds = "members", 30, 3, 3
	first := g.newSteered(t, topic, true)
	programs := []*steered{first, g.openSteered(t, first.commands, topic, true), g.openSteered(t, first.commands, topic, true)}
	all, members := newPlaced(), make([]*placed, len(programs))
	var running []*consumer
	join := func(i int) {
		members[i] = newPlaced()
		running = append(running, programs[i].house.consume(t, "r", group+topic, func(_ context.Context, batch []*weir.Delivery) error {
			all.note(batch)
			members[i].note(batch)
			return nil
		}, weir.MaxBatch(2))) // two handlers
	}
	p, sent := first.house.producer(t, "r"), 0
	send := func(what string) {
		var messages []*weir.Message
		for k := range keys {
			for n := range each {
				messages = append(messages, &weir.Message{Key: fmt.Appendf(nil, "k%d", k), Body: fmt.Appendf(nil, "%s:%d:%d", what, k, n)})
			}
		}
		sendAll(t, p, messages)
		sent += len(messages)
	}
	beside := newPlaced() // of a group that is not paused: it says in which queue each message is
	first.house.consume(t, "r", "beside"+topic, func(_ context.Context, batch []*weir.Delivery) error { beside.note(batch); return nil })
	join(0)
	join(1)
	send("before")
	eventually(t, "messages are handled", func() bool { return all.different() == sent && beside.different() == sent })
	first.awaitMembers(g, topic, group+topic, 2)

	first.put("pause", control.Scope{Topic: topic, Group: group + topic, Partitions: queues}, func(c *control.Command) {
		c.Pause, c.Release = &control.Pause{}, &control.Release{RampSeconds: rampSeconds}
	})
	eventually(t, "the other member knows the pause", func() bool { return programs[1].applies("pause") })
	holds := func(body string) bool {
		queue, known := beside.queueOf(body)
		return !known || len(queues) == 0 || slices.Contains(queues, queue)
	}
	during := func(what string) {
		t.Helper()
		send(what)
		eventually(t, "a group that is not paused handles all", func() bool { return beside.different() == sent })
		eventually(t, "what is not paused is handled", func() bool { return len(all.missing(beside, func(body string) bool { return !holds(body) })) == 0 })
		if held := all.handled(func(body string) bool { return body[:6] != "before" && holds(body) }); len(held) > 0 {
			t.Fatalf("%s: %d messages are handled that are paused: %.200q", what, len(held), held)
		}
	}
	during("paused")
	join(2)
	eventually(t, "the member that came knows the pause", func() bool { return programs[2].applies("pause") })
	first.awaitMembers(g, topic, group+topic, 3)
	during("came")
	running[0].end(t)
	first.awaitMembers(g, topic, group+topic, 2)
	during("gone")

	began := time.Now()
	first.take("pause")
	eventually(t, "all is handled", func() bool { return all.different() == sent })
	t.Logf("%d messages of %d were held, and are handled %s after the pause was taken away, with a ramp of %d s", len(all.handled(func(body string) bool { return body[:6] != "before" && holds(body) })),
		sent, time.Since(began).Round(time.Millisecond), rampSeconds)
	twice := all.twice()
	t.Logf("%d messages were handled twice: those were handled shortly before a member came or went, and not committed by then", len(twice))
	for _, body := range twice {
		if body[:6] != "before" && holds(body) {
			t.Errorf("%s was held by the pause, and is handled twice", body)
		}
	}
	if len(queues) == 0 && (members[1].different() == 0 || members[2].different() == 0) {
		t.Errorf("of the members that are left one handled %d messages and the other %d", members[1].different(), members[2].different())
	}
}

// awaitMembers waits until a group has so many members on the broker, which tells all of them when that changes. They are not asked for their queues: the library
// answers beside its own rebalances without a lock.
func (s *steered) awaitMembers(g *ground, topic, group string, count int) {
	s.Helper()
	client := remoting.NewClient(remoting.Config{})
	defer client.Close()
	eventually(s.T, fmt.Sprintf("the group has %d members", count), func() bool {
		route, err := client.NameServer(g.seeds[0]).TopicRoute(s.Context(), topic)
		if err != nil || len(route.Brokers) == 0 {
			return false
		}
		got, err := client.Broker(route.Brokers[0].Addrs[remoting.MasterID]).ConsumerConnections(s.Context(), group)
		return err == nil && len(got.Connections) == count
	})
}

// placed notes which messages were handled how often, and of which queue each is.
type placed struct {
	mu     sync.Mutex
	times  map[string]int
	queues map[string]int32
}

func newPlaced() *placed { return &placed{times: map[string]int{}, queues: map[string]int32{}} }

func (p *placed) note(batch []*weir.Delivery) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, d := range batch {
		p.times[string(d.Body)]++
		p.queues[string(d.Body)] = d.Partition
	}
}

func (p *placed) different() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.times)
}

func (p *placed) queueOf(body string) (queue int32, known bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	queue, known = p.queues[body]
	return queue, known
}

// handled are the messages that were handled and that a function wants.
func (p *placed) handled(want func(string) bool) (out []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for body := range p.times {
		if want(body) {
			out = append(out, body)
		}
	}
	return out
}

// missing are those that others handled, that a function wants, and that were not handled here.
func (p *placed) missing(others *placed, want func(string) bool) []string {
	return slices.DeleteFunc(others.handled(func(string) bool { return true }), func(body string) bool {
		_, handled := p.queueOf(body)
		return handled || !want(body)
	})
}

func (p *placed) twice() (out []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for body, times := range p.times {
		if times > 1 {
			out = append(out, body)
		}
	}
	return out
}
