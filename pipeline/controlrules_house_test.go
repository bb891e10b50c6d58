package pipeline

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/control"
	"github.com/weirmq/weir/sdk/agent"
	"github.com/weirmq/weir/sdk/report"
	"github.com/weirmq/weir/telemetry"
)

// askingRule asks a limit of a topic that carries more than a thousand messages in a second, and a pause of a group that fails to handle a hundred.
const askingRule = `groups:
  - name: test
    rules:
      - alert: Surge
        by: [cluster, topic]
        where: op == "send"
        window: 1s
        expr: messages > 1000
        keep_firing_for: 3s # a machine under load may tell of a surge late
        annotations: {summary: '{{ .topic }} surges'}
        actions:
          - send_limit: {messages_per_second: 20, cold_factor: 1, ramp: 0s}
            lasts: 10m
      - alert: Failing
        by: [cluster, topic, group]
        where: op == "consume"
        window: 1s
        expr: errors > 100
        keep_firing_for: 3s
        annotations: {summary: '{{ .group }} fails'}
        actions:
          - pause: {}
            release: {ramp: 1s}
            lasts: 10m
`

// ruleHouse is an embedded broker with processes on it, and topics that surge as long as they are told of.
type ruleHouse struct {
	*controlHouse
	mu     sync.Mutex
	surges []string // topics
	fails  []string // groups, of the topic orders
}

// newRuleHouse runs the stages that lead to alerts. Those that control are run by themselves, so that they can be stopped.
func newRuleHouse(t *testing.T) *ruleHouse {
	t.Helper()
	config := runConfig(t)
	config.Roles = []string{RoleAggregate, RoleRules}
	config.ClickHouse.DSN = "http://127.0.0.1:1/default" // nobody is there: only history waits
	config.Control.Dir = filepath.Join(t.TempDir(), "control.d")
	config.Control.Actions.SendLimit.Enabled, config.Control.Actions.SendLimit.Shadow = true, false
	config.Control.Actions.SendLimit.FloorMessagesPerSecond = 5
	config.Control.Actions.Pause.Enabled, config.Control.Actions.Pause.Shadow = true, false
	if err := os.WriteFile(filepath.Join(config.Rules.Dir, "rules.yaml"), []byte(askingRule), 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, config)
	h := &ruleHouse{controlHouse: &controlHouse{t: t, config: config}}
	h.writer = newSender(t, &config)
	var told sync.WaitGroup
	ctx, stop := context.WithCancel(t.Context())
	told.Go(func() { h.tell(ctx) })
	t.Cleanup(func() { stop(); told.Wait() })
	return h
}

// tell reports what surges, and something of another topic so that time goes on.
func (h *ruleHouse) tell(ctx context.Context) {
	ticker := time.NewTicker(200 * time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		h.mu.Lock()
		topics, groups := slices.Clone(h.surges), slices.Clone(h.fails)
		h.mu.Unlock()
		for _, group := range groups {
			h.writer.client.TryProduce(ctx, &kgo.Record{Value: failuresOf(h.t, group)}, nil)
		}
		for _, topic := range topics {
			h.writer.client.TryProduce(ctx, &kgo.Record{Value: reportOf(h.t, topic, time.Now(), 5000)}, nil)
		}
		h.writer.client.TryProduce(ctx, &kgo.Record{Value: reportOf(h.t, "other", time.Now(), 1)}, nil)
	}
}

func (h *ruleHouse) surge(topics ...string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.surges = topics
}

func (h *ruleHouse) fail(groups ...string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.fails = groups
}

