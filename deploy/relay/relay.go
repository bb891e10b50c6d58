// Package relay stands between clients and a server, for tests of what becomes of them when the way is cut.
package relay

import (
	"fmt"
	"io"
	"net"
	"sync"
)

// Relay passes connections on to a server, until it is closed. Its methods may be called from any goroutine.
type Relay struct {
	to       string
	listener net.Listener
	ended    sync.WaitGroup

	mu    sync.Mutex
	lose  int // of those to come
	taken int
	cut   bool
	open  []net.Conn
}

// Start begins one on a free port of the loopback address. The first connections, as many as lose says, are ended as soon as something has come over them. The error says that
// nothing could listen.
func Start(to string, lose int) (*Relay, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for clients of %s: %w", to, err)
	}
	r := &Relay{to: to, listener: listener, lose: lose}
	r.ended.Go(r.accept)
	return r, nil
}

// Addr is where clients dial.
func (r *Relay) Addr() string { return r.listener.Addr().String() }

// Taken is how many connections there were.
func (r *Relay) Taken() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.taken
}

// Cut ends all connections, and each that comes, until the way is mended.
func (r *Relay) Cut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cut = true
	for _, one := range r.open {
		_ = one.Close()
	}
	r.open = nil
}

// Mend has connections passed on again.
func (r *Relay) Mend() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cut = false
}

// Close ends it, and waits until nothing of it runs.
func (r *Relay) Close() {
	_ = r.listener.Close()
	r.Cut()
	r.ended.Wait()
}

func (r *Relay) accept() {
	for {
		client, err := r.listener.Accept()
		if err != nil {
			return
		}
		r.ended.Go(func() { r.pass(client) })
	}
}

// pass has a client speak to the server.
func (r *Relay) pass(client net.Conn) {
	server, err := net.Dial("tcp", r.to)
	if err != nil {
		_ = client.Close()
		return
	}
	if lost, cut := r.take(client, server); lost || cut {
		if !cut {
			_, _ = client.Read(make([]byte, 1))
		}
		_ = client.Close()
		_ = server.Close()
		return
	}
	var ways sync.WaitGroup
	for _, ends := range [][2]net.Conn{{client, server}, {server, client}} {
		ways.Go(func() {
			_, _ = io.Copy(ends[0], ends[1])
			_ = ends[0].Close()
			_ = ends[1].Close()
		})
	}
	ways.Wait()
}

// take counts a connection, and keeps its ends to be cut; it says whether it is one to lose, and whether the way is cut.
func (r *Relay) take(ends ...net.Conn) (lost, cut bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.taken++
	if !r.cut {
		r.open = append(r.open, ends...)
	}
	return r.taken <= r.lose, r.cut
}
