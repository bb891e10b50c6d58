package relay

import (
	"io"
	"net"
	"testing"
)

// says speaks to a server that repeats what it hears, and returns whether it did.
func says(t *testing.T, addr string) bool {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	answer := make([]byte, 2)
	_, _ = c.Write([]byte("hi"))
	_, err = io.ReadFull(c, answer)
	return err == nil && string(answer) == "hi"
}

// TestRelay loses the first connection, passes on others, ends them when it is cut, and passes on again what comes when it is mended.
func TestRelay(t *testing.T) {
	server, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	go func() {
		for {
			c, err := server.Accept()
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(c, c); _ = c.Close() }()
		}
	}()
	r, err := Start(server.Addr().String(), 1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	if says(t, r.Addr()) {
		t.Error("the first connection is passed on")
	}
	if !says(t, r.Addr()) {
		t.Error("the second connection is lost")
	}
	held, err := net.Dial("tcp", r.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	_, _ = held.Write([]byte("hi"))
	if _, err := io.ReadFull(held, make([]byte, 2)); err != nil {
		t.Fatal(err)
	}
	r.Cut()
	if _, err := held.Read(make([]byte, 1)); err == nil {
		t.Error("what is open is not cut")
	}
	if says(t, r.Addr()) {
		t.Error("what comes is not cut")
	}
	r.Mend()
	if !says(t, r.Addr()) || r.Taken() != 5 {
		t.Errorf("when it is mended: %d connections, want 5 and an answer", r.Taken())
	}
}
