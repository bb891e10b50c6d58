package agent

import (
	"context"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/control"
	"github.com/weirmq/weir/sdk/internal/reported"
	"github.com/weirmq/weir/sdk/report"
)

// effectBound is the time to effect that people are promised, of 99 in 100 clients.
const effectBound = 2 * time.Second

// TestTimeToEffect has clients in one process follow commands, on and off, and holds how long that takes from before the command is
// written until the client has done as it says.
func TestTimeToEffect(t *testing.T) {
	t.Parallel()
	for _, of := range timesToEffect(t, 100, 2) {
		p99, awake := quantile(of.times, 0.99), quantile(of.awake, 0.99)
		t.Logf("%s, of 100 clients: p50 %s, p99 %s, at most %s; without what the machine was late p99 %s", of.what, quantile(of.times, 0.5), p99, quantile(of.times, 1), awake)
		if awake > effectBound {
			t.Errorf("%s: p99 is %s, and %s without what the machine was late: want at most %s", of.what, p99, awake, effectBound)
		}
	}
}

// BenchmarkTimeToEffect is the same of a thousand clients, without the race detector's share. One round is enough:
//
//	go test ./sdk/agent -run '^$' -bench TimeToEffect -benchtime 1x
func BenchmarkTimeToEffect(b *testing.B) {
	for _, of := range timesToEffect(b, 1000, 3) {
		name := strings.ReplaceAll(of.what, " ", "_")
		p99 := quantile(of.times, 0.99)
		b.ReportMetric(float64(quantile(of.times, 0.5).Milliseconds()), name+"_p50_ms")
		b.ReportMetric(float64(p99.Milliseconds()), name+"_p99_ms")
		if p99 > effectBound {
			b.Errorf("%s: p99 is %s, want at most %s", of.what, p99, effectBound)
		}
	}
}

// effects are the times of one kind of change, of each client and round.
type effects struct {
	what  string
	times []time.Duration
	awake []time.Duration // the same without what an independent clock of the process was late meanwhile: a machine that runs other tests gives it no CPU
}

func quantile(times []time.Duration, of float64) time.Duration {
	slices.Sort(times)
	return times[int(of*float64(len(times)-1))].Round(time.Millisecond)
}

// lateness is by how much a clock of the process has been late so far: it should tick once in a while.
func lateness(t testing.TB) *atomic.Int64 {
	const every = 5 * time.Millisecond
	late := &atomic.Int64{} // nanoseconds
	ctx, stop := context.WithCancel(t.Context())
	var watching sync.WaitGroup
	watching.Go(func() {
		tick := time.NewTicker(every)
		defer tick.Stop()
		for last := time.Now(); ctx.Err() == nil; {
			<-tick.C
			now := time.Now()
			late.Add(int64(max(now.Sub(last)-every, 0)))
			last = now
		}
	})
	t.Cleanup(func() { stop(); watching.Wait() })
	return late
}

func timesToEffect(t testing.TB, clients, rounds int) []effects {
	t.Helper()
	s := newShop(t, "orders")
	fleet, agents := s.fleet(clients)
	s.put(command("warm", "nothing", pause))
	reported.Eventually(t, "every agent reads", func() bool {
		return !slices.ContainsFunc(agents, func(a *Agent) bool { return a.State().Offset == 0 })
	})
	paused := func(i int) bool { return len(fleet[i].PauseFetchTopics()) == 1 }
	limited := func(i int) bool { return agents[i].Producer(fleet[i]).bound.client.SendsTouched("orders") }
	ended := command("slow-orders", "orders", limit(5))
	ended.Ended = &control.Ended{Author: "li", At: time.Now()}
	steps := []struct {
		what  string
		do    func()
		shows func(int) bool
	}{
		{"pause on", func() { s.put(command("pause-orders", "orders", pause)) }, paused},
		{"pause off", func() { s.take("pause-orders") }, func(i int) bool { return !paused(i) }},
		{"send limit on", func() { s.put(command("slow-orders", "orders", limit(5))) }, limited},
		{"send limit off", func() { s.put(ended) }, func(i int) bool { return !limited(i) }},
	}
	out, late := make([]effects, len(steps)), lateness(t)
	for range rounds {
		for i, step := range steps {
			out[i].what = step.what
			before := late.Load()
			s.effect(clients, step.do, step.shows, func(took time.Duration) {
				out[i].times = append(out[i].times, took)
				out[i].awake = append(out[i].awake, took-time.Duration(late.Load()-before))
			})
		}
	}
	return out
}

// fleet are so many clients that consume orders, each with an agent of its own.
func (s *shop) fleet(clients int) ([]*kgo.Client, []*Agent) {
	s.t.Helper()
	first := s.open(Config{Enabled: allEnabled}, report.Config{Interval: time.Minute})
	fleet, agents := make([]*kgo.Client, clients), make([]*Agent, clients)
	var opening sync.WaitGroup
	for i := range fleet {
		opening.Go(func() {
			a, err := Open(s.t.Context(), Config{Telemetry: first.config.Telemetry, Enabled: allEnabled, Log: first.config.Log})
			if err != nil {
				s.t.Error(err)
				return
			}
			fleet[i], agents[i] = reported.Dial(s.t, s.addrs, kgo.ConsumeTopics("orders"), kgo.FetchMaxWait(time.Minute), kgo.DisableClientMetrics()), a
			if err := a.Bind(fleet[i]); err != nil {
				s.t.Error(err)
			}
		})
	}
	opening.Wait()
	s.t.Cleanup(func() {
		var closing sync.WaitGroup
		for _, a := range agents {
			closing.Go(func() { _ = a.Close(s.t.Context()) })
		}
		closing.Wait()
	})
	return fleet, agents
}

// effect notes how long each client takes from before something is done until it shows.
func (s *shop) effect(clients int, do func(), shows func(i int) bool, note func(took time.Duration)) {
	s.t.Helper()
	left := make([]int, clients)
	for i := range left {
		left[i] = i
	}
	began := time.Now()
	do()
	reported.Eventually(s.t, "every client has done it", func() bool {
		left = slices.DeleteFunc(left, func(i int) bool {
			if !shows(i) {
				return false
			}
			note(time.Since(began))
			return true
		})
		return len(left) == 0
	})
}
