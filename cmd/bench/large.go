package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/weirmq/weir/pipeline"
	"github.com/weirmq/weir/telemetry"
)

// largeCommand polls one real broker that has many topics and groups, as the collector would: each interval, in this process.
type largeCommand struct {
	System   string        `arg:"" enum:"kafka,rocketmq" help:"kafka or rocketmq."`
	Topics   int           `help:"How many topics the broker has." default:"10000"`
	Groups   int           `help:"How many consumer groups." default:"5000"`
	Each     int           `help:"How many topics a group has committed offsets of." default:"4"`
	Members  int           `help:"The most members of a group, 0 to 2: with 2 each second group has one." default:"2"`
	Queues   int           `help:"How many queues or partitions a topic has: RocketMQ has a message in the first, Kafka in all." default:"1"`
	Polls    int           `help:"How many polls are measured." default:"12"`
	Warm     int           `help:"How many polls go before, in which a collector comes to know the cluster." default:"15"`
	Interval time.Duration `help:"From the begin of a poll to that of the next." default:"5s"`
	Heap     string        `help:"The most of the broker's heap, as java writes it." default:"1g"`
	Keep     string        `help:"Folder for the broker's data; empty: one that is removed."`
}

// largeCluster is a broker that runs, and who polls it.
type largeCluster struct {
	pipeline.ClusterPoller
	process int // of the broker
	stop    func()
}

// pollerOf opens the poller of one cluster, as the collector does.
func pollerOf(cluster pipeline.ClusterConfig) (pipeline.ClusterPoller, error) {
	config := pipeline.DefaultConfig()
	cluster.Name = "large"
	config.Collect.Clusters = []pipeline.ClusterConfig{cluster}
	return pipeline.OpenPoller(&config, "")
}

// Run starts the broker, fills it, polls and prints a line for each thing measured.
func (c *largeCommand) Run(ctx context.Context) error {
	dir := c.Keep
	if dir == "" {
		var err error
		if dir, err = os.MkdirTemp("", "weir-bench-"); err != nil {
			return err
		}
		defer os.RemoveAll(dir)
	}
	if c.Members < 0 || c.Members > 2 {
		return fmt.Errorf("got %d members of a group, 0 to 2 are allowed", c.Members)
	}
	open := c.rocketMQ
	if c.System == "kafka" {
		open = c.kafka
	}
	began := time.Now()
	cluster, err := open(ctx, dir)
	if err != nil {
		return fmt.Errorf("start a large cluster of %s: %w", c.System, err)
	}
	defer cluster.stop()
	defer cluster.Close()
	fmt.Printf("%s: %d topics, %d groups with %d topics each and at most %d members, filled in %s\n", c.System, c.Topics, c.Groups, c.Each, c.Members,
		time.Since(began).Round(time.Second))
	return c.measure(ctx, cluster)
}

// used is what was used until a moment.
type used struct {
	requests    uint64
	bytes       int64
	cpu, broker time.Duration
}

func (c *largeCluster) used() (used, error) {
	self, err := cpuOf(os.Getpid())
	broker, brokerErr := cpuOf(c.process)
	bytes, bytesErr := bytesMoved()
	return used{c.Requests(), bytes, self, broker}, errors.Join(err, brokerErr, bytesErr)
}

// bytesMoved is what this process has read and written, which are its connections while it does nothing else.
func bytesMoved() (int64, error) {
	text, err := os.ReadFile("/proc/self/io")
	if err != nil {
		return 0, fmt.Errorf("ask for bytes read and written: %w", err)
	}
	var sum int64
	for line := range strings.Lines(string(text)) {
		var n int64
		if name, value, _ := strings.Cut(line, ": "); name == "rchar" || name == "wchar" {
			if _, err := fmt.Sscan(value, &n); err != nil {
				return 0, fmt.Errorf("read /proc/self/io: %w", err)
			}
			sum += n
		}
	}
	return sum, nil
}

// polled is how polls went.
type polled struct {
	longest, sum time.Duration
	newest       []telemetry.Report
}

// poll polls a number of times, once an interval.
func (c *largeCommand) poll(ctx context.Context, cluster *largeCluster, times int) (polled, error) {
	var out polled
	ticker := time.NewTicker(c.Interval)
	defer ticker.Stop()
	for i := range times {
		began := time.Now()
		within, cancel := context.WithTimeout(ctx, c.Interval)
		got, err := cluster.Poll(within, began)
		cancel()
		took := time.Since(began)
		fmt.Printf("poll %d: %s, %d reports, %d requests until now, %v\n", i+1, took.Round(time.Millisecond), len(got), cluster.Requests(), err)
		out.longest, out.sum, out.newest = max(out.longest, took), out.sum+took, got
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return out, ctx.Err()
		}
	}
	return out, nil
}

// measure polls, first to come to know the cluster, and prints what the polls after that cost.
func (c *largeCommand) measure(ctx context.Context, cluster *largeCluster) error {
	if _, err := c.poll(ctx, cluster, c.Warm); err != nil {
		return err
	}
	runtime.GC()
	before, err := cluster.used()
	if err != nil {
		return err
	}
	polls, err := c.poll(ctx, cluster, c.Polls)
	if err != nil {
		return err
	}
	after, err := cluster.used()
	if err != nil {
		return err
	}
	_, rss, err := cpuNanos()
	if err != nil {
		return err
	}
	runtime.GC()
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	seconds := (time.Duration(c.Polls) * c.Interval).Seconds()
	fmt.Printf("a poll: mean %s, longest %s, %d reports: %v\n", (polls.sum / time.Duration(c.Polls)).Round(time.Millisecond),
		polls.longest.Round(time.Millisecond), len(polls.newest), countGauges(polls.newest))
	fmt.Printf("%.1f requests/s, %.2f MB/s, cores of the broker %.3f, of the collector %.3f; the collector holds %d MB, %d MB were resident at most\n",
		float64(after.requests-before.requests)/seconds, float64(after.bytes-before.bytes)/1e6/seconds, (after.broker-before.broker).Seconds()/seconds,
		(after.cpu-before.cpu).Seconds()/seconds, memory.HeapAlloc>>20, rss>>10)
	return nil
}

func countGauges(reports []telemetry.Report) map[string]int {
	out := map[string]int{}
	for i := range reports {
		for _, g := range reports[i].Gauges {
			out[g.Name]++
		}
	}
	return out
}
