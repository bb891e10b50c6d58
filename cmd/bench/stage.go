package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sys/unix"

	"github.com/weirmq/weir/pipeline"
)

type aggregateCommand struct {
	readFlags
	KilledAt int  `help:"End by SIGKILL once so many records were read."`
	Resume   bool `help:"Begin where the consumer group has committed, and read to the end."`
	Member   bool `help:"Be one of several: say how many records were read so far, until SIGTERM."`

	said        time.Time // when it last said how many
	saidRecords int
}

// sayEvery is how often a member says how far it has come.
const sayEvery = 100 * time.Millisecond

// Run runs the aggregate stage until it has folded and flushed the whole log.
func (c *aggregateCommand) Run(ctx context.Context) (err error) {
	settings := config(c.Addr, c.Partitions)
	settings.Rules.Dir = c.Rules
	switch {
	case c.Resume:
		c.Records, err = backlog(ctx, c.Addr)
	case !c.Member:
		err = forget(ctx, c.Addr)
	}
	if err != nil {
		return err
	}
	p, err := pipeline.New(settings, slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})))
	if err != nil {
		return err
	}
	return c.profiled(func() error { return c.measure(ctx, p) })
}

func (c *aggregateCommand) measure(ctx context.Context, p *pipeline.Pipeline) error {
	started := time.Now()
	running, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- p.RunStage(running, pipeline.RoleAggregate) }()
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	watch, seen := stopwatch{warm: c.Series, start: started}, 0
	for (seen < c.Records || c.Member) && ctx.Err() == nil {
		select {
		case err := <-ended:
			if ctx.Err() == nil {
				return fmt.Errorf("the stage ended early: %w", err)
			}
			ended <- err
		case <-ticker.C:
			now := int(p.Records(pipeline.RoleAggregate))
			if err := c.progress(now); err != nil {
				return err
			}
			seen = now
		}
		if err := watch.see(seen); err != nil {
			return err
		}
	}
	if ctx.Err() != nil && !c.Member {
		return ctx.Err()
	}
	stop()
	if err := <-ended; err != nil { // after the last flush
		return err
	}
	return watch.print(seen)
}

// progress says how far the process has come, and ends it where it shall die.
func (c *aggregateCommand) progress(now int) error {
	if c.KilledAt > 0 && now >= c.KilledAt {
		if err := (result{Records: now}).print(); err != nil {
			return err
		}
		return unix.Kill(os.Getpid(), unix.SIGKILL)
	}
	if !c.Member || now == c.saidRecords || time.Since(c.said) < sayEvery {
		return nil
	}
	c.said, c.saidRecords = time.Now(), now
	return result{Records: now}.print()
}

// backlog is how many records the consumer group has not committed.
func backlog(ctx context.Context, addr string) (int, error) {
	client, err := kgo.NewClient(kgo.SeedBrokers(addr))
	if err != nil {
		return 0, fmt.Errorf("open a client: %w", err)
	}
	defer client.Close()
	lags, err := kadm.NewClient(client).Lag(ctx, aggregateGroup)
	if err != nil {
		return 0, fmt.Errorf("ask for the lag: %w", err)
	}
	return int(lags[aggregateGroup].Lag.Total()), lags.Error()
}

// aggregateGroup is the stage's consumer group.
const aggregateGroup = "weir-aggregate"

// forget lets the stage begin at the log's start.
func forget(ctx context.Context, addr string) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(addr))
	if err != nil {
		return fmt.Errorf("open a client: %w", err)
	}
	defer client.Close()
	if _, err := kadm.NewClient(client).DeleteGroups(ctx, aggregateGroup); err != nil {
		return fmt.Errorf("forget the committed offsets: %w", err)
	}
	return nil
}
