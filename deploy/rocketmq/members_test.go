package rocketmq

import (
	"io"
	"net"
	"sync"
	"testing"
)

// lost are the connections to the name server that are lost. Not fewer: a client asks of three topics on a thread besides.
const lost = 4

// TestMembersStartOnABusyMachine: the first questions to the name server are lost, which RocketMQ's client does not ask again.
func TestMembersStartOnABusyMachine(t *testing.T) {
	nameServer, err := StartNameServer(t.Context(), newConfig(t, "namesrv"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nameServer.Kill)
	broker, err := StartBroker(t.Context(), newConfig(t, "broker"), nameServer.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(broker.Kill)
	between := losesTheFirstConnections(t, nameServer.Addr())
	members, err := StartMembers(t.Context(), newConfig(t, "members"), between.addr, Member{Group: "readers", Topic: "orders", Expression: "*"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(members.Kill)
	between.mu.Lock()
	defer between.mu.Unlock()
	if between.connections <= lost {
		t.Errorf("%d connections, want %d that are lost, and more", between.connections, lost)
	}
}

// losing passes connections on, but for the first, which it closes when something has come over them.
type losing struct {
	addr string

	mu          sync.Mutex
	connections int
}

// losesTheFirstConnections begins one, until the test ends.
func losesTheFirstConnections(t *testing.T, to string) *losing {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &losing{addr: listener.Addr().String()}
	var ended sync.WaitGroup
	ended.Go(func() {
		for {
			from, err := listener.Accept()
			if err != nil {
				return
			}
			l.mu.Lock()
			l.connections++
			first := l.connections <= lost
			l.mu.Unlock()
			ended.Go(func() {
				if first {
					_, _ = from.Read(make([]byte, 1))
					_ = from.Close()
					return
				}
				pass(from, to)
			})
		}
	})
	t.Cleanup(func() { // behind the members, which end their connections
		_ = listener.Close()
		ended.Wait()
	})
	return l
}

// pass passes on what comes over a connection, both ways, until one side ends it.
func pass(from net.Conn, to string) {
	onward, err := net.Dial("tcp", to)
	if err != nil {
		_ = from.Close()
		return
	}
	var ways sync.WaitGroup
	for _, way := range [][2]net.Conn{{from, onward}, {onward, from}} {
		ways.Go(func() {
			_, _ = io.Copy(way[0], way[1])
			_ = way[0].Close()
			_ = way[1].Close()
		})
	}
	ways.Wait()
}
