package weir_test

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"testing"

	"github.com/weirmq/weir/sdk"
)

// line is a way to a server that may be cut and mended.
type line struct {
	to   string // the server
	addr string // where clients dial

	mu    sync.Mutex
	cut   bool
	calls []net.Conn
	ended sync.WaitGroup
}

// newLine is a line that is not cut.
func newLine(t *testing.T, to string) *line {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	out := &line{to: to, addr: listener.Addr().String()}
	out.ended.Go(func() {
		for {
			call, err := listener.Accept()
			if err != nil {
				return
			}
			out.connect(call)
		}
	})
	t.Cleanup(func() { _ = listener.Close(); out.isCut(true); out.ended.Wait() })
	return out
}

// connect has a client speak to the server.
func (l *line) connect(call net.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	server, err := new(net.Dialer).Dial("tcp", l.to)
	if err != nil || l.cut {
		_ = call.Close()
	}
	if err != nil {
		return
	}
	if l.cut {
		_ = server.Close()
		return
	}
	l.calls = append(l.calls, call, server)
	for _, ends := range [][2]net.Conn{{call, server}, {server, call}} {
		l.ended.Go(func() { _, _ = io.Copy(ends[0], ends[1]); _ = ends[0].Close(); _ = ends[1].Close() })
	}
}

// isCut cuts the line, and whoever speaks on it off, or mends it.
func (l *line) isCut(cut bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cut = cut; !cut {
		return
	}
	for _, one := range l.calls {
		_ = one.Close()
	}
	l.calls = nil
}

// cutter is a system that cuts a line the first time that a place is ready.
type cutter struct {
	weir.System
	line *line
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
		r.of.once.Do(func() { r.of.line.isCut(true) })
	}
	return err
}

// outlivesItsNameServer has the name server be gone when a consumer was told that its topic is there, and is about to begin. It begins when that is back.
func outlivesItsNameServer(t *testing.T, g *ground) {
	g.create(t, "named")
	toNames := newLine(t, g.seeds[0])
	route := g.route("r", "named")
	h := newHouse(t, []weir.System{g.system}, route)
	sendAll(t, h.producer(t, "r"), numbered(3, 10))
	route.Endpoints = []string{toNames.addr}
	reader := newHouse(t, []weir.System{cutter{g.system, toNames, new(sync.Once)}}, route)
	got := newLedger()
	c := reader.consume(t, "r", "namers", got.handle)
	eventually(t, "the name server is away", func() bool { return errors.Is(c.State().Err, weir.ErrAway) })
	t.Log(c.State().Err)
	toNames.isCut(false)
	eventually(t, "all messages", func() bool { return got.different() == 30 })
	if err := c.State().Err; err != nil {
		t.Errorf("when it is back: got %v", err)
	}
}
