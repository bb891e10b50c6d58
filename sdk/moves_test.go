package weir_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/weirmq/weir/sdk"
	"github.com/weirmq/weir/sdk/internal/reported"
	"github.com/weirmq/weir/sdk/kafka"
)

// Short times of a move, for tests: the directory is a file that is looked at each second.
const (
	settle = 3 * time.Second
	linger = time.Minute
)

// traffic sends numbered messages to a resource until it is stopped.
type traffic struct {
	done sync.WaitGroup
	stop context.CancelFunc
	mu   sync.Mutex
	sent map[string]int // by key
}

// startTraffic sends: each of so many senders has keys of its own, one message of each in turn.
func startTraffic(t *testing.T, p *producer, senders int, pace time.Duration) *traffic {
	const keys = 5 // of each sender
	ctx, stop := context.WithCancel(t.Context())
	out := &traffic{stop: stop, sent: map[string]int{}}
	for s := range senders {
		out.done.Go(func() {
			ticker := time.NewTicker(pace)
			defer ticker.Stop()
			for i := 0; ctx.Err() == nil; i++ {
				var messages []*weir.Message
				for k := range keys {
					key := fmt.Sprintf("s%dk%d", s, k)
					messages = append(messages, &weir.Message{Key: []byte(key), Body: fmt.Appendf(nil, "%s:%d", key, i)})
				}
				if err := p.Send(context.Background(), messages...); err != nil {
					t.Errorf("send: %v", err)
					return
				}
				out.mu.Lock()
				for _, m := range messages {
					out.sent[string(m.Key)] = i + 1
				}
				out.mu.Unlock()
				<-ticker.C
			}
		})
	}
	t.Cleanup(out.end)
	return out
}

// end stops sending, and returns how many messages there were.
func (f *traffic) end() {
	f.stop()
	f.done.Wait()
}

func (f *traffic) total() (sum int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, count := range f.sent {
		sum += count
	}
	return sum
}

// TestMovesUnderLoad moves a resource between three clusters again and again.
func TestMovesUnderLoad(t *testing.T) {
	t.Parallel()
	var routes []weir.Route
	for _, cluster := range []string{"a", "b", "c"} {
		g := newFake(t, cluster)
		g.create(t, "orders")
		routes = append(routes, g.route("r", "orders"))
	}
	movesUnderLoad(t, kafka.System(), routes, load{moves: 6, pace: 5 * time.Millisecond})
}

// load is how often a resource moves, and how long each of four senders waits between five messages and five messages.
type load struct {
	moves int
	pace  time.Duration
}

// movesUnderLoad moves a resource at times and to places that a seed decides, while senders send and two consumers of one group consume.
// Nothing is lost, and each key stays in order.
func movesUnderLoad(t *testing.T, system weir.System, routes []weir.Route, of load) {
	t.Helper()
	random := rand.New(rand.NewPCG(1, 2))
	at := 0
	h := newHouse(t, []weir.System{system}, routes[at])
	got, p := newLedger(), h.producer(t, "r")
	followers := []interface{ State() weir.State }{p}
	for range 2 {
		followers = append(followers, h.consume(t, "r", "movers", got.handle, weir.Moves(settle, linger), weir.Ordered()))
	}
	sending := startTraffic(t, p, 4, of.pace)
	for move := range of.moves {
		before, few := got.different(), random.IntN(200)
		eventually(t, "messages come", func() bool { return got.different() > before+few })
		at = (at + 1 + random.IntN(len(routes)-1)) % len(routes)
		h.write(t, routes[at])
		for _, f := range followers {
			eventually(t, fmt.Sprintf("move %d to %s of %s", move+1, routes[at].Topic, routes[at].Cluster), func() bool {
				s := f.State()
				return s.Moves == move+1 && s.Settled && s.Route.Cluster == routes[at].Cluster && s.Route.Topic == routes[at].Topic
			})
		}
	}
	sending.end()
	eventually(t, "all messages", func() bool { return got.different() == sending.total() })
	got.inOrder(t)
	t.Logf("%d messages were sent, %d moves, and handled %d times", sending.total(), of.moves, got.handled)
	extra := uint64(0)
	if system.Name() != kafka.SystemName { // the library sends again what the broker does not acknowledge in time
		extra = uint64(sending.total())
	}
	h.inPlaces(t, extra, routes...)
}

// eventually waits for what takes as long as moves do.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.Now().Add(2 * time.Minute)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain: %s", what)
		}
		<-tick.C
	}
}

