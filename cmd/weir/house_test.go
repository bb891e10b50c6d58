package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/weirmq/weir/deploy/alertmanager"
	"github.com/weirmq/weir/deploy/child"
	"github.com/weirmq/weir/deploy/parts"
	"github.com/weirmq/weir/deploy/webhook"
)

// house is what weir run writes to: a real ClickHouse engine, a real Alertmanager
// and a chat, each a process or listener of its own.
type house struct {
	t             *testing.T
	dir           string
	logs          *logBuffer
	clickhouseURL string
	alertmanager  *alertmanager.Server
	chat          *webhook.Receiver
	brokers       []string
	statusAddr    string
	config        string
}

// logBuffer keeps what processes print.
type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

func freeAddr(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// newHouse starts the parts and writes weir.yaml and one rule file.
func newHouse(t *testing.T, brokers []string, ruleFile string) *house {
	t.Helper()
	h := &house{t: t, dir: t.TempDir(), logs: &logBuffer{}, brokers: brokers}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(h.logs.String())
		}
	})
	addr := freeAddr(t)
	h.clickhouseURL = "http://" + addr
	h.start("clickhouse", h.clickhouseURL+"/ping", "clickhouse", "--addr", addr, "--data", filepath.Join(h.dir, "clickhouse"))
	var err error
	if h.chat, err = webhook.Listen("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.chat.Close() })
	executable, err := parts.Alertmanager()
	if err != nil {
		t.Fatal(err)
	}
	h.alertmanager, err = alertmanager.Start(t.Context(), alertmanager.Config{Executable: executable, Addr: freeAddr(t),
		DataDir: filepath.Join(h.dir, "alertmanager"), WebhookURL: h.chat.URL(), LogWriter: h.logs})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.alertmanager.Stop(context.Background()) })
	h.writeConfig(ruleFile)
	return h
}

func (h *house) writeConfig(ruleFile string) {
	h.t.Helper()
	h.statusAddr = freeAddr(h.t)
	rulesDir := filepath.Join(h.dir, "rules.d")
	if err := os.MkdirAll(rulesDir, 0o750); err != nil {
		h.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(rulesDir, "rules.yaml"), []byte(ruleFile), 0o600); err != nil {
		h.t.Fatal(err)
	}
	h.config = filepath.Join(h.dir, "weir.yaml")
	text := fmt.Sprintf(`kafka: {brokers: [%s]}
telemetry: {pane: 1s, lateness: 2s, partitions: 4}
rules: {dir: %s}
clickhouse: {dsn: "%s"}
alertmanager: {urls: ["%s"], resend_delay: 5s, external_url: "http://%s"}
http: {addr: "%s"}
`, strings.Join(h.brokers, ", "), rulesDir, h.clickhouseURL, h.alertmanager.URL(), h.statusAddr, h.statusAddr)
	if err := os.WriteFile(h.config, []byte(text), 0o600); err != nil {
		h.t.Fatal(err)
	}
}

// start runs weir with arguments until the test ends.
func (h *house) start(name, readyURL string, args ...string) *child.Child {
	h.t.Helper()
	running, err := child.Start(h.t.Context(), child.Config{Executable: program, Args: args, ReadyURL: readyURL, LogWriter: h.logs})
	if err != nil {
		h.t.Fatalf("start %s: %v\n%s", name, err, h.logs)
	}
	h.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		if err := running.Stop(ctx); err != nil {
			h.t.Errorf("%s does not stop in time: %v", name, err)
		}
	})
	return running
}

// startWeir runs weir run until ready.
func (h *house) startWeir(args ...string) *child.Child {
	h.t.Helper()
	return h.start("weir run", "http://"+h.statusAddr+"/-/ready", append([]string{"run", "--config", h.config}, args...)...)
}

// query asks ClickHouse and returns its answer's text.
func (h *house) query(sql string) (string, error) {
	response, err := http.Get(h.clickhouseURL + "/?query=" + url.QueryEscape(sql))
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return "", err
	}
	if response.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s: %s", response.Status, body)
	}
	return strings.TrimSpace(string(body)), nil
}

// await asks until the answer is as wanted.
func (h *house) await(sql, want string) {
	h.t.Helper()
	got := ""
	eventually(h.t, func() bool {
		answer, err := h.query(sql)
		got = fmt.Sprint(answer, err)
		return err == nil && answer == want
	}, func() string { return fmt.Sprintf("%s\nanswers %q, want %q", sql, got, want) })
}

// patience bounds a wait for a condition. Not smaller: Kafka's groups rebalance for
// tens of seconds on a busy machine; not larger: a lost row never comes.
const patience = 90 * time.Second

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

// notified says how often the chat heard of an alert firing and resolved.
func (h *house) notified(alertname string) (firing, resolved int) {
	for _, n := range h.chat.Notifications() {
		if n.Labels["alertname"] != alertname {
			continue
		}
		switch n.Status {
		case "firing":
			firing++
		case "resolved":
			resolved++
		}
	}
	return firing, resolved
}
