package rocketmq

import (
	"context"
	_ "embed" // of the program
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/weirmq/weir/deploy/child"
)

//go:embed Traffic.java
var trafficSource []byte

// allConsumed is what the program prints when it has consumed what it sent.
const allConsumed = "all consumed"

// Traffic is what clients do.
type Traffic struct {
	NameServer string // host:port
	Broker     string // host:port, where the topic is created with 4 queues
	Topic      string
	Producers  string // group of the producer
	Consumers  string // group of the consumer, which begins at the topic's start
	Messages   int    // how many are sent, of 100 bytes
	// AccessKey and SecretKey are what they sign with; empty: they do not.
	AccessKey, SecretKey string
}

// StartTraffic runs a producer and a consumer of RocketMQ's own client in Java, in one process, and returns when all messages are
// sent and consumed. They stay connected until it is stopped. ctx bounds the start only. On an error nothing is left running.
func StartTraffic(ctx context.Context, config Config, traffic Traffic) (*child.Child, error) {
	java, err := exec.LookPath("java")
	if err != nil {
		return nil, fmt.Errorf("find java, which RocketMQ's client runs on: %w; %s", err, javaRemedy)
	}
	source, err := writeProgram(config.DataDir, "Traffic.java", trafficSource)
	if err != nil {
		return nil, fmt.Errorf("write RocketMQ's clients: %w", err)
	}
	arguments := slices.Concat(quickStart, []string{nameServerHeap, "-Duser.home=" + config.DataDir}, config.JVM,
		[]string{"-cp", filepath.Join(config.JarDir, "*"), source, traffic.NameServer, traffic.Broker, traffic.Topic,
			traffic.Producers, traffic.Consumers, strconv.Itoa(traffic.Messages)})
	if traffic.AccessKey != "" {
		arguments = append(arguments, traffic.AccessKey, traffic.SecretKey)
	}
	printed := newWatch(config.LogWriter, allConsumed)
	running, err := child.Start(ctx, child.Config{Executable: java, Args: arguments, LogWriter: printed, Ready: printed.seen, Timeout: readyTimeout})
	if err != nil {
		return nil, fmt.Errorf("start RocketMQ's clients: %w", err)
	}
	return running, nil
}

// writeProgram writes the source of a program, which java compiles as it starts it, and returns its path.
func writeProgram(dir, name string, source []byte) (string, error) {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return "", err
	}
	path := filepath.Join(dir, name)
	return path, os.WriteFile(path, source, 0o600)
}
