package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/weirmq/weir/deploy/ports"
)

const prometheusLatencyName = "report to Alertmanager, Prometheus"

// prometheusConfig scrapes one exporter and evaluates the rules, each once a second.
const prometheusConfig = `global: {scrape_interval: 1s, evaluation_interval: 1s}
rule_files: [rules.yaml]
scrape_configs:
  - {job_name: bench, static_configs: [{targets: ['%s']}]}
alerting:
  alertmanagers:
    - {static_configs: [{targets: ['%s']}]}
`

// Prometheus spreads scrapes and groups of rules over the second by hashes of their names, so that between a scrape and
// the evaluation of a group there is always the same time. Alerts are spread over groups for it to be any.
const prometheusGroups = 16

// prometheusRules are true as soon as a counter is seen to have changed.
func prometheusRules() string {
	var out strings.Builder
	out.WriteString("groups:\n")
	for group := range prometheusGroups {
		fmt.Fprintf(&out, "  - {name: bench-%d, rules: [{alert: Early, expr: 'reports_total{part=\"%d\"} > 0'}]}\n", group, group)
	}
	return out.String()
}

// counters is an exporter of counters, of which each changes once. That there is one it says from the start.
type counters struct {
	mu      sync.Mutex
	changed int // so many, in their order
	heard   *receiver
	at      map[string]time.Time // when those changed that are measured
}

// counterNumber are the counters: those measured, and some for the start.
const counterNumber = latencyAlerts + 200

func counterName(n int) string { return fmt.Sprint("counter-", n) }

func (c *counters) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	c.mu.Lock()
	changed := c.changed
	c.mu.Unlock()
	fmt.Fprintln(w, "# TYPE reports_total counter")
	for n := range counterNumber {
		value := 0
		if n < changed {
			value = 1
		}
		fmt.Fprintf(w, "reports_total{client=%q,part=\"%d\"} %d\n", counterName(n), n%prometheusGroups, value)
	}
}

// change waits a while and lets the next counter change.
func (c *counters) change(ctx context.Context, measured bool) error {
	if err := sleepUntil(ctx, time.Now().Add(rand.N(latencySpacing))); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if measured {
		c.at[counterName(c.changed)] = time.Now()
	}
	c.changed++
	return nil
}

// alert is fleet.alert, of counters.
func (c *counters) alert(ctx context.Context) ([]float64, error) {
	for began := time.Now(); c.heard.count() == 0; {
		if time.Since(began) > latencyPatience {
			return nil, errors.New("no alert came")
		}
		if err := c.change(ctx, false); err != nil {
			return nil, err
		}
	}
	for len(c.at) < latencyAlerts {
		if err := c.change(ctx, true); err != nil {
			return nil, err
		}
	}
	for end := time.Now().Add(latencyPatience); time.Now().Before(end); {
		if took := c.heard.took(c.at); len(took) == len(c.at) {
			return took, nil
		}
		if err := sleepUntil(ctx, time.Now().Add(beatEvery)); err != nil {
			return nil, err
		}
	}
	return nil, fmt.Errorf("of %d alerts, %d came", len(c.at), len(c.heard.took(c.at)))
}

// measurePrometheus returns milliseconds from the change of a counter to the call of Alertmanager.
func measurePrometheus(ctx context.Context, program string) ([]float64, error) {
	heard := &receiver{at: map[string]time.Time{}}
	called := httptest.NewServer(heard)
	defer called.Close()
	exporter := &counters{heard: heard, at: map[string]time.Time{}}
	scraped := httptest.NewServer(exporter)
	defer scraped.Close()
	dir, err := os.MkdirTemp("", "weir-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	config := fmt.Sprintf(prometheusConfig, scraped.Listener.Addr(), called.Listener.Addr())
	for name, text := range map[string]string{"prometheus.yaml": config, "rules.yaml": prometheusRules()} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			return nil, err
		}
	}
	addr, err := ports.FreeAddr()
	if err != nil {
		return nil, err
	}
	prometheus := pinnedProgram(ctx, measuredCore, program, "--config.file="+filepath.Join(dir, "prometheus.yaml"),
		"--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address="+addr, "--log.level=error")
	if err := prometheus.Start(); err != nil {
		return nil, fmt.Errorf("start Prometheus: %w", err)
	}
	defer func() { _ = prometheus.Process.Kill(); _ = prometheus.Wait() }()
	return exporter.alert(ctx)
}
