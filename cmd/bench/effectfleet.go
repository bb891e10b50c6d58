package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/control"
	"github.com/weirmq/weir/sdk/agent"
	"github.com/weirmq/weir/sdk/report"
)

// effectTopic is what the fleet consumes, and may send to.
const effectTopic = "orders"

// effectStep is a change to the file of commands.
type effectStep struct {
	what string
	file func(now time.Time) string
	done func(*effectClient) bool
}

// effectSteps are pushed one after the other. A pause ends without a ramp, which would be the time that was asked for.
var effectSteps = []effectStep{
	{"a pause", commandFile("pause: {}, release: {ramp_seconds: 0}"), (*effectClient).paused},
	{"a pause's end", noCommands, func(c *effectClient) bool { return !c.paused() }},
	{"a send limit", commandFile("send_limit: {messages_per_second: 5}"), (*effectClient).commanded},
	{"a limit's end", noCommands, func(c *effectClient) bool { return !c.commanded() }},
}

func commandFile(asks string) func(time.Time) string {
	return func(now time.Time) string {
		return fmt.Sprintf("commands:\n  - {name: measured, scope: {topic: %s}, author: bench, reason: how long it takes, expires_at: %s, %s}\n",
			effectTopic, now.Add(time.Hour).UTC().Format(time.RFC3339), asks)
	}
}

func noCommands(time.Time) string { return "commands: []\n" }

// effectClient is a client of a service, with the agent that it is bound to.
type effectClient struct {
	*kgo.Client
	agent *agent.Agent
}

func (c *effectClient) paused() bool { return len(c.PauseFetchTopics()) == 1 }

// commanded says that a command applies to it.
func (c *effectClient) commanded() bool {
	return slices.ContainsFunc(c.agent.State().Clients, func(s agent.ClientState) bool { return len(s.Applies) > 0 })
}

// effectFleet is all of them, and what they report by.
type effectFleet struct {
	telemetry *report.Reporter
	clients   []*effectClient
}

// openFleet opens so many, of a topic that is made. What was opened is returned beside an error, too.
func openFleet(ctx context.Context, brokers []string, clients int) (*effectFleet, error) {
	f := &effectFleet{}
	admin, err := kgo.NewClient(kgo.SeedBrokers(brokers...))
	if err != nil {
		return f, err
	}
	defer admin.Close()
	if _, err := kadm.NewClient(admin).CreateTopic(ctx, 1, 1, nil, effectTopic); err != nil {
		return f, fmt.Errorf("create %s: %w", effectTopic, err)
	}
	if f.telemetry, err = report.Open(report.Config{TelemetryBrokers: brokers, Interval: time.Minute}); err != nil {
		return f, err
	}
	var opening sync.WaitGroup
	opened, failed := make([]*effectClient, clients), make([]error, clients)
	for i := range clients {
		opening.Go(func() { opened[i], failed[i] = f.open(ctx, brokers) })
	}
	opening.Wait()
	f.clients = slices.DeleteFunc(opened, func(c *effectClient) bool { return c == nil })
	return f, errors.Join(failed...)
}

func (f *effectFleet) open(ctx context.Context, brokers []string) (*effectClient, error) {
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.ConsumeTopics(effectTopic), kgo.FetchMaxWait(time.Minute), kgo.DisableClientMetrics())
	if err != nil {
		return nil, err
	}
	c := &effectClient{Client: client}
	c.agent, err = agent.Open(ctx, agent.Config{Telemetry: f.telemetry, Enabled: control.Capabilities, Log: quietLog()})
	if err == nil {
		err = c.agent.Bind(client)
	}
	if err == nil { // what is sent to is known from the first message on
		err = c.agent.Producer(client).ProduceSync(ctx, &kgo.Record{Topic: effectTopic}).FirstErr()
	}
	if err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

func (c *effectClient) close() {
	if c.agent != nil {
		_ = c.agent.Close(context.Background())
	}
	c.Client.Close()
}

func (f *effectFleet) close() {
	var closing sync.WaitGroup
	for _, c := range f.clients {
		closing.Go(c.close)
	}
	closing.Wait()
	if f.telemetry != nil {
		_ = f.telemetry.Close(context.Background())
	}
}

// await returns how long each client took until it had done as it was told.
func (f *effectFleet) await(ctx context.Context, begin time.Time, done func(*effectClient) bool) (took []time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, effectLimit)
	defer cancel()
	look := time.NewTicker(time.Millisecond)
	defer look.Stop()
	left := slices.Clone(f.clients)
	for {
		left = slices.DeleteFunc(left, func(c *effectClient) bool {
			if !done(c) {
				return false
			}
			took = append(took, time.Since(begin))
			return true
		})
		if len(left) == 0 {
			return took, nil
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return nil, fmt.Errorf("%d of %d clients have not done as they were told: %w", len(left), len(f.clients), ctx.Err())
		}
	}
}

// gitRepository is one that is pushed to, and checks out what comes: the way from a merged change to a folder of files, without a poll.
type gitRepository struct{ work string }

// newRepository makes both, with the first, empty, file.
func newRepository(ctx context.Context, dir, files string) (*gitRepository, error) {
	bare, r := filepath.Join(dir, "control.git"), &gitRepository{work: filepath.Join(dir, "work")}
	if err := errors.Join(os.Mkdir(files, 0o750), git(ctx, dir, "init", "--quiet", "--bare", "--initial-branch=main", bare),
		git(ctx, dir, "init", "--quiet", "--initial-branch=main", r.work)); err != nil {
		return nil, err
	}
	hook := fmt.Sprintf("#!/bin/sh\nexec git --work-tree='%s' checkout --quiet --force main\n", files)
	if err := os.WriteFile(filepath.Join(bare, "hooks", "post-receive"), []byte(hook), 0o700); err != nil {
		return nil, err
	}
	if err := git(ctx, r.work, "remote", "add", "origin", bare); err != nil {
		return nil, err
	}
	return r, r.push(ctx, noCommands(time.Time{}))
}

// push commits the file's new text, and pushes it.
func (r *gitRepository) push(ctx context.Context, text string) error {
	if err := os.WriteFile(filepath.Join(r.work, "measured.yaml"), []byte(text), 0o600); err != nil {
		return err
	}
	as := []string{"-c", "user.name=bench", "-c", "user.email=bench@localhost"}
	for _, args := range [][]string{{"add", "."}, append(as, "commit", "--quiet", "--message", "Measure"), {"push", "--quiet", "origin", "main"}} {
		if err := git(ctx, r.work, args...); err != nil {
			return err
		}
	}
	return nil
}

func git(ctx context.Context, dir string, args ...string) error {
	command := exec.CommandContext(ctx, "git", args...)
	command.Dir = dir
	if out, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("git %v: %w: %s", args, err, out)
	}
	return nil
}
