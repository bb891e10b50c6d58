package kafka

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/weirmq/weir/collect"
	"github.com/weirmq/weir/deploy/child"
	"github.com/weirmq/weir/telemetry"
)

// canariesOfApacheKafka sends canaries to a real broker, which is then stopped for two seconds, and killed.
func canariesOfApacheKafka(plain *measured, running *child.Child) {
	m := plain.withCanaries()
	m.canaries()
	lines := m.poll(0)
	heartbeat := "op=probe node=" + m.addrs[0] + " client=weir-1 heartbeat_failures_in_a_row=0 heartbeat_is_canary=1 heartbeats=1"
	m.expect(without(of(lines, "op=probe"), "heartbeat_send_seconds"), heartbeat)
	counts := of(plain.poll(10*time.Second), "op=broker", "brokers_alive=1")
	m.expect(of(lines, "op=broker", "brokers_alive=1"), counts...)
	topic := "weir-canary-1" // of node 1
	if found := slices.IndexFunc(lines, func(line string) bool { return strings.Contains(line, topic) }); found >= 0 {
		m.Errorf("a report is of a topic of canaries: %s", lines[found])
	}
	id := m.poller.Brokers()[0]
	var took telemetry.Histogram
	for range 20 {
		reports, ok := m.poller.Probe(m.Context(), id)
		if !ok || len(reports) != 1 || reports[0].HeartbeatMicros.Count() != 1 {
			m.Fatalf("got %v and %v of a further one", ok, reports)
		}
		took.Merge(&reports[0].HeartbeatMicros)
	}
	m.Logf("twenty canaries took %.1f ms, at most %.1f ms", took.Quantile(0.5)/1000, took.Quantile(1)/1000)
	m.stopped(running, id)
	m.killed(running)
}

// stopped stops the broker for two seconds while a canary is under way: its round trip is as long.
func (m *measured) stopped(running *child.Child, id string) {
	const stopped = 2 * time.Second
	signal := func(s syscall.Signal) {
		if err := syscall.Kill(running.PID(), s); err != nil {
			m.Error(err)
		}
	}
	signal(syscall.SIGSTOP)
	m.awaitStopped(running.PID())
	timer := time.AfterFunc(stopped, func() { signal(syscall.SIGCONT) })
	defer timer.Stop()
	reports, ok := m.poller.Probe(m.Context(), id)
	if len(reports) != 1 || reports[0].HeartbeatMicros.Count() != 1 {
		m.Fatalf("got %v of a broker that was stopped for %s, want one round trip", reports, stopped)
	}
	p99 := time.Duration(reports[0].HeartbeatMicros.Quantile(0.99)) * time.Microsecond
	m.Logf("a canary took %s while the broker was stopped for %s, and came back: %v", p99, stopped, ok)
	if p99 < stopped*99/100 { // a histogram is 1% off
		m.Errorf("the heartbeat took %s, want %s", p99, stopped)
	}
}

// awaitStopped returns once each thread of a process has stopped: until then one may still answer.
func (m *measured) awaitStopped(pid int) {
	ctx, end := context.WithTimeout(m.Context(), patience)
	defer end()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		stats, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
		if err != nil || len(stats) == 0 {
			m.Fatalf("process %d has threads %v: %v", pid, stats, err)
		}
		runs := slices.ContainsFunc(stats, func(file string) bool {
			stat, err := os.ReadFile(file)
			_, after, _ := bytes.Cut(stat, []byte(") ")) // after the name, which may have blanks
			return err == nil && !bytes.HasPrefix(after, []byte("T"))
		})
		if !runs {
			return
		}
		select {
		case <-ctx.Done():
			m.Fatalf("a thread of process %d still runs %s after SIGSTOP", pid, patience)
		case <-tick.C:
		}
	}
}

// killed kills the broker: within half a minute three canaries have failed.
func (m *measured) killed(running *child.Child) {
	ctx, end := context.WithTimeout(m.Context(), patience)
	defer end()
	running.Kill()
	began := time.Now()
	failures := make(chan float64, 100)
	runner := collect.Canaries{Prober: m.poller, Interval: 10 * time.Second, Publish: func(reports []telemetry.Report) {
		for i := range reports {
			failures <- reports[i].Gauges[0].Value
			if reports[i].HeartbeatMicros.Count() > 0 {
				m.Errorf("a canary was refused and took %d round trips", reports[i].HeartbeatMicros.Count())
			}
			if failed := reports[i].Gauges[0].Value; failed >= 3 {
				end()
			}
		}
	}}
	runner.Run(ctx)
	close(failures)
	var got []float64
	for failed := range failures {
		got = append(got, failed)
	}
	if !slices.Equal(got, []float64{1, 2, 3}) {
		m.Errorf("failures in a row were %v after %s, want 1, 2, 3", got, time.Since(began))
	}
	m.Logf("three canaries had failed %s after the broker was killed", time.Since(began).Round(time.Millisecond))
}
