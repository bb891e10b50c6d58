package main

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
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
	Member   int  `help:"Be one of several, with so many partitions: say what was read and written so far, until SIGTERM."`

	said   map[int32]int64 // what a member said last
	joined bool            // it has its part of the partitions
}

// How often the stage is asked how far it has come. Not shorter for members: several
// that share a core are asked; not longer for others: they end when all is read.
const (
	lookEvery       = time.Millisecond
	lookEveryMember = 100 * time.Millisecond
)

// Run runs the aggregate stage until it has folded and flushed the whole log.
func (c *aggregateCommand) Run(ctx context.Context) (err error) {
	settings := config(c.Addr, c.Partitions)
	settings.Rules.Dir = c.Rules
	switch {
	case c.Resume:
		c.Records, err = backlog(ctx, c.Addr)
	case c.Member == 0:
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
	every := lookEvery
	if c.Member > 0 {
		every = lookEveryMember
	}
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	watch, seen := stopwatch{warm: c.Series, start: started}, 0
	for (seen < c.Records || c.Member > 0) && ctx.Err() == nil {
		select {
		case err := <-ended:
			if ctx.Err() == nil {
				return fmt.Errorf("the stage ended early: %w", err)
			}
			ended <- err
		case <-ticker.C:
			now := int(p.Records(pipeline.RoleAggregate))
			if err := c.progress(now, p); err != nil {
				return err
			}
			seen = now
		}
		if c.Member > 0 && !c.joined {
			if c.joined = p.Partitions(pipeline.RoleAggregate) == c.Member; !c.joined {
				continue
			}
			watch.warm += seen
		}
		if err := watch.see(seen); err != nil {
			return err
		}
	}
	if ctx.Err() != nil && c.Member == 0 {
		return ctx.Err()
	}
	stop()
	if err := <-ended; err != nil { // after the last flush
		return err
	}
	if c.Member > 0 && watch.began == 0 {
		return fmt.Errorf("it read %d records before it had %d partitions and %d records of theirs: the log is too short", seen, c.Member, c.Series)
	}
	return watch.print(seen)
}

// progress says how far the process has come, and ends it where it shall die.
func (c *aggregateCommand) progress(now int, p *pipeline.Pipeline) error {
	if c.KilledAt > 0 && now >= c.KilledAt {
		if err := (result{Records: now}).print(); err != nil {
			return err
		}
		return unix.Kill(os.Getpid(), unix.SIGKILL)
	}
	if c.Member == 0 {
		return nil
	}
	offsets := map[int32]int64{}
	for _, source := range p.Status().Sources { // as of their last flush
		offsets[source.Partition] = source.NextOffset
	}
	if maps.Equal(offsets, c.said) {
		return nil
	}
	c.said = offsets
	return result{Records: now, Offsets: offsets}.print()
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
