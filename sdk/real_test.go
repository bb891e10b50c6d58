package weir_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/weirmq/weir/sdk"
	"github.com/weirmq/weir/sdk/internal/reported"
	"github.com/weirmq/weir/sdk/kafka"
	"github.com/weirmq/weir/sdk/rocketmq"
)

func init() { rocketmq.LogTo(slog.New(slog.DiscardHandler)) } // before the first client of all tests

// TestOnKafka runs the table on a real Kafka.
func TestOnKafka(t *testing.T) {
	t.Parallel()
	g := newKafka(t, sharedKafka)
	t.Run("together", func(t *testing.T) {
		runConformance(t, g)
		t.Run("a send limit opens along its curve", func(t *testing.T) { opensAlongItsCurve(t, g, kafkaRamp(g)) })
	})
	t.Run("a hundred producers and a hundred consumers", func(t *testing.T) {
		crowd{resources: 10, producers: 10, consumers: 10, each: 20}.meets(t, g)
	})
	t.Run("weir.control is compacted", func(t *testing.T) { outlivesCompaction(t, g) })
	t.Run("its broker is killed and comes back", func(t *testing.T) { outlivesItsBroker(t, g) })
	t.Run("a resource moves to another cluster and back", func(t *testing.T) {
		next := newKafka(t, startKafka)
		next.cluster = "next-kafka"
		g.create(t, "moved")
		next.create(t, "moved")
		movesUnderLoad(t, g.system, []weir.Route{g.route("r", "moved"), next.route("r", "moved")}, load{moves: 2, pace: 5 * time.Millisecond})
	})
}

// TestOnRocketMQ runs the table on a real RocketMQ.
func TestOnRocketMQ(t *testing.T) {
	t.Parallel()
	g := newRocketMQ(t, sharedRocketMQ)
	t.Run("together", func(t *testing.T) {
		runConformance(t, g)
		t.Run("a send limit opens along its curve", func(t *testing.T) { opensAlongItsCurve(t, g, rocketmqRamp(g)) })
		t.Run("a pause of a group outlives its rebalances", func(t *testing.T) { pausedThroughRebalances(t, g, "outlives") })
		t.Run("a pause of a queue outlives its rebalances", func(t *testing.T) { pausedThroughRebalances(t, g, "outlives-one", 1) })
	})
	t.Run("a hundred producers and a hundred consumers", func(t *testing.T) {
		crowd{resources: 10, producers: 10, consumers: 10, each: 20}.meets(t, g) // each an instance of the library's own
	})
	t.Run("its broker is killed and comes back", func(t *testing.T) { outlivesItsBroker(t, g) })
	t.Run("its name server is away when a consumer begins", func(t *testing.T) { outlivesItsNameServer(t, g) })
	t.Run("a resource stays where its new topic is in the same cluster", func(t *testing.T) {
		g.create(t, "stays", "beside")
		h := newHouse(t, []weir.System{g.system}, g.route("r", "stays"))
		got, p := newLedger(), h.producer(t, "r")
		c := h.consume(t, "r", "readers", got.handle)
		h.write(t, g.route("r", "beside"))
		eventually(t, "the move is refused", func() bool { return errors.Is(p.State().Err, weir.ErrLacks) && errors.Is(c.State().Err, weir.ErrLacks) })
		sendAll(t, p, []*weir.Message{{Key: []byte("k"), Body: []byte("k:0")}})
		eventually(t, "the message", func() bool { return got.different() == 1 })
	})
	t.Run("two clusters", func(t *testing.T) {
		next := newRocketMQ(t, startRocketMQ) // its broker has the same name
		next.cluster = "next-rocketmq"
		t.Run("a resource moves there and back", func(t *testing.T) {
			t.Parallel()
			g.create(t, "moved")
			next.create(t, "moved")
			movesUnderLoad(t, g.system, []weir.Route{g.route("r", "moved"), next.route("r", "moved")}, load{moves: 2, pace: 20 * time.Millisecond})
		})
		t.Run("groups begin with the newest", func(t *testing.T) {
			t.Parallel()
			beginWithTheNewest(t, g, next)
		})
		t.Run("what is delayed is left behind by no move", func(t *testing.T) {
			t.Parallel()
			g.create(t, "slow")
			next.create(t, "slow")
			delayedBeforeAMove(t, g, next)
		})
	})
}