// TestQuickMovesLoseNothing moves a resource on before its consumers have finished the place before, and there and back.
func TestQuickMovesLoseNothing(t *testing.T) {
	t.Parallel()
	grounds := []*ground{newFake(t, "a"), newFake(t, "b"), newFake(t, "c")}
	for _, g := range grounds {
		g.create(t, "orders")
	}
	h := newHouse(t, []weir.System{kafka.System()}, grounds[0].route("r", "orders"))
	got, p := newLedger(), h.producer(t, "r")
	h.consume(t, "r", "readers", got.handle, weir.Moves(200*time.Millisecond, linger))
	sending := startTraffic(t, p, 2, 5*time.Millisecond)
	for move, at := range []int{1, 2, 1, 0, 2} {
		h.write(t, grounds[at].route("r", "orders"))
		eventually(t, "the producer moves", func() bool { return p.State().Moves == move+1 })
	}
	sending.end()
	eventually(t, "all messages", func() bool { return got.different() == sending.total() })
	h.inPlaces(t, 0, grounds[0].route("r", "orders"), grounds[1].route("r", "orders"), grounds[2].route("r", "orders"))
}

// TestAConsumerThatIsStartedFinishesFormerPlaces has messages left where a resource was.
func TestAConsumerThatIsStartedFinishesFormerPlaces(t *testing.T) {
	t.Parallel()
	old, next := newFake(t, "old"), newFake(t, "next")
	old.create(t, "orders")
	next.create(t, "orders")
	before := newHouse(t, []weir.System{kafka.System()}, old.route("r", "orders"))
	messages := numbered(5, 20)
	sendAll(t, before.producer(t, "r"), messages[:50])
	route := next.route("r", "orders")
	was := old.route("r", "orders")
	route.Former = append(route.Former, was.Place())
	after := newHouse(t, []weir.System{kafka.System()}, route)
	sendAll(t, after.producer(t, "r"), messages[50:])
	got := newLedger()
	c := after.consume(t, "r", "readers", got.handle, weir.Moves(500*time.Millisecond, linger))
	reported.Eventually(t, "all messages", func() bool { return got.different() == len(messages) })
	got.inOrder(t)
	reported.Eventually(t, "it is settled", func() bool { return c.State().Settled })
}

// TestStragglersAreHandled has a program that has not heard of a move go on sending to the former place.
func TestStragglersAreHandled(t *testing.T) {
	t.Parallel()
	old, next := newFake(t, "old"), newFake(t, "next")
	old.create(t, "orders")
	next.create(t, "orders")
	moving := newHouse(t, []weir.System{kafka.System()}, old.route("r", "orders"))
	deaf := newHouse(t, []weir.System{kafka.System()}, old.route("r", "orders"))
	got := newLedger()
	c := moving.consume(t, "r", "readers", got.handle, weir.Moves(200*time.Millisecond, time.Hour))
	p := deaf.producer(t, "r")
	sendAll(t, p, numbered(2, 10))
	reported.Eventually(t, "all messages", func() bool { return got.different() == 20 })
	moving.write(t, next.route("r", "orders"))
	eventually(t, "the move", func() bool { s := c.State(); return s.Moves == 1 && s.Settled })
	sendAll(t, p, []*weir.Message{{Key: []byte("late"), Body: []byte("late:0")}})
	reported.Eventually(t, "what came late", func() bool { return got.different() == 21 })
}

// TestWhatCannotMoveStays asks for moves that are refused: to another system, and to a cluster that is not there.
func TestWhatCannotMoveStays(t *testing.T) {
	t.Parallel()
	g := newFake(t, "a")
	g.create(t, "orders")
	h := newHouse(t, []weir.System{kafka.System()}, g.route("r", "orders"))
	got, p := newLedger(), h.producer(t, "r")
	c := h.consume(t, "r", "readers", got.handle)
	other := g.route("r", "orders")
	other.System = "rocketmq"
	away := g.route("r", "orders")
	away.Cluster, away.Endpoints = "away", []string{"127.0.0.1:1"}
	missing := g.route("r", "nothing")
	for i, c2 := range []struct {
		what  string
		route weir.Route
		is    func(error) bool
	}{
		{"another system", other, func(err error) bool { return errors.Is(err, weir.ErrOtherSystem) }},
		{"a cluster that is away", away, func(err error) bool { return err != nil && !errors.Is(err, weir.ErrOtherSystem) }},
		{"a topic that is missing", missing, func(err error) bool { return err != nil && !errors.Is(err, weir.ErrOtherSystem) }},
	} {
		h.write(t, c2.route)
		eventually(t, c2.what+" is refused", func() bool { return c2.is(p.State().Err) && c2.is(c.State().Err) })
		if p.State().Moves+c.State().Moves > 0 || p.State().Route.Cluster != "a" {
			t.Errorf("%s: it moved: %+v", c2.what, p.State())
		}
		t.Log(p.State().Err)
		if err := p.Send(t.Context(), &weir.Message{Body: fmt.Append(nil, i)}); err != nil {
			t.Errorf("%s: %v", c2.what, err)
		}
		reported.Eventually(t, "the message", func() bool { return got.different() == i+1 })
		h.write(t, g.route("r", "orders"))
		eventually(t, "all is well", func() bool { return p.State().Err == nil && c.State().Err == nil })
	}
	h.write(t)
	eventually(t, "the missing route is told", func() bool { return errors.Is(p.State().Err, weir.ErrUnknownResource) })
	if err := p.Send(t.Context(), &weir.Message{Body: []byte("last")}); err != nil {
		t.Error(err)
	}
}
