package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"

	"github.com/apache/rocketmq-client-go/v2/admin"

	"github.com/weirmq/weir/sdk/kafka"
	"github.com/weirmq/weir/sdk/rocketmq"
)

// overheadGroundCommand serves a real broker, and another one for reports, until it is stopped.
type overheadGroundCommand struct {
	System   string `arg:"" enum:"kafka,rocketmq"`
	Messages int    `arg:"" help:"Of the topic that is filled."`
}

// servedParts are what was started of a system.
type servedParts struct {
	addr string
	stop func()
}

// groundSaid is what it says once it serves.
type groundSaid struct {
	Addr      string `json:"addr"`
	Telemetry string `json:"telemetry"`
}

// Run says where both are, and serves.
func (c *overheadGroundCommand) Run(ctx context.Context) error {
	rocketmq.LogTo(quietLog())
	dir, err := os.MkdirTemp("", "weir-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	telemetry, err := serveTelemetry(ctx)
	if err != nil {
		return err
	}
	defer telemetry.Close()
	serve := c.serveRocketMQ
	if c.System == kafka.SystemName {
		serve = c.serveKafka
	}
	served, err := serve(ctx, dir)
	if err != nil {
		return fmt.Errorf("serve %s: %w", c.System, err)
	}
	defer served.stop()
	if err := printJSON(groundSaid{served.addr, telemetry.Addrs()[0]}); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

// overheadGround is such a process.
type overheadGround struct {
	process *exec.Cmd
	said    groundSaid
}

// blocksMore are filled in besides those that are counted: that in which all grows warm.
const blocksMore = 1

// startGround starts one on the broker's core, and waits until its topics are there.
func (c *overheadCommand) startGround(ctx context.Context, system string) (*overheadGround, error) {
	g, messages := &overheadGround{}, 0
	for i := range overheadTargets {
		if t := &overheadTargets[i]; t.system == system && t.op == opConsume && len(c.wanted(t)) > 0 {
			messages = c.turn(t)*(c.turns(t)+blocksMore) + atOnce
		}
	}
	g.process = pinned(ctx, brokerCore, "overhead-ground", system, strconv.Itoa(messages))
	g.process.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	out, err := g.process.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", system, err)
	}
	began := time.Now()
	if err := g.process.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", system, err)
	}
	lines := bufio.NewScanner(out)
	if !lines.Scan() || json.Unmarshal(lines.Bytes(), &g.said) != nil {
		g.stop()
		return nil, fmt.Errorf("start %s: it said %q", system, lines.Text())
	}
	fmt.Fprintf(os.Stderr, "  %s serves %d messages after %s\n", system, messages, time.Since(began).Round(time.Second))
	return g, nil
}

// stop ends it in order: it ends what it has started.
func (g *overheadGround) stop() {
	_ = g.process.Process.Signal(syscall.SIGTERM)
	_ = g.process.Wait()
}

// routedEach is how often a name server is asked for a new topic. Not more often: it hears of it from the broker; not less: all wait.
const routedEach = 50 * time.Millisecond

// routed waits until a name server knows a topic.
func routed(ctx context.Context, asks admin.Admin, topic string) error {
	for {
		queues, err := asks.FetchPublishMessageQueues(ctx, topic)
		if err == nil && len(queues) > 0 {
			return nil
		}
		if waited := sleepUntil(ctx, time.Now().Add(routedEach)); waited != nil {
			return fmt.Errorf("wait until the name server knows topic %s: %w", topic, errors.Join(waited, err))
		}
	}
}
