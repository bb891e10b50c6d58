package remoting

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// peer is the other side of a connection, that says what a test wants.
type peer struct {
	t       *testing.T
	network net.Conn
}

// connect is a connection and its peer. It is closed at the end of the test, and its goroutine has then ended: synctest waits for it.
func connect(t *testing.T) (*conn, *peer) {
	t.Helper()
	return connectFor(t, MaxFrame)
}

// connectFor is connect where answers may have so many bytes.
func connectFor(t *testing.T, most int) (*conn, *peer) {
	t.Helper()
	ours, theirs := net.Pipe()
	c := newConn(ours, false, most)
	t.Cleanup(func() {
		c.close()
		_ = theirs.Close()
	})
	return c, &peer{t, theirs}
}

// takes is the next request.
func (p *peer) takes() header {
	p.t.Helper()
	h, _, err := readFrame(p.network, MaxFrame)
	if err != nil {
		p.t.Errorf("the peer reads: %v", err)
	}
	return h
}

// says answers a request with its code as the remark.
func (p *peer) says(request header) {
	p.t.Helper()
	p.sends(header{Opaque: request.Opaque, Flag: responseFlag, Remark: fmt.Sprint(request.Code)})
}

func (p *peer) sends(h header) {
	p.t.Helper()
	frame, err := encodeFrame(h, nil, true)
	if err == nil {
		_, err = p.network.Write(frame)
	}
	if err != nil {
		p.t.Errorf("the peer writes: %v", err)
	}
}

// asked is a request under way.
type asked chan error

// ask sends a request. What comes back is nil where it was its own answer.
func ask(ctx context.Context, c *conn, code int32) asked {
	result := make(asked, 1)
	go func() {
		got, err := c.ask(ctx, Request{Code: code})
		if err == nil && got.header.Remark != fmt.Sprint(code) {
			err = fmt.Errorf("request %d got the answer %q", code, got.header.Remark)
		}
		result <- err
	}()
	return result
}

func TestAnswersFindTheirRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, peer := connect(t)
		const count = 100
		var requests []header
		var results []asked
		for i := range count {
			results = append(results, ask(t.Context(), c, int32(i)))
			requests = append(requests, peer.takes())
		}
		peer.sends(header{Opaque: requests[0].Opaque, Remark: "a question of the peer's own"})
		for i := range requests {
			peer.says(requests[count-1-i])
		}
		for _, result := range results {
			if err := <-result; err != nil {
				t.Error(err)
			}
		}
		if len(c.waiting) != 0 {
			t.Errorf("%d requests are left over", len(c.waiting))
		}
	})
}

func TestLateAnswerIsPassedOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, peer := connect(t)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		result := ask(ctx, c, 1)
		late := peer.takes()
		if err := <-result; !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != time.Second {
			t.Errorf("got %v after %v, want the deadline after 1s", err, time.Since(began))
		}
		result = ask(t.Context(), c, 2)
		request := peer.takes()
		peer.says(late)
		peer.says(request)
		if err := <-result; err != nil {
			t.Error(err)
		}
	})
}

func TestWhatIsNoAnswerEndsTheConnection(t *testing.T) {
	for name, test := range map[string]struct{ sent, want string }{
		"no frame": {"HTTP", "read from pipe: not a frame of RocketMQ's remoting protocol: its length is 1213486160, 4 to 16777212 are allowed; " +
			"check that this is a port of a broker or name server, with or without TLS"},
		"end": {"", "read from pipe: EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, peer := connect(t)
				first := ask(t.Context(), c, 1)
				peer.takes()
				second := ask(t.Context(), c, 2)
				peer.takes()
				_, _ = peer.network.Write([]byte(test.sent))
				_ = peer.network.Close()
				for _, err := range []error{<-first, <-second, <-ask(t.Context(), c, 3)} {
					if err == nil || err.Error() != test.want {
						t.Errorf("got  %v\nwant %s", err, test.want)
					}
				}
			})
		})
	}
}

