package weir_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/weirmq/weir/sdk"
)

// TestGroupsThatBeginWithTheNewest on clusters within the process.
func TestGroupsThatBeginWithTheNewest(t *testing.T) {
	t.Parallel()
	beginWithTheNewest(t, newFake(t, "old"), newFake(t, "next"))
}

// beginWithTheNewest has groups that begin with the newest meet moves.
func beginWithTheNewest(t *testing.T, old, next *ground) {
	for name, part := range map[string]func(t *testing.T, old, next *ground, topic string){
		"moves-with-newest": newestBeforeAMove, "new-with-newest": newestBehindAMove,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			old.create(t, name)
			next.create(t, name)
			part(t, old, next, name)
		})
	}
}

// sendUntil sends one message after the other until one of them has come, and waits for the last one. It returns how many there were.
func sendUntil(t *testing.T, p *producer, got *ledger) (sent int) {
	t.Helper()
	last := ""
	eventually(t, "it is given what comes", func() bool {
		last = fmt.Sprintf("since:%d", sent)
		sendAll(t, p, []*weir.Message{{Key: []byte("since"), Body: []byte(last)}})
		sent++
		return got.different() > 0
	})
	eventually(t, "the last that came", func() bool {
		got.mu.Lock()
		defer got.mu.Unlock()
		return got.bodies[last] > 0
	})
	return sent
}

// onlySince holds that nothing came that was there before.
func (l *ledger) onlySince(t *testing.T) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, body := range slices.Sorted(maps.Keys(l.bodies)) {
		if !strings.HasPrefix(body, "since:") {
			t.Errorf("it is given %s, which was there before", body)
		}
	}
}

// newestBeforeAMove has a group begin, and then the resource move. What was in the old place before it began is nobody's, also in partitions where nothing came since,
// and what is in the new place before it reads there is not passed over.
func newestBeforeAMove(t *testing.T, old, next *ground, topic string) {
	h := newHouse(t, []weir.System{old.system}, old.route("r", topic))
	got, p := newLedger(), h.producer(t, "r")
	sendAll(t, p, numbered(20, 1)) // in all partitions
	c := h.consume(t, "r", "began-before", got.handle, weir.FromNewest(), weir.Moves(2*time.Second, time.Hour))
	began := sendUntil(t, p, got)
	already := got.different()
	h.write(t, next.route("r", topic))
	eventually(t, "the producer moves", func() bool { return p.State().Moves == 1 })
	for i := range 10 {
		sendAll(t, p, []*weir.Message{{Key: []byte("since"), Body: fmt.Appendf(nil, "since:%d", began+i)}})
	}
	eventually(t, "the move", func() bool { s := c.State(); return s.Moves == 1 && s.Settled })
	eventually(t, "what was in the new place", func() bool { return got.different() == already+10 })
	got.onlySince(t)
}

// newestBehindAMove has groups start where the route names a former place: one that is new is given what comes, and nothing of before. One that was at the former
// place is given what was sent to the new one while it was away.
func newestBehindAMove(t *testing.T, old, next *ground, topic string) {
	route, was := next.route("r", topic), old.route("r", topic)
	route.Former = append(route.Former, was.Place())
	before := newHouse(t, []weir.System{old.system}, was)
	sendAll(t, before.producer(t, "r"), numbered(20, 1))
	h := newHouse(t, []weir.System{old.system}, route)
	p := h.producer(t, "r")
	sendAll(t, p, numbered(20, 1)) // in all partitions
	consume := func(group string) *ledger {
		got := newLedger()
		h.consume(t, "r", group, got.handle, weir.FromNewest(), weir.Moves(500*time.Millisecond, linger))
		return got
	}
	newcomers := consume("newcomers")
	sent := sendUntil(t, p, newcomers)
	newcomers.onlySince(t)
	there := newLedger()
	c := before.consume(t, "r", "moved-before", there.handle)
	eventually(t, "all that was in the old place", func() bool { return there.different() == 20 })
	c.end(t)
	moved := consume("moved-before")
	eventually(t, "all that is in the new place", func() bool { return moved.different() == 20+sent })
}
