package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/control"
	"github.com/weirmq/weir/sdk/agent"
	sdkkafka "github.com/weirmq/weir/sdk/kafka"
	"github.com/weirmq/weir/sdk/report"
)

// service is a program that sends or consumes orders until the test ends, measured by the SDK.
type service struct {
	t       *testing.T
	client  *kgo.Client
	produce func(context.Context, *kgo.Record, func(*kgo.Record, error))
	stop    func() // in order, once
}

// serviceKind is what a service is like.
type serviceKind struct {
	name    string
	group   string // that it consumes orders in; "" for one that sends
	listens bool   // it takes commands, all that there are
}

// startService runs a program.
func startService(t *testing.T, brokers []string, kind serviceKind) *service {
	t.Helper()
	telemetry, err := report.Open(report.Config{TelemetryBrokers: brokers, Cluster: "shop", Env: "test", Client: kind.name, Node: "node-1"})
	if err != nil {
		t.Fatal(err)
	}
	options := []kgo.Opt{kgo.SeedBrokers(brokers...), kgo.WithHooks(sdkkafka.NewHooks(telemetry))}
	if kind.group != "" {
		options = append(options, kgo.ConsumerGroup(kind.group), kgo.ConsumeTopics("orders"))
	}
	var taking *agent.Agent
	if kind.listens {
		if taking, err = agent.Open(t.Context(), agent.Config{Telemetry: telemetry, Enabled: control.Capabilities}); err != nil {
			t.Fatal(err)
		}
		options = append(options, taking.KafkaOpts()...)
	}
	client, err := kgo.NewClient(options...)
	if err != nil {
		t.Fatal(err)
	}
	if kind.listens {
		if err := taking.Bind(client); err != nil {
			t.Fatal(err)
		}
	}
	s := &service{t: t, client: client, produce: client.Produce}
	if kind.listens {
		s.produce = taking.Producer(client).Produce // a limit holds what is sent through it
	}
	var working sync.WaitGroup
	ctx, stop := context.WithCancel(t.Context())
	if kind.group != "" {
		working.Go(func() { s.consume(ctx) })
	} else {
		working.Go(func() { s.send(ctx) })
	}
	s.stop = sync.OnceFunc(func() {
		stop()
		working.Wait()
		client.Close()
		ending, cancel := context.WithTimeout(context.Background(), stopLimit)
		defer cancel()
		if kind.listens {
			if err := taking.Close(ending); err != nil {
				t.Error(err)
			}
		}
		_ = telemetry.Close(ending) // the broker may be gone by then
	})
	t.Cleanup(s.stop)
	return s
}

func (s *service) consume(ctx context.Context) {
	for ctx.Err() == nil {
		s.client.PollFetches(ctx)
	}
}

// send sends twenty messages a second.
func (s *service) send(ctx context.Context) {
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			s.produce(ctx, &kgo.Record{Topic: "orders", Value: []byte("one")}, nil)
		}
	}
}

func (s *service) paused() bool { return slices.Contains(s.client.PauseFetchTopics(), "orders") }

