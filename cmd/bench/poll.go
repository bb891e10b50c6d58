package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime/pprof"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/pipeline"
	"github.com/weirmq/weir/telemetry"
)

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
	watch := stopwatch{warm: c.Series, start: time.Now()}
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
