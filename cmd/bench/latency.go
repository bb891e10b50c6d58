package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/deploy/parts"
	"github.com/weirmq/weir/pipeline"
	"github.com/weirmq/weir/telemetry"
)

// runCommand is weir run without storage, until it is stopped.
type runCommand struct {
	Addr         string        `arg:"" help:"Of the broker."`
	Rules        string        `required:""`
	Alertmanager string        `required:""`
	Lateness     time.Duration `required:""`
}

// Run runs the stages.
func (c *runCommand) Run(ctx context.Context) error {
	settings := config(c.Addr, partitions)
	settings.Roles = []string{pipeline.RoleAggregate, pipeline.RoleRules, pipeline.RoleAlertmanager}
	settings.Rules.Dir, settings.Telemetry.Lateness = c.Rules, c.Lateness
	settings.Alertmanager.URLs = []string{c.Alertmanager}
	p, err := pipeline.New(settings, slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError})))
	if err != nil {
		return err
	}
	return p.Run(ctx)
}

// earlyRule is true with the first report of a client, and stays so.
const earlyRule = `groups:
  - name: bench
    rules:
      - {alert: Early, by: [client], where: op == "send", window: 1m, expr: messages >= 1, for: 0s}
`

const (
	// Not fewer: the second greatest of them is p99; not more: each takes a third of a second.
	latencyAlerts = 120
	// Between two of them, evenly spread from 0. Not shorter: the alerts are of several
	// panes; not longer: a minute is enough.
	latencySpacing = 700 * time.Millisecond
	// Of clients that no rule asks for, one for each partition: time goes on with them.
	beatEvery = 250 * time.Millisecond
	// A report's length in milliseconds: it is of what was just before.
	latencyLength = 100
	// For the first alert, and for the last ones. Not shorter: groups are joined, and a pane
	// must be over, with its lateness; not longer: what is lost is an error.
	latencyPatience = 40 * time.Second
)

// latencies are the configurations measured.
var latencies = []struct {
	name     string
	lateness time.Duration
}{{"report to Alertmanager, early rule", pipeline.DefaultConfig().Telemetry.Lateness}, {"report to Alertmanager, lateness 0", 0}}

// Targets in milliseconds.
const (
	mostLatencyMedian = 100
	mostLatencyTail   = 400
)

// latency measures how long it takes from a report to the call of Alertmanager.
func (c *allCommand) latency(ctx context.Context) ([]finding, error) {
	var all []finding
	for _, l := range latencies {
		if !strings.Contains(l.name, c.Only) {
			continue
		}
		took, err := measureLatency(ctx, l.lateness)
		if err != nil {
			return nil, fmt.Errorf("measure %s: %w", l.name, err)
		}
		all = append(all, latencyFindings(l.name, took, mostLatencyMedian, mostLatencyTail)...)
	}
	if !c.Rivals || !strings.Contains(prometheusLatencyName, c.Only) {
		return all, nil
	}
	program, err := parts.Prometheus()
	if err != nil {
		return nil, err
	}
	took, err := measurePrometheus(ctx, program)
	if err != nil {
		return nil, fmt.Errorf("measure %s: %w", prometheusLatencyName, err)
	}
	return append(all, latencyFindings(prometheusLatencyName, took, 0, 0)...), nil
}

// latencyFindings are the median and the tail of milliseconds, printed, with what they may be at most.
func latencyFindings(name string, took []float64, medianWant, tailWant float64) []finding {
	slices.Sort(took)
	tail := finding{name + ", p99 ms", took[len(took)*99/100], took[0], took[len(took)-1], tailWant, true}
	found := []finding{median(name+", p50 ms", took, medianWant, true), tail}
	printAll(found)
	return found
}