// TestCommandsFromFilesToClients: what a file asks is shown before it is in force, comes to a running program, is held against what that says, ends, and stays in the history.
func TestCommandsFromFilesToClients(t *testing.T) {
	t.Parallel()
	h := newHouse(t, embeddedBroker(t), "")
	h.startClickHouse()
	dir := filepath.Join(h.dir, "control.d")
	config, addr := h.writeConfig("http: {", "control: {dir: "+dir+"}\nhttp: {")
	if err := os.WriteFile(h.ruleFile(), []byte(largeMessageRule), 0o600); err != nil {
		t.Fatal(err)
	}
	weir := h.launchWith(config, addr, "--roles", "aggregate,clickhouse,control")
	weir.awaitReady()
	h.makeOrders()
	billing := startService(t, h.brokers, serviceKind{name: "billing-1", group: "billing", listens: true})
	startService(t, h.brokers, serviceKind{name: "shop-1", listens: true})
	legacy := startService(t, h.brokers, serviceKind{name: "legacy-1"})
	h.await("SELECT arraySort(groupUniqArray((client, op))) FROM traffic_10s WHERE topic = 'orders' AND messages > 0", "[('billing-1','consume'),('legacy-1','send'),('shop-1','send')]")

	file := h.write("asked.yaml", commandsFile(time.Now()))
	h.says([]string{"control", "apply", "--config", config, file, "--dry-run"}, 0, `new +command +pause-billing @1 pause topic=orders group=billing, until`,
		`touches 1 client, [1-9][\d.]* msg/s of the last 5m0s`, `billing-1 +consume orders billing [\d.]+ msg/s`, `retention left is not known`,
		`new +command +slow-orders @1 send_limit 30/s shared topic=orders`, `touches 2 clients`, `2 would be written`)
	h.says([]string{"control", "list", "--config", config}, 0, `^0 commands, 0 routes, offset 0`)

	if err := os.Mkdir(dir, 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(file, filepath.Join(dir, "asked.yaml")); err != nil {
		t.Fatal(err)
	}
	eventually(t, billing.paused, func() string { return "billing is not paused" + h.state() })
	paused := time.Now()
	h.says([]string{"control", "diff", "--config", config, "pause-billing", "--until-applied", "--timeout", "2m"}, 0, `^0 of 1 differ`)
	t.Logf("that the pause applies is shown %s after it does", time.Since(paused).Round(100*time.Millisecond))
	h.eventuallySays([]string{"control", "list", "--config", config}, 0, `pause-billing@1 +in force`, `slow-orders@2 +in force +send_limit 30/s shared by 2 `)
	h.eventuallySays([]string{"control", "diff", "--config", config}, exitFaults, `slow-orders@2 +legacy-1 +shop +no agent`, `1 of 3 differ`)
	h.says([]string{"control", "diff", "--config", config, "--all"}, exitFaults, `pause-billing@1 +billing-1 +shop +applied`, `slow-orders@2 +shop-1 +shop +applied`)
	h.says([]string{"control", "diff", "--url", weir.url, "--all"}, exitFaults, `pause-billing@1 +billing-1 +shop +applied`, `slow-orders@2 +legacy-1 +shop +no agent`, `1 of 3 differ`)
	h.says([]string{"control", "diff", "--url", weir.url, "pause-billing"}, 0, `^0 of 1 differ`)
	h.says([]string{"control", "diff", "--url", weir.url, "pause-biling"}, exitFaults, `did you mean pause-billing\?`)
	if got := call(t, h.dir, "control", "diff", "--url", weir.url, "--until-applied", "--timeout=-1s"); got.code != 1 || !strings.Contains(got.stderr, "got -1s: write a time of more than 0") {
		t.Errorf("a time of less than 0 to wait: exit %d, %s", got.code, got.stderr)
	}
	h.eventuallySays([]string{"control", "diff", "--url", weir.url, "--until-applied", "--timeout", "1500ms"}, exitFaults, `^20.*Z$`, `^1 of 3 differ`)
	h.eventuallySays([]string{"control", "diff", "--config", config, "--watch", "--json", "--timeout", "1500ms"}, 0, `^\{"at":.*"agree":false,"compared":3,"differ":1`)
	if code, page := weir.get("/control"); code != http.StatusOK || !regexp.MustCompile(`slow-orders@2</a></td><td>in force</td><td>send_limit 30/s shared by 2 topic=orders</td>.*<td class="num">1</td><td class="num firing">1</td><td class="num">0</td>`).MatchString(page) {
		t.Errorf("the page of commands answers %d:\n%s", code, page)
	}
	h.watchedOnATerminal("control", "diff", "--config", config, "--watch")

	h.says([]string{"control", "expire", "--config", config, "pause-billing", "--author", "wei", "--reason", "done"}, 0, `ended +command +pause-billing @2 by wei`)
	h.says([]string{"control", "list", "--config", config}, 0, `^1 command, 0 routes, offset \d+; 1 more are over, which --all shows`)
	h.says([]string{"control", "list", "--config", config, "--all"}, 0, `pause-billing@2 +ended +pause .* over since 20.*Z, ended by wei: done +li +ledger moves`, `^1 command in force and 1 over`)
	eventually(t, func() bool { return !billing.paused() }, func() string { return "billing is paused still" })
	h.eventuallySays([]string{"control", "diff", "--config", config, "--all"}, exitFaults, `^COMMAND`, `1 of 2 differ`)
	legacy.stop()
	h.eventuallySays([]string{"control", "diff", "--config", config}, 0, `^0 of 1 differ, 1 gone`)
	h.says([]string{"control", "diff", "--config", config, "--all"}, 0, `slow-orders@2 +legacy-1 +shop +gone +it stopped at 20`)
	h.says([]string{"control", "apply", "--config", config, h.write("more.yaml", limitFile(time.Now())), "--dry-run"}, 0, `touches 1 client, `, `shop-1 +send orders`)
	h.says([]string{"control", "apply", "--config", config}, 0, `skipped +command +pause-billing was ended by wei`)

	if err := os.WriteFile(filepath.Join(dir, "asked.yaml"), []byte("commands: []\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	h.eventuallySays([]string{"control", "list", "--config", config, "--all"}, 0, `^0 commands`)
	h.eventuallySays([]string{"control", "history", "--config", config}, 0, `command pause-billing@1 +applied +pause group=billing topic=orders +li +ledger moves`,
		`pause-billing@2 +applied +ended: pause .* wei +done`, `slow-orders@2 +applied`, `pause-billing@2 +removed`, `slow-orders@2 +removed`)
	h.historyAsJSON("--config", config)
	h.historyAsJSON("--url", weir.url)
	h.says([]string{"control", "history", "--url", weir.url, "--limit", "1"}, 0, `^There is older, which is not listed`, `@2 +removed`, `^1 record$`)
	h.says([]string{"control", "history", "--config", config, "--to", "1h"}, 0, `^there is no record from 20.* to 20.*: the history has [1-9]\d* records from 20`)
	h.says([]string{"control", "history", "--url", weir.url, "pause-biling", "--since", "1h"}, 0, `^there is no record of "pause-biling" since 20.*: did you mean pause-billing\?`)
	weir.stopInOrder()
}

// makeOrders creates the topic of the services.
func (h *house) makeOrders() {
	h.t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(h.brokers...))
	if err != nil {
		h.t.Fatal(err)
	}
	defer client.Close()
	if _, err := kadm.NewClient(client).CreateTopic(h.t.Context(), 2, 1, nil, "orders"); err != nil {
		h.t.Fatal(err)
	}
}

func commandsFile(now time.Time) string {
	until := now.Add(time.Hour).UTC().Format(time.RFC3339)
	return fmt.Sprintf(`commands:
  - {name: pause-billing, scope: {topic: orders, group: billing}, author: li, reason: ledger moves, expires_at: %s, pause: {}, release: {ramp_seconds: 0}}
  - name: slow-orders
    scope: {topic: orders}
    author: li
    reason: too loud
    expires_at: %s
    send_limit: {messages_per_second: 30, shared: true}
`, until, until)
}

// watchedOnATerminal holds that there is one table at all times, and that who ends it finds no fault.
func (h *house) watchedOnATerminal(args ...string) {
	h.t.Helper()
	screen := openTerminal(h.t, 100, 20)
	_, wait := screen.run(args...)
	first, text := "", ""
	eventually(h.t, func() bool {
		text = screen.text()
		at, _, whole := strings.Cut(text, "\n")
		if times := strings.Count(text, "COMMAND "); times > 1 {
			h.t.Fatalf("the table is there %d times:\n%s", times, text)
		}
		if first == "" && whole && strings.Contains(text, "1 of 3 differ") {
			first = at
		}
		return first != "" && at > first && strings.Contains(text, "1 of 3 differ")
	}, func() string { return "it is not drawn again:\n" + text })
	if _, err := screen.keys.Write([]byte{3}); err != nil { // Ctrl-C
		h.t.Fatal(err)
	}
	if err := wait(); err != nil {
		h.t.Errorf("weir %s ends with %v after Ctrl-C; the screen:\n%s", strings.Join(args, " "), err, screen.text())
	}
}

func limitFile(now time.Time) string {
	return fmt.Sprintf("commands:\n  - {name: large, scope: {topic: orders}, author: li, reason: a test, expires_at: %s, large_messages: {flag_bytes: 65536}}\n", now.Add(time.Hour).UTC().Format(time.RFC3339))
}

func (h *house) write(name, text string) string {
	h.t.Helper()
	path := filepath.Join(h.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		h.t.Fatal(err)
	}
	return path
}

// missing is what a command prints, and which pattern is not in it.
func (h *house) missing(args []string, code int, patterns []string) string {
	h.t.Helper()
	got := call(h.t, h.dir, args...)
	for _, pattern := range patterns {
		if !regexp.MustCompile("(?m)" + pattern).MatchString(got.stdout) {
			return fmt.Sprintf("weir %s does not say %q:\n%s%s", strings.Join(args, " "), pattern, got.stdout, got.stderr)
		}
	}
	if got.code != code {
		return fmt.Sprintf("weir %s exits %d, want %d:\n%s%s", strings.Join(args, " "), got.code, code, got.stdout, got.stderr)
	}
	return ""
}

func (h *house) says(args []string, code int, patterns ...string) {
	h.t.Helper()
	if missing := h.missing(args, code, patterns); missing != "" {
		h.t.Fatal(missing)
	}
}

func (h *house) eventuallySays(args []string, code int, patterns ...string) {
	h.t.Helper()
	missing := ""
	eventually(h.t, func() bool { missing = h.missing(args, code, patterns); return missing == "" }, func() string { return missing + h.state() })
}

// historyAsJSON holds that programs get what people do.
func (h *house) historyAsJSON(of, address string) {
	h.t.Helper()
	got := call(h.t, h.dir, "control", "history", of, address, "pause-billing", "--since", "1h", "--json")
	var answer struct {
		Records []struct{ Name, Outcome, Author string }
	}
	if err := json.Unmarshal([]byte(got.stdout), &answer); err != nil || len(answer.Records) != 3 || answer.Records[0].Author != "li" {
		h.t.Errorf("%v: %s%s", err, got.stdout, got.stderr)
	}
}
