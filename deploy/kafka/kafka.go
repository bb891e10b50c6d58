// Package kafka runs a real Apache Kafka as child processes: one node that is broker and controller (KRaft), or a
// cluster of three such, for tests and for people without a cluster. Data is kept in a folder and is there again after
// a restart, an orderly one or after SIGKILL.
//
// Kafka runs on the JVM: a JDK 17 must be installed, and Kafka's jars fetched (package parts).
package kafka

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os/exec"
	"path/filepath"

	"github.com/weirmq/weir/deploy/child"
	"github.com/weirmq/weir/deploy/ports"
)

// heap is the most the broker's JVM keeps on its heap. Below 256 MB a few dozen partitions run it out of memory;
// above 1 GB it crowds out the rest of Weir on a small machine.
const heap = "-Xmx512m"

// Options of java for processes that live for minutes: no second compiler, and a collector of one thread. They halve
// the CPU time of a start, 5.3 s to 2.6 s, and of a format, 1.9 s to 1.1 s.
const (
	lessCompiler  = "-XX:TieredStopAtLevel=1"
	lessCollector = "-XX:+UseSerialGC"
)

// javaRemedy says how to get a JVM.
const javaRemedy = "install a JDK 17 (Debian: apt-get install openjdk-17-jdk-headless)"

// Config says what to run and where.
type Config struct {
	JarDir    string    // folder of Kafka's jars, as parts.Kafka returns it
	DataDir   string    // its folder, created where it is missing; a restart on it continues
	Addr      string    // host:port of the broker; empty chooses a free port on 127.0.0.1
	LogWriter io.Writer // gets what Kafka logs; nil discards it
	// Listeners are more than the plain one, by their names: the security protocol that each speaks. They get free ports.
	Listeners map[string]string
	Options   map[string]string // further lines of server.properties
	Java      []string          // further options of java
}

// Server is a running Kafka. Stop, Kill and Done are the child's.
type Server struct {
	addr      string
	listeners map[string]string
	*child.Child
}

// Start formats the folder where that was not done before, runs Kafka on it and returns when it answers as a broker:
// after about 4 s, after SIGKILL 13 s, when the controller no longer waits for the broker that was killed.
// ctx bounds the start only. The error says that java or the jars are missing, that the address or the folder cannot
// be used, or that Kafka did not come up; LogWriter has its reason. On an error nothing is left running.
func Start(ctx context.Context, config Config) (*Server, error) {
	java, err := findJava(config.JarDir)
	if err != nil {
		return nil, err
	}
	if config.LogWriter == nil {
		config.LogWriter = io.Discard
	}
	n := &node{java: java, config: config, heap: heap, id: 1, cluster: cluster{id: clusterID(), replicas: 1}}
	if n.addr, n.controllerAddr, err = addresses(config.Addr); err != nil {
		return nil, err
	}
	if n.listeners, err = listenerAddresses(config.Listeners); err != nil {
		return nil, err
	}
	if err := n.prepare(ctx); err != nil {
		return nil, err
	}
	running, err := n.run(ctx)
	if err != nil {
		return nil, err
	}
	return &Server{addr: n.addr, listeners: n.listeners, Child: running}, nil
}

// Addr is host:port of the broker, a client's seed.
func (s *Server) Addr() string { return s.addr }

// ListenerAddr is host:port of a listener of the configuration by its name.
func (s *Server) ListenerAddr(name string) string { return s.listeners[name] }

// findJava is the path of java, where Kafka's jars are there to run.
func findJava(jarDir string) (string, error) {
	java, err := exec.LookPath("java")
	if err != nil {
		return "", fmt.Errorf("find java, which Apache Kafka runs on: %w; %s", err, javaRemedy)
	}
	return java, checkJars(jarDir)
}

// checkJars says that a folder does not hold Kafka.
func checkJars(dir string) error {
	jars, err := filepath.Glob(filepath.Join(dir, "kafka_*.jar"))
	if err != nil {
		return fmt.Errorf("find Kafka's jars in %q: %w", dir, err)
	}
	if len(jars) == 0 {
		return fmt.Errorf("find Kafka's jars in %q: there is no kafka_*.jar; run `make parts` and pass the folder that parts.Kafka names", dir)
	}
	return nil
}

// addresses are where the broker and the controller listen. The controller's port is free and any: nobody but the
// broker in the same process talks to it.
func addresses(broker string) (brokerAddr, controllerAddr string, err error) {
	if broker == "" {
		if broker, err = ports.FreeAddr(); err != nil {
			return "", "", fmt.Errorf("find a free port for Kafka: %w", err)
		}
	} else if err := checkFree(broker); err != nil {
		return "", "", err
	}
	if controllerAddr, err = ports.FreeAddr(); err != nil {
		return "", "", fmt.Errorf("find a free port for Kafka's controller: %w", err)
	}
	return broker, controllerAddr, nil
}

// listenerAddresses are free ports of listeners.
func listenerAddresses(listeners map[string]string) (map[string]string, error) {
	addrs := map[string]string{}
	for name := range listeners {
		addr, err := ports.FreeAddr()
		if err != nil {
			return nil, fmt.Errorf("find a free port for Kafka's listener %s: %w", name, err)
		}
		addrs[name] = addr
	}
	return addrs, nil
}

// checkFree says that a given address is not one that a client could be given, or that it is taken.
func checkFree(addr string) error {
	if err := checkAddr(addr); err != nil {
		return err
	}
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return fmt.Errorf("listen on Kafka's address %s: %w; stop what uses it or choose another", addr, err)
	}
	return listener.Close()
}

// checkAddr says that a given address is not one that a client could be given.
func checkAddr(addr string) error {
	host, port, err := net.SplitHostPort(addr)
	if err == nil && (host == "" || port == "0") {
		err = errors.New("a host and a port other than 0 are needed")
	}
	if err != nil {
		return fmt.Errorf("read Kafka's address %q: %w; write host:port, or nothing for a free port", addr, err)
	}
	return nil
}
