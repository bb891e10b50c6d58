package pipeline

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/control"
	"github.com/weirmq/weir/sdk/agent"
	"github.com/weirmq/weir/sdk/report"
)

// askingRule asks a limit of a topic that carries more than a thousand messages in a second.
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
`

// ruleHouse is an embedded broker with processes on it, and topics that surge as long as they are told of.
type ruleHouse struct {
	*controlHouse
	mu     sync.Mutex
	surges []string
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
		topics := slices.Clone(h.surges)
		h.mu.Unlock()
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

// TestARuleLimitsASurge from the reports of a surge to the producer of a service and back: the rule fires, the command stands on weir.control, the agent in the service
// limits its producer, and when the alert resolves the limit is lifted and nothing is lost.
func TestARuleLimitsASurge(t *testing.T) {
	t.Parallel()
	h := newRuleHouse(t)
	h.control()
	reports, err := report.Open(report.Config{TelemetryBrokers: h.config.Kafka.Brokers, Cluster: "test", Client: "shop-1"})
	if err != nil {
		t.Fatal(err)
	}
	a, err := agent.Open(t.Context(), agent.Config{Telemetry: reports, Enabled: control.Capabilities, Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := a.Close(ctx); err != nil {
			t.Error(err)
		}
		_ = reports.Close(ctx) // its last reports are of no matter here
	})
	client, err := kgo.NewClient(append(a.KafkaOpts(), kgo.SeedBrokers(h.config.Kafka.Brokers...), kgo.ProducerLinger(0))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	if err := a.Bind(client); err != nil {
		t.Fatal(err)
	}
	if _, err := kadm.NewClient(client).CreateTopics(t.Context(), 1, 1, nil, "orders"); err != nil {
		t.Fatal(err)
	}
	sent := atomic.Int64{}
	send := func(messages int) time.Duration {
		began := time.Now()
		for range messages {
			if err := a.Producer(client).ProduceSync(t.Context(), &kgo.Record{Topic: "orders", Value: []byte("one")}).FirstErr(); err != nil {
				t.Fatal(err)
			}
			sent.Add(1)
		}
		return time.Since(began)
	}
	applies := func() bool {
		for _, client := range a.State().Clients {
			if slices.ContainsFunc(client.Applies, func(c agent.AppliedCommand) bool { return c.Name == h.name("orders") }) {
				return true
			}
		}
		return false
	}
	send(5)
	began := time.Now()
	h.surge("orders")
	command := h.asked("orders", 1, true)
	await(t, "that the limit applies", applies)
	t.Logf("the limit applies %s after the first report of the surge", time.Since(began))
	if command.Author != "rule Surge" || command.Reason != "orders surges" || command.Source != control.SourceRule ||
		command.Scope.Topic != "orders" || command.Scope.Cluster != "test" || command.ExpiresAt.Sub(command.CreatedAt) > 10*time.Minute {
		t.Errorf("asked is %+v", command)
	}
	const messages = 21
	if took, least := send(messages), time.Duration(messages-2)*time.Second/20; took < least {
		t.Errorf("%d messages took %s: want at least %s", messages, took, least)
	}
	h.surge()
	ended := h.asked("orders", 2, false)
	if ended.Ended == nil || ended.Ended.Author != "rule Surge" || ended.Ended.Reason != "the alert fires no longer" {
		t.Errorf("it ended by %+v", ended.Ended)
	}
	await(t, "that the limit is lifted", func() bool { return !applies() })
	send(messages)
	records, err := readPartition(t.Context(), h.config.Kafka, "orders", 0)
	if err != nil || int64(len(records)) != sent.Load() {
		t.Errorf("%d messages arrived of %d: %v", len(records), sent.Load(), err)
	}
}

// TestACrashAsksNothingTwice: another process goes on where one was stopped, and takes away what has resolved meanwhile.
func TestACrashAsksNothingTwice(t *testing.T) {
	t.Parallel()
	h := newRuleHouse(t)
	stop := h.control()
	h.surge("orders", "bills")
	h.asked("orders", 1, true)
	h.asked("bills", 1, true)
	stop()
	h.surge("orders", "media")
	await(t, "that an alert has resolved", func() bool { return h.states()["bills"] == "resolved" && h.states()["media"] == "firing" })
	h.control()
	h.asked("bills", 2, false) // nothing of it stays
	h.asked("media", 1, true)
	if records, newest := h.of("orders"); records != 1 || !newest.InForce(time.Now()) {
		t.Errorf("%s was written %d times, in force %t", &newest, records, newest.InForce(time.Now()))
	}
	off := h.config.Control.Actions
	off.SendLimit.Enabled = false
	h.p.actions.Store(&off) // as a reload does
	if ended := h.asked("orders", 2, false); ended.Ended.Reason != "control.actions.send_limit.enabled is false" {
		t.Errorf("it ended by %+v", ended.Ended)
	}
	h.asked("media", 2, false)
	h.p.actions.Store(&h.config.Control.Actions)
	h.asked("orders", 3, true)
}

// TestHeldBackIsShown: what rules propose and is not asked is counted, and told over HTTP with the reason.
func TestHeldBackIsShown(t *testing.T) {
	t.Parallel()
	h := newRuleHouse(t)
	h.config.Control.Actions.SendLimit.AtMostAtOnce = 1
	h.control()
	h.surge("orders")
	h.asked("orders", 1, true)
	h.surge("orders", "bills")
	var answer struct {
		HeldBack []heldBack `json:"held_back"`
	}
	await(t, "that something is held back", func() bool {
		_, body := get(h.p, controlPath)
		if err := json.Unmarshal([]byte(body), &answer); err != nil {
			t.Fatal(err)
		}
		return len(answer.HeldBack) > 0
	})
	want := heldBack{Name: h.name("bills"), Rule: "Surge", Asks: "send_limit 20/s cluster=test topic=bills", Why: heldAtOnce}
	if len(answer.HeldBack) != 1 || answer.HeldBack[0] != want {
		t.Errorf("held back is %+v, want %+v", answer.HeldBack, want)
	}
	for name, want := range map[string]float64{`weir_control_rule_held_back{why="at_once"}`: 1, `weir_control_rule_held_back{why="people"}`: 0,
		`weir_control_rule_records_total{action="send_limit"}`: 1, `weir_control_rule_records_total{action="pause"}`: 0} {
		if got := metric(t, h.p.metrics, name); got != want {
			t.Errorf("%s is %g, want %g", name, got, want)
		}
	}
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
