package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/weirmq/weir/deploy/alertmanager"
	"github.com/weirmq/weir/deploy/broker"
	"github.com/weirmq/weir/deploy/child"
	"github.com/weirmq/weir/deploy/parts"
	"github.com/weirmq/weir/deploy/ports"
	"github.com/weirmq/weir/deploy/webhook"
)

// house is where weir run lives in a test: a real ClickHouse engine, a real
// Alertmanager and a chat, each with an address of its own from the beginning, and
// started when the test says so.
type house struct {
	t                *testing.T
	dir              string
	logs             *child.Output
	brokers          []string
	clickhouseAddr   string
	alertmanagerAddr string
	chat             *webhook.Receiver
	configs          int
	processes        []*process
}

// newHouse prepares a house with one rule file and starts nothing.
func newHouse(t *testing.T, brokers []string, ruleFile string) *house {
	t.Helper()
	h := &house{t: t, dir: t.TempDir(), logs: &child.Output{}, brokers: brokers, clickhouseAddr: freeAddr(t), alertmanagerAddr: freeAddr(t)}
	t.Cleanup(func() {
		if strings.Contains(h.logs.String(), "DATA RACE") {
			t.Error("the race detector reports a race")
		}
		if t.Failed() {
			t.Log(h.logs.String())
		}
	})
	var err error
	if h.chat, err = webhook.Listen("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.chat.Close() })
	if err := os.MkdirAll(h.rulesDir(), 0o750); err != nil {
		t.Fatal(err)
	}
	h.setRules(ruleFile)
	return h
}

// fullHouse is a house with ClickHouse and Alertmanager running.
func fullHouse(t *testing.T, brokers []string, ruleFile string) *house {
	t.Helper()
	h := newHouse(t, brokers, ruleFile)
	h.startClickHouse()
	h.startAlertmanager()
	return h
}

func (h *house) rulesDir() string { return filepath.Join(h.dir, "rules.d") }

func (h *house) ruleFile() string { return filepath.Join(h.rulesDir(), "rules.yaml") }

// setRules replaces the rule file at once, as careful editors do.
func (h *house) setRules(text string) {
	h.t.Helper()
	hidden := filepath.Join(h.rulesDir(), ".rules.yaml")
	if err := os.WriteFile(hidden, []byte(text), 0o600); err != nil {
		h.t.Fatal(err)
	}
	if err := os.Rename(hidden, h.ruleFile()); err != nil {
		h.t.Fatal(err)
	}
}

// startClickHouse starts the engine on the house's data.
func (h *house) startClickHouse() *child.Child {
	h.t.Helper()
	return h.start("clickhouse", "http://"+h.clickhouseAddr+"/ping", "clickhouse", "--addr", h.clickhouseAddr, "--data", filepath.Join(h.dir, "clickhouse"))
}

func (h *house) startAlertmanager() *child.Child {
	h.t.Helper()
	executable, err := parts.Alertmanager()
	if err != nil {
		h.t.Fatal(err)
	}
	running, err := alertmanager.Start(h.t.Context(), alertmanager.Config{Executable: executable, Addr: h.alertmanagerAddr,
		DataDir: filepath.Join(h.dir, "alertmanager"), WebhookURL: h.chat.URL(), LogWriter: h.logs})
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { _ = running.Stop(context.Background()) })
	return running.Child
}

// writeConfig writes a weir.yaml with an address of its own for the status page;
// changes are pairs of a text and what stands in its place.
func (h *house) writeConfig(changes ...string) (path, statusAddr string) {
	h.t.Helper()
	h.configs++
	statusAddr = freeAddr(h.t)
	path = filepath.Join(h.dir, fmt.Sprintf("weir-%d.yaml", h.configs))
	text := fmt.Sprintf(`kafka: {brokers: [%s]}
telemetry: {pane: 1s, lateness: 2s, partitions: 4}
rules: {dir: %s}
clickhouse: {dsn: "http://%s"}
alertmanager: {urls: ["http://%s"], resend_delay: 5s, external_url: "http://%s"}
http: {addr: "%s"}
`, strings.Join(h.brokers, ", "), h.rulesDir(), h.clickhouseAddr, h.alertmanagerAddr, statusAddr, statusAddr)
	if err := os.WriteFile(path, []byte(strings.NewReplacer(changes...).Replace(text)), 0o600); err != nil {
		h.t.Fatal(err)
	}
	return path, statusAddr
}

// start runs a command of weir until the test ends.
func (h *house) start(name, readyURL string, args ...string) *child.Child {
	h.t.Helper()
	running, err := child.Start(h.t.Context(), child.Config{Executable: program, Args: args, ReadyURL: readyURL, LogWriter: h.logs})
	if err != nil {
		h.t.Fatalf("start %s: %v", name, err)
	}
	h.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), stopLimit)
		defer cancel()
		if err := running.Stop(ctx); err != nil {
			h.t.Errorf("%s: %v", name, err)
		}
	})
	return running
}

// freeAddr is a loopback address that nothing listens on, so that it stays free until somebody does, and that no other test is given.
func freeAddr(t *testing.T) string {
	t.Helper()
	addr, err := ports.FreeAddr()
	if err != nil {
		t.Fatal(err)
	}
	return addr
}

// embeddedBroker starts the broker of `weir demo` in this process.
func embeddedBroker(t *testing.T) []string {
	t.Helper()
	running, err := broker.Start(broker.Config{DataDir: filepath.Join(t.TempDir(), "broker")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(running.Close)
	return running.Addrs()
}

// patience bounds a wait for a condition. Not smaller: Kafka's groups rebalance for
// tens of seconds on a busy machine; not larger: a lost row never comes.
const patience = 4 * time.Minute

// eventually waits for a condition.
func eventually(t *testing.T, condition func() bool, failure func() string) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for !condition() {
		select {
		case <-deadline.C:
			t.Fatalf("after %s: %s", patience, failure())
		case <-ticker.C:
		}
	}
}