// TestAnswersOfABound are taken up to it, and end the connection above.
func TestAnswersOfABound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const most = 64
		c, peer := connectFor(t, most)
		answer := func(bytes int) error {
			result := make(asked, 1)
			go func() {
				_, err := c.ask(t.Context(), Request{Code: 1})
				result <- err
			}()
			h := header{Opaque: peer.takes().Opaque, Flag: responseFlag}
			bare, err := encodeFrame(h, nil, true)
			if err != nil {
				t.Fatal(err)
			}
			frame, err := encodeFrame(h, make([]byte, bytes-len(bare)), true)
			if err != nil {
				t.Fatal(err)
			}
			_, _ = peer.network.Write(frame) // of one that is too long only the begin is read
			return <-result
		}
		if err := answer(most); err != nil {
			t.Error(err)
		}
		want := "read from pipe: not a frame of RocketMQ's remoting protocol: its length is 61, 4 to 60 are allowed; " +
			"check that this is a port of a broker or name server, with or without TLS"
		if err := answer(most + 1); err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	})
}

// TestHalfARequestEndsTheConnection has a peer that reads only a part of a request until its time is over.
func TestHalfARequestEndsTheConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, peer := connect(t)
		other := ask(t.Context(), c, 1)
		peer.takes()
		ctx, cancel := context.WithCancel(t.Context())
		result := ask(ctx, c, 2)
		if _, err := io.ReadFull(peer.network, make([]byte, 6)); err != nil {
			t.Fatal(err)
		}
		behind, cancelBehind := context.WithTimeout(t.Context(), time.Second)
		defer cancelBehind()
		if err := <-ask(behind, c, 3); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v for a request that waits for its turn, want its deadline", err)
		}
		cancel()
		if err := <-result; !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want a request that was cancelled", err)
		}
		if err := <-other; err == nil || !strings.HasPrefix(err.Error(), "write to pipe: ") || !c.ended() {
			t.Errorf("got %v for the request under way, want the end of the connection", err)
		}
	})
}

// TestEndOfTimeAfterAWriteHarmsNothing ends a context between its request and its answer: the deadline of writing must not stay.
func TestEndOfTimeAfterAWriteHarmsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, peer := connect(t)
		for range 100 {
			ctx, cancel := context.WithCancel(t.Context())
			result := ask(ctx, c, 1)
			request := peer.takes()
			cancel()
			<-result // cancelled or, by chance, not
			peer.says(request)
		}
		result := ask(t.Context(), c, 2)
		peer.says(peer.takes())
		if err := <-result; err != nil {
			t.Error(err)
		}
	})
}

// TestRequestWhoseTimeIsOverHarmsNothing asks with a context that has ended: nothing is sent, and others go on.
func TestRequestWhoseTimeIsOverHarmsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, peer := connect(t)
		other := ask(t.Context(), c, 1)
		request := peer.takes()
		over, cancel := context.WithCancel(t.Context())
		cancel()
		for range 20 { // by chance it is its turn before its end is seen
			if err := <-ask(over, c, 2); !errors.Is(err, context.Canceled) {
				t.Errorf("got %v, want a request that was cancelled", err)
			}
		}
		if c.ended() {
			t.Fatal("the connection has ended")
		}
		peer.says(request)
		if err := <-other; err != nil {
			t.Error(err)
		}
	})
}

func TestCloseEndsWhatIsUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, peer := connect(t)
		result := ask(t.Context(), c, 1)
		peer.takes()
		c.close()
		select {
		case <-c.done:
		default:
			t.Error("the goroutine of a closed connection still runs")
		}
		if err := <-result; err != ErrClosed {
			t.Errorf("got %v, want %v", err, ErrClosed)
		}
		if err := <-ask(t.Context(), c, 2); err != ErrClosed {
			t.Errorf("got %v, want %v", err, ErrClosed)
		}
	})
}
