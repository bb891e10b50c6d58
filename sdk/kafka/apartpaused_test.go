package kafka

import (
	"context"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/control"
	"github.com/weirmq/weir/sdk"
	"github.com/weirmq/weir/sdk/agent"
	"github.com/weirmq/weir/sdk/internal/reported"
	"github.com/weirmq/weir/sdk/report"
)

// openAgent opens an agent, and returns a client that writes its commands.
func openAgent(t *testing.T) (*agent.Agent, *kgo.Client) {
	t.Helper()
	commands := startBroker(t, "").Addrs()
	reported.CreateCompacted(t, commands, control.Topic)
	a, err := agent.Open(t.Context(), agent.Config{Telemetry: openOffline(t, report.Config{}), Brokers: commands, Enabled: control.Capabilities, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), reported.Patience)
		defer cancel()
		if err := a.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	return a, reported.Dial(t, commands)
}

// pausePartition writes a command that pauses a partition of orders, and waits until it applies.
func pausePartition(t *testing.T, a *agent.Agent, writer *kgo.Client, partition int32) (name string) {
	t.Helper()
	now := time.Now().UTC()
	c := control.Command{Schema: control.Schema, Name: "pause-one", Revision: 1, Scope: control.Scope{Topic: "orders", Partitions: []int32{partition}}, Author: "li@example.com",
		Reason: "the ledger is being migrated", CreatedAt: now, ExpiresAt: now.Add(time.Hour), Percent: 100, Pause: &control.Pause{}, Release: &control.Release{}}
	value, err := c.Encode()
	if err != nil {
		t.Fatal(err)
	}
	writeCommand(t, writer, c.Name, value)
	reported.Eventually(t, "the command applies", func() bool { return applies(a, c.Name) })
	return c.Name
}

func writeCommand(t *testing.T, writer *kgo.Client, name string, value []byte) {
	t.Helper()
	if err := writer.ProduceSync(t.Context(), &kgo.Record{Topic: control.Topic, Key: []byte(control.CommandKey(name)), Value: value}).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

func applies(a *agent.Agent, name string) bool {
	return slices.ContainsFunc(a.State().Clients, func(client agent.ClientState) bool {
		return slices.ContainsFunc(client.Applies, func(c agent.AppliedCommand) bool { return c.Name == name })
	})
}

// TestACommandsPauseOutlastsADeadLetter has a command pause a partition that waits for its dead letter. It stays paused when the letter is taken, and goes on when the
// command ends.
func TestACommandsPauseOutlastsADeadLetter(t *testing.T) {
	t.Parallel()
	const each = 60
	cluster := startTaker(t)
	cluster.fill(t, each)
	cluster.refuses.Store(true)
	a, writer := openAgent(t)
	var h handled
	opened, _ := openReceiver(t, cluster.ListenAddrs(), h.handle, func(config *weir.ReceiverConfig) { config.Control = a })
	r := opened.(*receiver)
	waits := func() bool {
		r.apartMu.Lock()
		defer r.apartMu.Unlock()
		return len(r.apart) > 0
	}
	reported.Eventually(t, "the partition waits", waits)
	name := pausePartition(t, a, writer, 0)
	cluster.refuses.Store(false)
	reported.Eventually(t, "the letter is taken", func() bool { return !waits() })
	if paused := r.client.PauseFetchPartitions(nil)["orders"]; !slices.Equal(paused, []int32{0}) {
		t.Errorf("partitions %v are paused while a command pauses partition 0", paused)
	}
	reported.Eventually(t, "the other partitions are handled to their ends", func() bool { return h.in(1, 2) == 2*each })
	writeCommand(t, writer, name, nil)
	reported.Eventually(t, "its partition goes on", func() bool { return h.in(0) == each-1 })
	reported.Eventually(t, "nothing is left paused", func() bool { return len(r.client.PauseFetchPartitions(nil)["orders"]) == 0 })
}