// failuresOf is a report of a group that fails to handle what it consumes of the topic orders.
func failuresOf(t *testing.T, group string) []byte {
	t.Helper()
	value, err := telemetry.MarshalReport(&telemetry.Report{Schema: telemetry.Schema, StartUnixMillis: time.Now().UnixMilli(), LengthMillis: 1000, Messages: 500,
		Errors: []telemetry.ErrorCount{{Class: "handler", Count: 500}},
		Labels: telemetry.Labels{Cluster: "test", System: "kafka", Topic: "orders", Group: group, Op: "consume", Client: "c"}})
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// control runs a process with the role control, until it is stopped.
func (h *ruleHouse) control() (stop func()) {
	h.t.Helper()
	config := h.config
	config.Roles = []string{RoleControl}
	p, err := New(config, testLog(h.t))
	if err != nil {
		h.t.Fatal(err)
	}
	h.p = p
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			h.t.Errorf("run: %v", err)
		}
	})
	h.t.Cleanup(stop)
	await(h.t, "that this process writes", func() bool {
		_, body := get(p, controlPath)
		return strings.Contains(body, `"writes":true`)
	})
	return stop
}

// name is the command of a topic that surges.
func (h *ruleHouse) name(topic string) string {
	labels := map[string]string{"alertname": "Surge", "cluster": "test", "topic": topic}
	return ruleCommandName(alertOf("Surge", labels), "send_limit")
}

// of are the records of a topic's command: how many there are, and the newest.
func (h *ruleHouse) of(topic string) (records int, newest control.Command) {
	h.t.Helper()
	for _, record := range h.records() {
		if string(record.Key) != control.CommandKey(h.name(topic)) {
			continue
		}
		records++
		var err error
		if newest, err = control.ParseCommand(record.Value); err != nil {
			h.t.Fatal(err)
		}
	}
	return records, newest
}

// asked waits until a topic's command has a revision that is in force, or is ended.
func (h *ruleHouse) asked(topic string, revision uint64, inForce bool) control.Command {
	h.t.Helper()
	var newest control.Command
	await(h.t, fmt.Sprintf("revision %d of what is asked of %s, in force: %t", revision, topic, inForce), func() bool {
		_, newest = h.of(topic)
		return newest.Revision == revision && newest.InForce(time.Now()) == inForce
	})
	return newest
}

// agent is one in a service that lets commands do everything.
func (h *ruleHouse) agent() *agent.Agent {
	h.t.Helper()
	reports, err := report.Open(report.Config{TelemetryBrokers: h.config.Kafka.Brokers, Cluster: "test", Client: "shop-1"})
	if err != nil {
		h.t.Fatal(err)
	}
	a, err := agent.Open(h.t.Context(), agent.Config{Telemetry: reports, Enabled: control.Capabilities, Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := a.Close(ctx); err != nil {
			h.t.Error(err)
		}
		_ = reports.Close(ctx) // its last reports are of no matter here
	})
	return a
}

// client is one of a service, which its agent steers.
func (h *ruleHouse) client(a *agent.Agent, options ...kgo.Opt) *kgo.Client {
	h.t.Helper()
	client, err := kgo.NewClient(slices.Concat(a.KafkaOpts(), []kgo.Opt{kgo.SeedBrokers(h.config.Kafka.Brokers...), kgo.ProducerLinger(0)}, options)...)
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(client.Close)
	if err := a.Bind(client); err != nil {
		h.t.Fatal(err)
	}
	return client
}

func (h *ruleHouse) create(topic string) {
	h.t.Helper()
	if _, err := kadm.NewClient(h.writer.client).CreateTopic(h.t.Context(), 1, 1, nil, topic); err != nil {
		h.t.Fatal(err)
	}
}

// appliesTo says whether a command applies to any client of an agent.
func appliesTo(a *agent.Agent, name string) bool {
	for _, client := range a.State().Clients {
		if slices.ContainsFunc(client.Applies, func(c agent.AppliedCommand) bool { return c.Name == name }) {
			return true
		}
	}
	return false
}

// states are those of alerts, by their topics, as weir.alerts has them.
func (h *ruleHouse) states() map[string]string {
	h.t.Helper()
	records, err := readPartition(h.t.Context(), h.config.Kafka, "weir.alerts", 0)
	if err != nil {
		h.t.Fatal(err)
	}
	log, out := &alertLog{}, map[string]string{}
	newest, err := log.takeAll(records)
	if err != nil {
		h.t.Fatal(err)
	}
	for _, alert := range newest {
		out[alert.Labels["topic"]] = string(alert.State)
	}
	return out
}
