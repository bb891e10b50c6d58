package remoting

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"
)

// broker answers every request with an empty answer of code 0, a connection each: what a test closes it may have again.
func broker(t *testing.T) (addr string, connections <-chan net.Conn) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	accepted := make(chan net.Conn, 10)
	go func() {
		for {
			network, err := listener.Accept()
			if err != nil {
				return
			}
			accepted <- network
			go serve(network)
		}
	}()
	return listener.Addr().String(), accepted
}

// serve answers until its peer is gone.
func serve(network net.Conn) {
	for {
		request, _, err := readFrame(network, MaxFrame)
		if err != nil {
			return
		}
		answer, err := encodeFrame(header{Opaque: request.Opaque, Flag: responseFlag}, nil, false)
		if err != nil {
			return
		}
		if _, err := network.Write(answer); err != nil {
			return
		}
	}
}

func newClient(t *testing.T, config Config) *Client {
	t.Helper()
	client := NewClient(config)
	t.Cleanup(client.Close)
	return client
}

func TestOneConnectionServesAll(t *testing.T) {
	addr, connections := broker(t)
	client := newClient(t, Config{})
	results := make(chan error)
	for range 20 {
		go func() {
			_, err := client.Do(t.Context(), addr, Request{Code: 1})
			results <- err
		}()
	}
	for range 20 {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
	if n := len(connections); n != 1 {
		t.Errorf("there were %d connections, want 1", n)
	}
}

func TestLostConnectionIsMadeAnew(t *testing.T) {
	addr, connections := broker(t)
	client := newClient(t, Config{})
	for range 3 {
		if _, err := client.Do(t.Context(), addr, Request{Code: 1}); err != nil {
			t.Fatal(err)
		}
		_ = (<-connections).Close()
		<-client.links[addr].conn.done
	}
}

func TestUnreachableBrokerIsNamed(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := listener.Addr().String()
	_ = listener.Close()
	_, err = newClient(t, Config{}).Broker(addr).Groups(t.Context())
	if want := "ask " + addr + " for the consumer groups: connect: dial tcp " + addr + ": connect: connection refused"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// TestTimeOverIsTold has a broker that takes connections and says nothing.
func TestTimeOverIsTold(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	addr := listener.Addr().String()
	_, err = newClient(t, Config{}).NameServer(addr).ClusterInfo(ctx)
	if want := "ask " + addr + " for the brokers: context deadline exceeded"; !errors.Is(err, context.DeadlineExceeded) || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestClosedClientAsksNobody(t *testing.T) {
	addr, connections := broker(t)
	client := NewClient(Config{})
	if _, err := client.Do(t.Context(), addr, Request{Code: 1}); err != nil {
		t.Fatal(err)
	}
	client.Close()
	client.Close()
	for _, to := range []string{addr, "127.0.0.1:1"} {
		if _, err := client.Do(t.Context(), to, Request{Code: 1}); !errors.Is(err, ErrClosed) {
			t.Errorf("got %v, want %v", err, ErrClosed)
		}
	}
	if n := len(connections); n != 1 {
		t.Errorf("there were %d connections, want 1", n)
	}
}

// TestErrorKeepsALongRemarkOut has a stack trace for a remark.
func TestErrorKeepsALongRemarkOut(t *testing.T) {
	err := &Error{Addr: "b:1", What: "x", Code: 1, Remark: "\x1b[2J" + strings.Repeat("é", 300) + "\n\tat java.lang", Reason: ErrRefused}
	if want := "ask b:1 for x: it was refused (code 1:  [2J" + strings.Repeat("é", 254) + ")"; err.Error() != want || !errors.Is(err, ErrRefused) {
		t.Errorf("got %s", err)
	}
}

// TestRefusalsHaveReasons has what only a remark tells apart; the samples have the rest.
func TestRefusalsHaveReasons(t *testing.T) {
	for _, test := range []struct {
		request, code int32
		remark        string
		want          error
	}{
		{codeConsumeStats, codeSystemError, "the table not exist", ErrRefused},
		{codeRuntimeInfo, codeSystemError, "java.lang.NullPointerException", ErrRefused},
		{codeTopicStats, codeNotFound, "", ErrRefused},
		{codeRuntimeInfo, codeNoPermission, "", ErrNoPermission},
		{codeRuntimeInfo, 2, "[TIMEOUT_CLEAN_QUEUE]broker busy", ErrRefused},
	} {
		if got := reason(test.request, test.code, test.remark); got != test.want {
			t.Errorf("%+v: got %v", test, got)
		}
	}
}
