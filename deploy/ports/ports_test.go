package ports

import (
	"fmt"
	"net"
	"os"
	"testing"
)

// TestFree holds that ports are free, with those beside them, are given once, and are none that the system gives to outgoing connections.
func TestFree(t *testing.T) {
	text, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range")
	if err != nil {
		t.Fatal(err)
	}
	var outgoing int
	if _, err := fmt.Sscan(string(text), &outgoing); err != nil {
		t.Fatal(err)
	}
	seen := map[int]bool{}
	for range 200 {
		port, err := Free(-2, 1)
		if err != nil {
			t.Fatal(err)
		}
		for _, port := range []int{port, port - 2, port + 1} {
			if seen[port] || port >= outgoing {
				t.Errorf("port %d is given: before, or to an outgoing connection", port)
			}
			seen[port] = true
			listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
			if err != nil {
				t.Fatal(err)
			}
			listener.Close()
		}
	}
}

// TestTaken holds that a port is not given which anybody has on one address of this machine.
func TestTaken(t *testing.T) {
	for _, host := range []string{"127.0.0.1", "127.9.8.7", ""} {
		addr, err := FreeAddr()
		if err != nil {
			t.Fatal(err)
		}
		_, port, _ := net.SplitHostPort(addr)
		listener, err := net.Listen("tcp", net.JoinHostPort(host, port))
		if err != nil {
			t.Fatal(err)
		}
		clear(given)
		if err := look(listener.Addr().(*net.TCPAddr).Port); err == nil {
			t.Errorf("port %s is free, and %s listens on it", port, listener.Addr())
		}
		listener.Close()
	}
}
