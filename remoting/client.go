package remoting

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
)

// Config says how brokers and name servers are asked.
type Config struct {
	// TLS is how their certificates are checked; nil asks without TLS. Brokers are known by address: their certificates need it.
	TLS *tls.Config
	// BinaryHeaders asks with headers in RocketMQ's own encoding, in place of JSON; answers come in the same one.
	BinaryHeaders bool
	// AccessKey and SecretKey sign every request, for brokers with access control; empty: none is signed.
	AccessKey, SecretKey string
	// AnswerBytes is the most of an answer: one that is longer ends the connection. 0 is MaxFrame.
	AnswerBytes int
}

// Client asks any number of brokers and name servers, over one connection to each. A connection that ended is made anew by the next
// request. Its methods may be called from any goroutine.
type Client struct {
	config Config
	alive  context.Context // ends with Close
	end    context.CancelFunc
	sent   atomic.Uint64 // requests

	mu    sync.Mutex
	links map[string]*link // by address
}

// link is the connection to one address.
type link struct {
	turn chan struct{} // holds something while somebody connects
	conn *conn         // of who has the turn; nil before the first
}

// NewClient is a client that has no connection yet.
func NewClient(config Config) *Client {
	c := &Client{config: config, links: map[string]*link{}}
	c.alive, c.end = context.WithCancel(context.Background())
	return c
}

// Close ends all connections and what is under way on them, and returns when nothing of it is left.
func (c *Client) Close() {
	c.end()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, l := range c.links {
		l.turn <- struct{}{}
		if l.conn != nil {
			l.conn.close()
		}
		<-l.turn
	}
}

// Requests is how many requests were made.
func (c *Client) Requests() uint64 { return c.sent.Load() }

// Request is a question as the protocol has it, for what this package has no call of its own for.
type Request struct {
	Code   int32 // what is asked; at most 32767 where Config.BinaryHeaders is set
	Fields map[string]string
	Body   []byte
}

// Response is an answer that is no refusal.
type Response struct {
	Remark string // mostly empty
	Fields map[string]string
	Body   []byte
}

// Do sends a request to host:port and waits for its answer until ctx ends. A refusal is an *Error.
func (c *Client) Do(ctx context.Context, addr string, request Request) (Response, error) {
	return c.do(ctx, target{c, addr}, fmt.Sprintf("code %d", request.Code), request)
}

// do is Do with what is asked for in words.
func (c *Client) do(ctx context.Context, to target, what string, request Request) (Response, error) {
	c.sent.Add(1)
	conn, err := c.connection(ctx, to.addr)
	if err != nil {
		return Response{}, fmt.Errorf("ask %s for %s: %w", to.addr, what, err)
	}
	if c.config.AccessKey != "" {
		request = signed(request, c.config.AccessKey, c.config.SecretKey)
	}
	got, err := conn.ask(ctx, request)
	if err != nil {
		return Response{}, fmt.Errorf("ask %s for %s: %w", to.addr, what, err)
	}
	if h := got.header; h.Code != codeOK {
		return Response{}, &Error{Addr: to.addr, What: what, Code: h.Code, Remark: h.Remark, Reason: reason(request.Code, h.Code, h.Remark), fields: h.Fields}
	}
	return Response{Remark: got.header.Remark, Fields: got.header.Fields, Body: got.body}, nil
}

// connection is the one to an address. Who comes while it is being made waits for it.
func (c *Client) connection(ctx context.Context, addr string) (*conn, error) {
	l := c.link(addr)
	select {
	case l.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	defer func() { <-l.turn }()
	if c.alive.Err() != nil {
		return nil, ErrClosed
	}
	if l.conn != nil && !l.conn.ended() {
		return l.conn, nil
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(c.alive, cancel)()
	network, err := c.dial(ctx, addr)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	l.conn = newConn(network, c.config.BinaryHeaders, cmp.Or(c.config.AnswerBytes, MaxFrame))
	return l.conn, nil
}

func (c *Client) link(addr string) *link {
	c.mu.Lock()
	defer c.mu.Unlock()
	l := c.links[addr]
	if l == nil {
		l = &link{turn: make(chan struct{}, 1)}
		c.links[addr] = l
	}
	return l
}

func (c *Client) dial(ctx context.Context, addr string) (net.Conn, error) {
	if c.config.TLS == nil {
		return new(net.Dialer).DialContext(ctx, "tcp", addr)
	}
	return (&tls.Dialer{Config: c.config.TLS}).DialContext(ctx, "tcp", addr)
}

// target is who is asked.
type target struct {
	client *Client
	addr   string // host:port
}

// fetch asks a target and decodes the body of its answer. Without a body it is an *Error that wraps ErrEmpty.
func fetch[T any](ctx context.Context, to target, what string, request Request) (T, error) {
	var into T
	got, err := to.client.do(ctx, to, what, request)
	if err != nil {
		return into, err
	}
	if len(got.Body) == 0 {
		return into, &Error{Addr: to.addr, What: what, Remark: got.Remark, Reason: ErrEmpty}
	}
	if err := decodeBody(got.Body, &into); err != nil {
		return into, fmt.Errorf("ask %s for %s: %w", to.addr, what, err)
	}
	return into, nil
}
