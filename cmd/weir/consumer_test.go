package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/deploy/child"
	sdkkafka "github.com/weirmq/weir/sdk/kafka"
	"github.com/weirmq/weir/sdk/report"
)

// consumerEnv has the settings of a consumer that is a process of its own: this program, started by a test.
const consumerEnv = "WEIR_TEST_CONSUMER"

// Settings of all consumers. The broker lets a member go that was silent for the session.
const (
	consumerSession = 6 * time.Second
	consumerCommits = 500 * time.Millisecond
	consumerBatch   = 10 // messages that are handled before more are asked for
)

// consumerSettings say who consumes what.
type consumerSettings struct {
	Brokers      []string
	Group, Topic string
	Client       string
	Next         bool // by the protocol of KIP-848, whose session is the broker's to set
}

// consumer is an instrumented consumer that commits what it has handled.
type consumer struct {
	telemetry *report.Reporter
	hooks     *sdkkafka.Hooks
	client    *kgo.Client
	// handling is how many nanoseconds each message takes.
	handling atomic.Int64
	handled  atomic.Int64
}

func openConsumer(s consumerSettings) (*consumer, error) {
	telemetry, err := report.Open(report.Config{TelemetryBrokers: s.Brokers, Cluster: "test", Env: "test", Client: s.Client, Tier: "S1"})
	if err != nil {
		return nil, err
	}
	c := &consumer{telemetry: telemetry, hooks: sdkkafka.NewHooks(telemetry)}
	options := []kgo.Opt{kgo.SeedBrokers(s.Brokers...), kgo.WithHooks(c.hooks), kgo.ClientID(s.Client), kgo.ConsumerGroup(s.Group), kgo.ConsumeTopics(s.Topic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.SessionTimeout(consumerSession), kgo.HeartbeatInterval(time.Second),
		kgo.AutoCommitMarks(), kgo.AutoCommitInterval(consumerCommits), kgo.FetchMaxWait(100 * time.Millisecond)}
	if s.Next {
		options = append(options, kgo.ServerSideBalancer(), kgo.Balancers(kgo.RangeBalancer()))
	}
	if c.client, err = kgo.NewClient(options...); err != nil {
		return nil, errors.Join(err, telemetry.Close(context.Background()))
	}
	return c, nil
}

// run consumes until ctx ends.
func (c *consumer) run(ctx context.Context) {
	for ctx.Err() == nil {
		c.client.PollRecords(ctx, consumerBatch).EachRecord(func(r *kgo.Record) {
			handling := c.hooks.TimeHandler(r)
			if !c.handle(ctx) {
				return
			}
			handling.Done(nil)
			c.client.MarkCommitRecords(r)
			c.handled.Add(1)
		})
	}
}

// handle takes as long as a message does, and says whether it came to its end.
func (c *consumer) handle(ctx context.Context) bool {
	timer := time.NewTimer(time.Duration(c.handling.Load()))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func (c *consumer) close(ctx context.Context) error {
	c.client.Close()
	return c.telemetry.Close(ctx)
}

// consumerMain is a consumer until somebody kills it; its result is an exit code.
func consumerMain() int {
	var settings consumerSettings
	err := json.Unmarshal([]byte(os.Getenv(consumerEnv)), &settings)
	if err == nil {
		var c *consumer
		if c, err = openConsumer(settings); err == nil {
			c.run(context.Background())
		}
	}
	fmt.Fprintln(os.Stderr, err)
	return 1
}

// consumerProcess is a consumer that can be killed and stopped.
type consumerProcess struct{ *child.Child }

// startConsumer runs a consumer as a process until the test ends.
func (h *house) startConsumer(t *testing.T, settings consumerSettings) consumerProcess {
	t.Helper()
	text, err := json.Marshal(settings)
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	running, err := child.Start(t.Context(), child.Config{Executable: self, Env: append(os.Environ(), consumerEnv+"="+string(text)), LogWriter: h.logs})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(running.Kill)
	return consumerProcess{running}
}

// hang stops the process as a debugger does: it is there, and does nothing.
func (p consumerProcess) hang(t *testing.T) { p.signal(t, syscall.SIGSTOP) }

func (p consumerProcess) goOn(t *testing.T) { p.signal(t, syscall.SIGCONT) }

func (p consumerProcess) signal(t *testing.T, signal syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(p.PID(), signal); err != nil {
		t.Fatal(err)
	}
}

// runConsumer runs a consumer in this process until the test ends, or what it returns is called.
func runConsumer(t *testing.T, settings consumerSettings, handling time.Duration) (c *consumer, stop func()) {
	t.Helper()
	c, err := openConsumer(settings)
	if err != nil {
		t.Fatal(err)
	}
	c.handling.Store(int64(handling))
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		c.run(ctx)
	}()
	var stopped atomic.Bool
	stop = func() {
		if stopped.Swap(true) {
			return
		}
		cancel()
		<-ended
		if err := c.close(context.Background()); err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(stop)
	return c, stop
}