// measureLatency returns milliseconds of each alert.
func measureLatency(ctx context.Context, lateness time.Duration) ([]float64, error) {
	log, addr, err := startLog(ctx, target{series: 1})
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Process.Kill(); _ = log.Wait() }()
	dir, err := os.MkdirTemp("", "weir-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	if err := os.WriteFile(filepath.Join(dir, "early.yaml"), []byte(earlyRule), 0o600); err != nil {
		return nil, err
	}
	heard := &receiver{at: map[string]time.Time{}}
	server := httptest.NewServer(heard)
	defer server.Close()
	weir := pinned(ctx, measuredCore, "run", addr, "--rules", dir, "--alertmanager", server.URL, "--lateness", lateness.String())
	if err := weir.Start(); err != nil {
		return nil, fmt.Errorf("start weir: %w", err)
	}
	defer func() { _ = weir.Process.Kill(); _ = weir.Wait() }()
	client, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerLinger(0))
	if err != nil {
		return nil, fmt.Errorf("open a client: %w", err)
	}
	defer client.Close()
	fleet := &fleet{client: client, heard: heard, produced: map[string]time.Time{}}
	return fleet.alert(ctx)
}

// fleet writes reports in the order of their time.
type fleet struct {
	client   *kgo.Client
	heard    *receiver
	produced map[string]time.Time
	beat     time.Time // the next
	mu       sync.Mutex
	failed   error
}

// alert lets alerts begin until one was heard of, and then measures as many as it must.
func (f *fleet) alert(ctx context.Context) ([]float64, error) {
	f.beat = time.Now()
	for began := f.beat; f.heard.count() == 0; {
		if time.Since(began) > latencyPatience {
			return nil, errors.New("no alert came")
		}
		if err := f.next(ctx, "first"); err != nil {
			return nil, err
		}
	}
	for len(f.produced) <= latencyAlerts {
		if err := f.next(ctx, "measured"); err != nil {
			return nil, err
		}
	}
	for end := time.Now().Add(latencyPatience); time.Now().Before(end); {
		if took := f.heard.took(f.produced); len(took) == len(f.produced) {
			return took, nil
		}
		if err := f.until(ctx, time.Now().Add(beatEvery)); err != nil {
			return nil, err
		}
	}
	return nil, fmt.Errorf("of %d alerts, %d came", len(f.produced), len(f.heard.took(f.produced)))
}

// next waits a while and reports of a client that was not there before. What comes while
// the stages start is not measured.
func (f *fleet) next(ctx context.Context, kind string) error {
	if err := f.until(ctx, time.Now().Add(rand.N(latencySpacing))); err != nil {
		return err
	}
	now := time.Now()
	name := fmt.Sprintf("%s-%d", kind, now.UnixNano())
	if kind == "measured" {
		f.produced[name] = now
	}
	return f.report(ctx, now, telemetry.Labels{Op: "send", Client: name}, rand.N(int32(partitions)))
}

// until lets time go on.
func (f *fleet) until(ctx context.Context, end time.Time) error {
	for ; f.beat.Before(end); f.beat = f.beat.Add(beatEvery) {
		if err := sleepUntil(ctx, f.beat); err != nil {
			return err
		}
		for partition := range int32(partitions) {
			if err := f.report(ctx, time.Now(), telemetry.Labels{Op: "poll", Client: fmt.Sprint("beat-", partition)}, partition); err != nil {
				return err
			}
		}
	}
	return sleepUntil(ctx, end)
}

func (f *fleet) report(ctx context.Context, now time.Time, labels telemetry.Labels, partition int32) error {
	labels.Env, labels.Cluster, labels.System, labels.Topic = "prod", "eu-1", "kafka", "orders"
	report := telemetry.Report{Schema: telemetry.Schema, StartUnixMillis: now.UnixMilli() - latencyLength, LengthMillis: latencyLength, Labels: labels, Messages: 1}
	value, err := telemetry.MarshalReport(&report)
	if err != nil {
		return fmt.Errorf("encode a report: %w", err)
	}
	f.client.Produce(ctx, &kgo.Record{Topic: telemetry.TopicTelemetry, Partition: partition, Value: value}, func(_ *kgo.Record, err error) {
		if err != nil {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.failed = err
		}
	})
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.failed
}
