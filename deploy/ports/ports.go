// Package ports finds ports of this machine for processes that are told where to listen before they run.
package ports

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
)

// Ports are below those that Linux gives to outgoing connections (from 32,768, net.ipv4.ip_local_port_range): one of those could take a port after it was
// found free, until the process listens, or while it is away. They begin above those of a machine's own services.
const (
	first = 5_000
	last  = 32_000
)

// tries is how often a port is looked for. Below 10 a machine with many servers has none by chance, with free ones at all distances; above 1000 one that
// has none at all is searched for seconds.
const tries = 100

var (
	mu    sync.Mutex
	given = map[int]bool{} // as many as this process has asked for
)

// Free is a port that nothing listens on, on no address of this machine, as at the distances from it, and that this process was not given before. The error
// says that none was found.
func Free(distances ...int) (int, error) {
	mu.Lock()
	defer mu.Unlock()
	var taken error
	for range tries {
		port := first + rand.IntN(last-first)
		if taken = look(port); taken != nil {
			continue
		}
		for _, distance := range distances {
			taken = errors.Join(taken, look(port+distance))
		}
		if taken != nil {
			continue
		}
		given[port] = true
		for _, distance := range distances {
			given[port+distance] = true
		}
		return port, nil
	}
	return 0, fmt.Errorf("find a free port between %d and %d: %d were tried: %w", first, last, tries, taken)
}

// FreeAddr is host:port on the loopback interface, with a port as Free finds it.
func FreeAddr() (string, error) {
	port, err := Free()
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("127.0.0.1:%d", port), nil
}

var errGiven = errors.New("it was given before")

// look says that a port cannot be given. All addresses are asked: some programs listen on all, and some on one.
func look(port int) error {
	if given[port] {
		return fmt.Errorf("port %d: %w", port, errGiven)
	}
	listener, err := net.Listen("tcp", fmt.Sprintf(":%d", port))
	if err != nil {
		return err
	}
	return listener.Close()
}
