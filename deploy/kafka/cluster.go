package kafka

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"syscall"

	"github.com/weirmq/weir/deploy/child"
)

const (
	// clusterNodes is how many nodes a cluster has. Not fewer: with one of two away nobody has a majority; not more: each takes a JVM.
	clusterNodes = 3
	// clusterHeap is the most that the JVM of one keeps on its heap. Not smaller: the log cleaner alone takes 128 MB of it; not larger:
	// three of them run beside tests.
	clusterHeap = "-Xmx320m"
	// offsetsPartitions are those of the topic of committed offsets. Not fewer: each node is to coordinate some groups; not more: of 50,
	// as a node alone has them, two nodes fetch all the time.
	offsetsPartitions = "6"
)

// Cluster is three nodes, each broker and controller, in processes of their own.
type Cluster struct{ nodes []*Node }

// Node is one of a cluster. Its methods are for one goroutine at a time.
type Node struct {
	node    *node
	running *child.Child
}

// StartCluster runs three nodes, each on a folder of its own below DataDir, and returns when all answer as brokers. They listen on a
// loopback address that is theirs alone, where no outgoing connection takes the port of a node that is away; so Addr must be empty.
// ctx bounds the start only; errors are those of Start. On an error nothing is left running.
func StartCluster(ctx context.Context, config Config) (*Cluster, error) {
	if config.Addr != "" {
		return nil, fmt.Errorf("start a cluster of Kafka: got the address %s; leave it out, each node chooses its own", config.Addr)
	}
	if len(config.Listeners) > 0 {
		return nil, errors.New("start a cluster of Kafka: got further listeners, which a single node alone has; leave them out")
	}
	java, err := findJava(config.JarDir)
	if err != nil {
		return nil, err
	}
	if config.LogWriter == nil {
		config.LogWriter = io.Discard
	}
	config.LogWriter = &sharedWriter{to: config.LogWriter}
	addrs, err := loopbackAddresses(2 * clusterNodes)
	if err != nil {
		return nil, fmt.Errorf("find addresses for a cluster of Kafka: %w", err)
	}
	brokers, controllers := addrs[:clusterNodes], addrs[clusterNodes:]
	of := cluster{id: clusterID(), voters: voters(controllers), replicas: clusterNodes}
	c := &Cluster{}
	for i := range clusterNodes {
		own := config
		own.Options = map[string]string{"offsets.topic.num.partitions": offsetsPartitions}
		maps.Copy(own.Options, config.Options)
		own.DataDir = filepath.Join(config.DataDir, fmt.Sprintf("node-%d", i+1))
		c.nodes = append(c.nodes, &Node{node: &node{java: java, config: own, heap: clusterHeap, id: int32(i + 1),
			addr: brokers[i], controllerAddr: controllers[i], cluster: of}})
	}
	if err := c.start(ctx); err != nil {
		c.Kill()
		return nil, err
	}
	return c, nil
}

// start starts all nodes at once: none answers before two have voted.
func (c *Cluster) start(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // one that fails lets the others not wait
	errs := make([]error, len(c.nodes))
	var starting sync.WaitGroup
	for i, n := range c.nodes {
		starting.Go(func() {
			if errs[i] = n.Start(ctx); errs[i] != nil {
				cancel()
			}
		})
	}
	starting.Wait()
	return errors.Join(errs...)
}

// voters are controllers as controller.quorum.voters has them.
func voters(addrs []string) string {
	out := make([]string, len(addrs))
	for i, addr := range addrs {
		out[i] = fmt.Sprintf("%d@%s", i+1, addr)
	}
	return strings.Join(out, ",")
}

// loopbackAddresses are free ports of one address of 127.0.0.0/8, of which Linux has all, and connects from 127.0.0.1.
func loopbackAddresses(count int) ([]string, error) {
	var host [3]byte
	_, _ = rand.Read(host[:]) // never fails, by its documentation
	ip := net.IPv4(127, host[0]|1, host[1], host[2]&^1|2)
	var out []string
	for range count { // all are held before any is let go, so that they differ
		listener, err := net.Listen("tcp", net.JoinHostPort(ip.String(), "0"))
		if err != nil {
			return nil, err
		}
		defer listener.Close()
		out = append(out, listener.Addr().String())
	}
	return out, nil
}

// Nodes are those of the cluster, in the order of their ids: 1, 2, 3.
func (c *Cluster) Nodes() []*Node { return c.nodes }

// Addrs is host:port of each broker, seeds of clients.
func (c *Cluster) Addrs() []string {
	var out []string
	for _, n := range c.nodes {
		out = append(out, n.node.addr)
	}
	return out
}

// Kill ends all nodes with SIGKILL, those that stand still too.
func (c *Cluster) Kill() {
	for _, n := range c.nodes {
		n.Kill()
	}
}

// ID is the node's, as broker and as controller.
func (n *Node) ID() int32 { return n.node.id }

// Addr is host:port of its broker.
func (n *Node) Addr() string { return n.node.addr }

// Start runs the node, which must have ended, on its folder and address, and returns when it answers as a broker.
func (n *Node) Start(ctx context.Context) error {
	if err := n.node.prepare(ctx); err != nil {
		return err
	}
	running, err := n.node.run(ctx)
	if err != nil {
		return err
	}
	n.running = running
	return nil
}

// Stop ends the node in order: it gives its partitions away first. See child.Child.
func (n *Node) Stop(ctx context.Context) error { return n.running.Stop(ctx) }

// Kill ends the node with SIGKILL, if it runs.
func (n *Node) Kill() {
	if n.running != nil {
		n.running.Kill()
	}
}

// Hang lets the node stand still (SIGSTOP): it takes connections and answers nobody, until Continue.
func (n *Node) Hang() error { return n.signal(syscall.SIGSTOP) }

// Continue lets a node that stands still go on.
func (n *Node) Continue() error { return n.signal(syscall.SIGCONT) }

func (n *Node) signal(s syscall.Signal) error {
	if err := syscall.Kill(n.running.PID(), s); err != nil {
		return fmt.Errorf("signal %s to Kafka's node %d: %w", s, n.node.id, err)
	}
	return nil
}

// sharedWriter lets processes write one at a time.
type sharedWriter struct {
	mu sync.Mutex
	to io.Writer
}

// Write passes p on.
func (w *sharedWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.to.Write(p)
}