// delayedBeforeAMove moves a resource while a message is delayed and another is to be given again, both in a time in which the former place is long given up
// where nothing is left. Both are handled.
func delayedBeforeAMove(t *testing.T, from, to *ground) {
	const delay = 30 * time.Second // a level
	h := newHouse(t, []weir.System{from.system}, from.route("r", "slow"))
	got, p := newLedger(), h.producer(t, "r", weir.MaxDelay(delay))
	failed := make(chan struct{})
	c := h.consume(t, "r", "patient", weir.Each(func(_ context.Context, d *weir.Delivery) error {
		if string(d.Body) == "again" && d.Attempt == 1 {
			close(failed)
			return errors.New("the store is away")
		}
		got.note(d)
		return nil
	}), weir.Moves(time.Second, time.Second), weir.Attempts(3, delay, delay))
	began := time.Now()
	sendAll(t, p, []*weir.Message{{Body: []byte("later"), Delay: delay}, {Body: []byte("again")}, {Body: []byte("now")}})
	select {
	case <-failed:
	case <-time.After(reported.Patience):
		t.Fatal("waited in vain for the first attempt")
	}
	h.write(t, to.route("r", "slow"))
	eventually(t, "the move", func() bool { s := c.State(); return s.Moves == 1 && s.Settled && p.State().Moves == 1 })
	settled := time.Since(began)
	sendAll(t, p, []*weir.Message{{Body: []byte("there")}})
	eventually(t, "all messages", func() bool { return got.different() == 4 })
	t.Logf("the move was settled after %s, and what was delayed by %s had come after %s", settled, delay, time.Since(began))
}

// outlivesItsBroker kills the broker amid messages, and starts it again: what was acknowledged comes.
func outlivesItsBroker(t *testing.T, g *ground) {
	g.create(t, "outlived")
	h := g.open(t, "outlived")
	got, p := newLedger(), h.producer(t, "r")
	h.consume(t, "r", "survivors", got.handle)
	var acknowledged, failed atomic.Int64
	ctx, stop := context.WithCancel(t.Context())
	var sending sync.WaitGroup
	for s := range 3 {
		sending.Go(func() {
			pace := time.NewTicker(20 * time.Millisecond)
			defer pace.Stop()
			for i := 0; ctx.Err() == nil; {
				message := &weir.Message{Key: fmt.Append(nil, s), Body: fmt.Appendf(nil, "%d:%d", s, i)}
				if err := p.Send(t.Context(), message, &weir.Message{Body: fmt.Appendf(nil, "beside %d:%d", s, i)}); err != nil {
					failed.Add(1) // and is sent again
				} else {
					acknowledged.Add(1)
					i++
				}
				<-pace.C
			}
		})
	}
	more := func(than int64) func() bool {
		return func() bool { return acknowledged.Load() > than && int64(got.different()) > 2*than }
	}
	eventually(t, "messages come", more(30))
	g.restart(t)
	back := acknowledged.Load()
	eventually(t, "messages come again", more(back+30))
	stop()
	sending.Wait()
	eventually(t, "all that were acknowledged", func() bool { return int64(got.different()) >= 2*acknowledged.Load() })
	t.Logf("%d sends were acknowledged, and %d failed; handled were %d different messages, %d times", acknowledged.Load(), failed.Load(), got.different(), got.handled)
	// What was told as failed may be there, and each request of a send that the library repeats.
	const requests = 3
	h.inPlaces(t, uint64(2*requests*(acknowledged.Load()+failed.Load())), g.route("r", "outlived"))
}

// newKafka is a ground on a real Kafka.
func newKafka(t *testing.T, start func() (*kafkaServer, error)) *ground {
	t.Helper()
	s, err := start()
	if err != nil {
		t.Fatal(err)
	}
	addrs := []string{s.Addr()}
	g := &ground{system: kafka.System(), cluster: "real-kafka", seeds: addrs,
		deadLetters: func(t *testing.T, topic, group string) []string {
			return readTopic(t, addrs, topic+"."+group+".dead-letter")
		}}
	g.create = func(t *testing.T, topics ...string) { must(t, s.create(t.Context(), topics...)) }
	g.restart = func(t *testing.T) { must(t, s.restart(t.Context())) }
	return g
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// newRocketMQ is a ground on a real RocketMQ.
func newRocketMQ(t *testing.T, start func() (*rocketmqServer, error)) *ground {
	t.Helper()
	s, err := start()
	if err != nil {
		t.Fatal(err)
	}
	g := &ground{system: rocketmq.System(), cluster: "real-rocketmq", seeds: []string{s.names.Addr()}}
	g.restart = func(t *testing.T) { must(t, s.restart(t.Context())) }
	await := func(t *testing.T, topic string) {
		t.Helper()
		reported.Eventually(t, "the name server knows "+topic, func() bool { return s.has(t.Context(), topic) })
	}
	g.create = func(t *testing.T, topics ...string) {
		t.Helper()
		must(t, s.create(t.Context(), topics...))
		for _, topic := range topics {
			await(t, topic)
		}
	}
	g.deadLetters = func(t *testing.T, _, group string) []string {
		t.Helper()
		topic := "%DLQ%" + group
		await(t, topic)
		got := newLedger()
		g.open(t, topic).consume(t, "r", "mourners", got.handle)
		reported.Eventually(t, "a dead letter", func() bool { return got.different() > 0 })
		got.mu.Lock()
		defer got.mu.Unlock()
		return slices.Collect(maps.Keys(got.bodies))
	}
	return g
}
