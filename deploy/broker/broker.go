// Package broker runs a Kafka-protocol broker inside the process, for one machine with nothing installed. Any Kafka
// client talks to it over TCP; its data is kept in a folder and is there again after a restart. What it acknowledged outlives SIGKILL, too; the sequence
// numbers of idempotent producers do not, as they do in Apache Kafka, so that a batch may be there twice that it had stored and not yet acknowledged.
package broker

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// DefaultPartitions is how many partitions a topic gets where its creator names no number. With 1 no two consumers
// share a topic; above 64 an embedded broker spends its time on empty partitions.
const DefaultPartitions = 8

// Config says where the broker listens and keeps its data.
type Config struct {
	Addr       string // host:port; port 0 or an empty Addr chooses a free port on 127.0.0.1
	DataDir    string // its folder, created where it is missing; empty keeps the data in memory only
	SyncWrites bool   // fsync every batch: slower, and nothing is lost when the machine fails
}

// Broker is a running broker.
type Broker struct {
	cluster *kfake.Cluster
	locked  *os.File // nil where data is in memory
}

// Start runs a broker. The error says that the address or the data folder cannot be used, or that another broker has it.
func Start(config Config) (out *Broker, err error) {
	host, port, err := splitAddr(config.Addr)
	if err != nil {
		return nil, err
	}
	var locked *os.File
	options := []kfake.Opt{
		kfake.NumBrokers(1),
		kfake.DefaultNumPartitions(DefaultPartitions),
		kfake.ListenFn(func(network, address string) (net.Listener, error) {
			_, wanted, err := net.SplitHostPort(address)
			if err != nil {
				return nil, err
			}
			return net.Listen(network, net.JoinHostPort(host, wanted))
		}),
	}
	if port != 0 {
		options = append(options, kfake.Ports(port))
	}
	if config.DataDir != "" {
		if err := os.MkdirAll(config.DataDir, 0o750); err != nil {
			return nil, fmt.Errorf("create the broker's data folder: %w", err)
		}
		options = append(options, kfake.DataDir(config.DataDir))
		if locked, err = lock(config.DataDir); err != nil {
			return nil, err
		}
		defer func() {
			if out == nil {
				_ = locked.Close()
			}
		}()
	}
	if config.SyncWrites {
		options = append(options, kfake.SyncWrites())
	}
	batches, err := newBatchStamper()
	if err != nil {
		return nil, err
	}
	cluster, err := kfake.NewCluster(options...)
	if err != nil {
		return nil, fmt.Errorf("start the embedded broker on %s: %w; choose a free address, or port 0 for any", net.JoinHostPort(host, strconv.Itoa(port)), err)
	}
	stampAppendTime(cluster, batches)
	if config.DataDir != "" {
		cluster.ControlKey(kmsg.DescribeLogDirs.Int16(), (&diskTeller{cluster, config.DataDir}).tell)
	}
	return &Broker{cluster, locked}, nil
}

// splitAddr is the host and port to listen on.
func splitAddr(addr string) (string, int, error) {
	if addr == "" {
		return "127.0.0.1", 0, nil
	}
	host, text, err := net.SplitHostPort(addr)
	if err != nil {
		return "", 0, fmt.Errorf("read the broker's address %q: %w; write host:port", addr, err)
	}
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return "", 0, fmt.Errorf("read the broker's address %q: %w", addr, errors.New("the port must be a number from 0 to 65535"))
	}
	return host, int(port), nil
}

// Addrs are the broker's addresses, as a client's seeds.
func (b *Broker) Addrs() []string { return b.cluster.ListenAddrs() }

// Close stops the broker and writes what it holds to its folder.
func (b *Broker) Close() {
	b.cluster.Close()
	if b.locked != nil {
		_ = b.locked.Close()
	}
}

// stampAppendTime makes the broker honour message.timestamp.type=LogAppendTime, which it leaves to the producer.
func stampAppendTime(cluster *kfake.Cluster, batches batchStamper) {
	s := &stamper{cluster: cluster, batches: batches, appendTime: make(map[string]bool), idTopic: make(map[[16]byte]string)}
	for _, key := range []kmsg.Key{kmsg.CreateTopics, kmsg.DeleteTopics, kmsg.AlterConfigs, kmsg.IncrementalAlterConfigs} {
		cluster.ControlKey(key.Int16(), s.forget)
	}
	cluster.ControlKey(kmsg.Produce.Int16(), s.stamp)
}
