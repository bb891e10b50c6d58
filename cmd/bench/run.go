package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime/metrics"
	"runtime/pprof"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sys/unix"

	"github.com/weirmq/weir/deploy/broker"
	"github.com/weirmq/weir/pipeline"
	"github.com/weirmq/weir/telemetry"
)

// result is what one process measured.
type result struct {
	Addr     string `json:"addr,omitempty"` // of the broker
	Records  int    `json:"records,omitempty"`
	CPUNanos int64  `json:"cpu_nanos,omitempty"`
	MaxRSS   int64  `json:"max_rss_kib,omitempty"`
	IdleRSS  int64  `json:"idle_rss_kib,omitempty"` // before anything was read
	Mallocs  uint64 `json:"mallocs,omitempty"`
	GCNanos  int64  `json:"gc_nanos,omitempty"` // CPU time of the garbage collector
}

// perRecord is a sum's share of one record.
func (r result) perRecord(sum int64) float64 { return float64(sum) / float64(r.Records) }

func (r result) print() error { return printJSON(r) }

func printJSON(what any) error {
	if err := json.NewEncoder(os.Stdout).Encode(what); err != nil {
		return fmt.Errorf("print the result: %w", err)
	}
	return nil
}

// cpuNanos is the CPU time of this process, user and system, and the most memory it
// held. The kernel's own maximum counts what the parent held before it started this one.
func cpuNanos() (nanos, maxRSSKiB int64, err error) {
	var usage unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &usage); err != nil {
		return 0, 0, fmt.Errorf("ask for CPU time: %w", err)
	}
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, 0, fmt.Errorf("ask for memory: %w", err)
	}
	if _, after, found := strings.Cut(string(status), "VmHWM:"); found {
		_, err = fmt.Sscan(after, &maxRSSKiB)
	}
	return usage.Utime.Nano() + usage.Stime.Nano(), maxRSSKiB, err
}

// stopwatch takes CPU time from when each series was seen once: a stage that runs for
// weeks meets most series again.
type stopwatch struct {
	warm   int // records
	began  int // records, 0 before
	before int64
	heap   heapUse
}

// heapUse is what a process has allocated and collected.
type heapUse struct {
	mallocs uint64
	gcNanos int64
}

func heapUsed() heapUse {
	samples := []metrics.Sample{{Name: "/gc/heap/allocs:objects"}, {Name: "/cpu/classes/gc/total:cpu-seconds"}, {Name: "/cpu/classes/gc/mark/idle:cpu-seconds"}}
	metrics.Read(samples)
	return heapUse{samples[0].Value.Uint64(), int64((samples[1].Value.Float64() - samples[2].Value.Float64()) * 1e9)}
}

// see says how many records were read.
func (s *stopwatch) see(records int) error {
	if s.began > 0 || records < s.warm {
		return nil
	}
	var err error
	s.began = records
	s.before, _, err = cpuNanos()
	s.heap = heapUsed()
	return err
}

// print prints the CPU time since.
func (s *stopwatch) print(records int) error {
	after, rss, err := cpuNanos()
	if err != nil {
		return err
	}
	heap := heapUsed()
	return result{Records: records - s.began, CPUNanos: after - s.before, MaxRSS: rss,
		Mallocs: heap.mallocs - s.heap.mallocs, GCNanos: heap.gcNanos - s.heap.gcNanos}.print()
}

// Run fills the log, says where it is, and serves it.
func (c *brokerCommand) Run(ctx context.Context) error {
	running, err := broker.Start(broker.Config{})
	if err != nil {
		return err
	}
	defer running.Close()
	ready, say := func() error { return nil }, result{Addr: running.Addrs()[0], Records: c.Records}.print
	if c.Pace > 0 {
		ready, say = say, ready
	}
	if err := fill(ctx, running.Addrs()[0], c, ready); err != nil {
		return err
	}
	if err := say(); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

type readFlags struct {
	Addr       string `arg:""`
	Records    int    `arg:""`
	Partitions int    `arg:""`
	Series     int    `arg:""`
	Rules      string `help:"Folder of the stage's rules." default:"cmd/bench/rules.d"`
	Profile    string `help:"Write a CPU profile to this file."`
}

// profiled runs work, under the CPU profile where one is asked for.
func (f *readFlags) profiled(work func() error) error {
	if f.Profile == "" {
		return work()
	}
	file, err := os.Create(f.Profile)
	if err != nil {
		return fmt.Errorf("write the profile: %w", err)
	}
	defer file.Close()
	if err := pprof.StartCPUProfile(file); err != nil {
		return fmt.Errorf("write the profile: %w", err)
	}
	defer pprof.StopCPUProfile()
	return work()
}

type pollCommand struct{ readFlags }

// Run reads the log and adds up the sizes of values.
func (c *pollCommand) Run(ctx context.Context) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(c.Addr), kgo.ConsumeTopics(telemetry.TopicTelemetry),
		kgo.FetchMaxPartitionBytes(pipeline.FetchPartitionBytes))
	if err != nil {
		return fmt.Errorf("open a client: %w", err)
	}
	defer client.Close()
	return c.profiled(func() error { return c.measure(ctx, client) })
}

func (c *pollCommand) measure(ctx context.Context, client *kgo.Client) error {
	watch := stopwatch{warm: c.Series}
	bytes, seen := 0, 0
	for seen < c.Records {
		if err := watch.see(seen); err != nil {
			return err
		}
		fetches := client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return fmt.Errorf("poll: %w", err)
		}
		fetches.EachPartition(func(p kgo.FetchTopicPartition) {
			for _, r := range p.Records {
				bytes += len(r.Value)
			}
			seen += len(p.Records)
		})
	}
	if bytes == 0 {
		return io.ErrUnexpectedEOF
	}
	return watch.print(seen)
}

type aggregateCommand struct{ readFlags }

// Run runs the aggregate stage until it has folded and flushed the whole log.
func (c *aggregateCommand) Run(ctx context.Context) error {
	settings := config(c.Addr, c.Partitions)
	settings.Rules.Dir = c.Rules
	if err := forget(ctx, c.Addr); err != nil {
		return err
	}
	p, err := pipeline.New(settings, slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})))
	if err != nil {
		return err
	}
	return c.profiled(func() error { return c.measure(ctx, p) })
}

func (c *aggregateCommand) measure(ctx context.Context, p *pipeline.Pipeline) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- p.RunStage(ctx, pipeline.RoleAggregate) }()
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	watch, seen := stopwatch{warm: c.Series}, 0
	for seen < c.Records {
		select {
		case err := <-ended:
			return fmt.Errorf("the stage ended early: %w", err)
		case <-ticker.C:
			seen = int(p.Records(pipeline.RoleAggregate))
		}
		if err := watch.see(seen); err != nil {
			return err
		}
	}
	stop()
	if err := <-ended; err != nil { // after the last flush
		return err
	}
	return watch.print(seen)
}

// forget lets the stage begin at the log's start.
func forget(ctx context.Context, addr string) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(addr))
	if err != nil {
		return fmt.Errorf("open a client: %w", err)
	}
	defer client.Close()
	if _, err := kadm.NewClient(client).DeleteGroups(ctx, "weir-aggregate"); err != nil {
		return fmt.Errorf("forget the committed offsets: %w", err)
	}
	return nil
}
