package agent

import (
	"slices"
	"strings"
	"sync"
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
		t.Logf("%s, of 100 clients: p50 %s, p99 %s, at most %s", of.what, of.quantile(0.5), of.quantile(0.99), of.quantile(1))
		if p99 := of.quantile(0.99); p99 > effectBound {
			t.Errorf("%s: p99 is %s, want at most %s", of.what, p99, effectBound)
		}
	}
}

// BenchmarkTimeToEffect is the same of a thousand clients, without the race detector's share. One round is enough:
//
//	go test ./sdk/agent -run '^$' -bench TimeToEffect -benchtime 1x
func BenchmarkTimeToEffect(b *testing.B) {
	for _, of := range timesToEffect(b, 1000, 3) {
		name := strings.ReplaceAll(of.what, " ", "_")
		b.ReportMetric(float64(of.quantile(0.5).Milliseconds()), name+"_p50_ms")
		b.ReportMetric(float64(of.quantile(0.99).Milliseconds()), name+"_p99_ms")
		if p99 := of.quantile(0.99); p99 > effectBound {
			b.Errorf("%s: p99 is %s, want at most %s", of.what, p99, effectBound)
		}
	}
}

// effects are the times of one kind of change, of each client and round.
type effects struct {
	what  string
	times []time.Duration
}

func (e *effects) quantile(of float64) time.Duration {
	slices.Sort(e.times)
	return e.times[int(of*float64(len(e.times)-1))].Round(time.Millisecond)
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
	out := make([]effects, len(steps))
	for range rounds {
		for i, step := range steps {
			out[i].what = step.what
			out[i].times = append(out[i].times, s.effect(clients, step.do, step.shows)...)
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

// effect is how long each client takes from before something is done until it shows.
func (s *shop) effect(clients int, do func(), shows func(i int) bool) []time.Duration {
	s.t.Helper()
	times := make([]time.Duration, 0, clients)
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
			times = append(times, time.Since(began))
			return true
		})
		return len(left) == 0
	})
	return times
}
