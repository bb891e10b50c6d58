package main

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/weirmq/weir/pipeline"
	"github.com/weirmq/weir/telemetry"
)

// capturedRules look at counters, histograms, clients, versions and gauges.
const capturedRules = `groups:
  - name: test
    defaults: {by: [cluster, topic], window: 3s}
    rules:
      - alert: Quiet
        expr: messages < 0
      - alert: Surge # three times as much, for longer than a busy machine holds reports up
        where: op == "send"
        expr: tps > 1.2 * over(9s).tps and tps > 10
        for: 1s
      - alert: Slow
        expr: p99 > 500ms and size_avg > 100B
        for: 2s
        keep_firing_for: 1s
      - alert: Kept # it fires on
        expr: p99 > 500ms
        keep_firing_for: 10m
      - alert: Old
        expr: version_share("<", "1.10.0") > 5%
      - alert: Behind
        expr: lag > 100
`

// TestACapturedAlertIsShownAgain lets alerts fire and resolve, makes a test of each from what the store has, and plays it.
func TestACapturedAlertIsShownAgain(t *testing.T) {
	t.Parallel()
	h := newHouse(t, embeddedBroker(t), capturedRules)
	h.startClickHouse()
	config, addr := h.writeConfig("lateness: 2s", "lateness: 8s")
	weir := h.launchWith(config, addr, "--roles", "aggregate,rules,clickhouse")
	weir.awaitReady()
	l := &lived{reporter: newReporter(t, h.brokers, "orders"), clients: map[int]bool{}}
	for client := range reportedClients {
		l.clients[client] = true
	}
	l.stage(10 * time.Second)
	l.change = func(client int, report *telemetry.Report) {
		report.Messages *= 3
		switch client {
		case 0:
			report.LatencyMicros.Observe(3_000_000)
		case 3:
			report.Gauges[0].Value = 500
		case 4:
			report.Labels.SDKVersion = "1.9.9"
		}
	}
	l.stage(7 * time.Second)
	l.change = nil
	l.stage(9 * time.Second)
	h.awaitTotals(l.reporter, 0)
	names := []string{"Behind", "Kept", "Old", "Slow", "Surge"}
	eventually(t, func() bool {
		resolved := map[string]bool{}
		for _, alert := range listed(t, weir) {
			resolved[alert.Rule] = resolved[alert.Rule] || alert.State == telemetry.AlertResolved
		}
		return len(resolved) == len(names) && !resolved["Kept"] && resolved["Behind"] && resolved["Old"] && resolved["Slow"] && resolved["Surge"]
	}, func() string { return "not all alerts are resolved: " + h.state() })
	for _, name := range names {
		got := call(t, h.dir, "rules", "capture", name, "--config", config)
		if got.code != 0 {
			t.Errorf("%s: capture exits %d: %s\n%s", name, got.code, got.stderr, got.stdout)
			continue
		}
		path := filepath.Join(h.dir, name+"_test.txt")
		if err := os.WriteFile(path, []byte(got.stdout), 0o600); err != nil {
			t.Fatal(err)
		}
		played := call(t, h.dir, "rules", "test", path)
		if played.code != 0 || !strings.Contains(played.stdout, "1 cases passed") {
			t.Errorf("%s: the test exits %d: %s%s\n%s", name, played.code, played.stdout, played.stderr, got.stdout)
		}
		if strings.Contains(got.stdout, "Quiet") || strings.Count(got.stdout, "expect ") < 3 && name != "Old" && name != "Behind" && name != "Kept" {
			t.Errorf("%s: the test has another rule, or lacks what it expects:\n%s", name, got.stdout)
		}
	}
	longer, _ := h.writeConfig("pane: 1s", "pane: 10s, tolerance: 1m")
	wrong := call(t, h.dir, "rules", "capture", "Slow", "--config", longer, "--url", "http://"+addr)
	if want := "the store has cells of panes shorter than telemetry.pane 10s, as one that begins at "; wrong.code != exitFailed || !strings.Contains(wrong.stderr, want) {
		t.Errorf("with another pane capture exits %d and says %s, want %s", wrong.code, wrong.stderr, want)
	}
	explained := call(t, h.dir, "rules", "explain", "Slow", "--config", config, "--contributors")
	if explained.code != 0 || !regexp.MustCompile(`(?m)^client +partition +sdk +messages +errors +latency max\nclient-\d+ .* go 1\.10\.0 .* ms$`).MatchString(explained.stdout) {
		t.Errorf("explain exits %d: %s%s", explained.code, explained.stdout, explained.stderr)
	}
}

// listed are the alerts that a weir has.
func listed(t *testing.T, weir *process) []pipeline.ExplainedAlert {
	t.Helper()
	var answer struct {
		Alerts []pipeline.ExplainedAlert `json:"alerts"`
	}
	if code, body := weir.get("/api/v1/alerts"); code == http.StatusOK {
		if err := json.Unmarshal([]byte(body), &answer); err != nil {
			t.Fatal(err)
		}
	}
	return answer.Alerts
}

// TestAskingForNoAlert holds what is said where there is no weir, and where no alert is named.
func TestAskingForNoAlert(t *testing.T) {
	t.Parallel()
	addr := freeAddr(t)
	refused := "weir: ask weir: none runs at http://" + addr + ", as --url says: dial tcp " + addr + ": connect: connection refused" + startOne
	const unnamed = `weir: got "Slow fast", want the name of an alert, its id of 16 hexadecimal digits, or name{label=value}, as in SendSlow{topic=orders}` + "\n"
	for _, command := range []string{"explain", "capture"} {
		for _, c := range []struct {
			args []string
			want ended
		}{
			{[]string{"Slow", "--url", "http://" + addr}, ended{"", refused, exitFailed}},
			{[]string{"Slow fast", "--url", "http://" + addr}, ended{"", unnamed, exitFailed}},
		} {
			if got := call(t, t.TempDir(), append([]string{"rules", command}, c.args...)...); got != c.want {
				t.Errorf("%s %v: got %+v, want %+v", command, c.args, got, c.want)
			}
		}
		if got := call(t, t.TempDir(), "rules", command); got.code != exitUsage || !strings.HasPrefix(got.stderr, `weir: expected "<alert>"`+"\n") {
			t.Errorf("%s without an alert: got %+v", command, got)
		}
	}
}
