package remoting

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

// ErrClosed says that a connection was closed on this side.
var ErrClosed = errors.New("the connection was closed")

// readBytes is how much is read from a connection at once. Below 4 KiB an answer of usual size takes several system calls; above
// 64 KiB connections to hundreds of brokers hold memory for nothing.
const readBytes = 16 << 10

// conn is one connection to a broker or name server. Any number of requests may be under way on it.
type conn struct {
	network      net.Conn
	binaryHeader bool
	most         int           // bytes of an answer
	turn         chan struct{} // holds something while somebody writes
	done         chan struct{} // closed when the goroutine that reads has ended

	mu      sync.Mutex
	waiting map[int32]chan<- answer // by opaque; nil once the connection has ended
	last    int32                   // opaque of the newest request
	err     error                   // why it has ended
}

// answer is what a peer says to a request.
type answer struct {
	header header
	body   []byte
}

// newConn takes over a connection, on which a frame of more bytes than most ends it. Its one goroutine reads until the connection ends, and close waits for that.
func newConn(network net.Conn, binaryHeader bool, most int) *conn {
	c := &conn{network: network, binaryHeader: binaryHeader, most: most, turn: make(chan struct{}, 1), done: make(chan struct{}), waiting: map[int32]chan<- answer{}}
	go c.read()
	return c
}

// read hands every answer to who waits for it. What the peer asks itself, and what comes too late, is passed over.
func (c *conn) read() {
	defer close(c.done)
	buffered := bufio.NewReaderSize(c.network, readBytes)
	for {
		h, body, err := readFrame(buffered, c.most)
		if err != nil {
			c.end(fmt.Errorf("read from %s: %w", c.network.RemoteAddr(), err))
			return
		}
		if h.Flag&responseFlag == 0 {
			continue
		}
		c.mu.Lock()
		waits, ok := c.waiting[h.Opaque]
		delete(c.waiting, h.Opaque)
		c.mu.Unlock()
		if ok {
			waits <- answer{h, body} // has room for this one
		}
	}
}

// end closes the connection and tells all who wait; the first reason stays.
func (c *conn) end(reason error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.waiting == nil {
		return
	}
	c.err = reason
	_ = c.network.Close() // nothing is lost that was not lost before
	for _, waits := range c.waiting {
		close(waits)
	}
	c.waiting = nil
}

// close ends the connection and returns when nothing of it is left.
func (c *conn) close() {
	c.end(ErrClosed)
	<-c.done
}

// ended says that the connection can carry no more requests.
func (c *conn) ended() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.waiting == nil
}

// ask sends a request and waits for its answer until ctx ends. The error is of the connection or of ctx; a refusal is an answer.
func (c *conn) ask(ctx context.Context, request Request) (answer, error) {
	waits := make(chan answer, 1)
	opaque, err := c.enlist(waits)
	if err != nil {
		return answer{}, err
	}
	defer c.delist(opaque)
	frame, err := encodeFrame(header{Code: request.Code, Opaque: opaque, Fields: request.Fields}, request.Body, c.binaryHeader)
	if err != nil {
		return answer{}, err
	}
	if err := c.write(ctx, frame); err != nil {
		return answer{}, err
	}
	select {
	case got, ok := <-waits:
		if !ok {
			return answer{}, c.reason()
		}
		return got, nil
	case <-ctx.Done():
		return answer{}, context.Cause(ctx)
	}
}

// enlist makes a new opaque, whose answer goes to waits.
func (c *conn) enlist(waits chan<- answer) (int32, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.waiting == nil {
		return 0, c.err
	}
	c.last++ // after 2^31 requests it goes on below zero, where none is under way any more
	c.waiting[c.last] = waits
	return c.last, nil
}

func (c *conn) delist(opaque int32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.waiting, opaque)
}

func (c *conn) reason() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// write sends a frame when it is this one's turn. Where ctx ends while a frame is half sent, the connection ends with it: no other
// frame could follow.
func (c *conn) write(ctx context.Context, frame []byte) error {
	select {
	case c.turn <- struct{}{}:
	case <-c.done:
		return c.reason()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	defer func() { <-c.turn }()
	if ctx.Err() != nil {
		return context.Cause(ctx) // nothing was sent yet, so the connection may live on
	}
	interrupted := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(interrupted)
		_ = c.network.SetWriteDeadline(time.Unix(1, 0)) // long past; fails only where the connection has ended
	})
	_, err := c.network.Write(frame)
	if !stop() {
		<-interrupted
		_ = c.network.SetWriteDeadline(time.Time{})
	}
	if err == nil {
		return nil
	}
	err = fmt.Errorf("write to %s: %w", c.network.RemoteAddr(), err)
	c.end(err)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}
