package weir_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/weirmq/weir/deploy/relay"
	"github.com/weirmq/weir/sdk"
)

// cutter is a system that cuts the way to its name server the first time that a place is ready.
type cutter struct {
	weir.System
	way  *relay.Relay
	once *sync.Once
}

func (c cutter) OpenReceiver(config weir.ReceiverConfig) (weir.Receiver, error) {
	of, err := c.System.OpenReceiver(config)
	return cutReceiver{of, c}, err
}

type cutReceiver struct {
	weir.Receiver
	of cutter
}

func (r cutReceiver) Ready(ctx context.Context) error {
	err := r.Receiver.Ready(ctx)
	if err == nil {
		r.of.once.Do(func() { r.of.way.Cut() })
	}
	return err
}

// outlivesItsNameServer has the name server be gone when a consumer was told that its topic is there, and is about to begin. It begins when that is back.
func outlivesItsNameServer(t *testing.T, g *ground) {
	g.create(t, "named")
	toNames, err := relay.Start(g.seeds[0], 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(toNames.Close)
	route := g.route("r", "named")
	h := newHouse(t, []weir.System{g.system}, route)
	sendAll(t, h.producer(t, "r"), numbered(3, 10))
	route.Endpoints = []string{toNames.Addr()}
	reader := newHouse(t, []weir.System{cutter{g.system, toNames, new(sync.Once)}}, route)
	got := newLedger()
	c := reader.consume(t, "r", "namers", got.handle)
	eventually(t, "the name server is away", func() bool { return errors.Is(c.State().Err, weir.ErrAway) })
	t.Log(c.State().Err)
	toNames.Mend()
	eventually(t, "all messages", func() bool { return got.different() == 30 })
	if err := c.State().Err; err != nil {
		t.Errorf("when it is back: got %v", err)
	}
}
