package collect_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/weirmq/weir/collect"
	"github.com/weirmq/weir/telemetry"
)

// within waits until ctx ends, at most so long.
func within(ctx context.Context, took time.Duration) error {
	timer := time.NewTimer(took)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// TestCanariesByWhatTheyTake says what counts of a canary, by how long it takes to be sent and to be read, and what fails.
func TestCanariesByWhatTheyTake(t *testing.T) {
	refused, denied := errors.New("refused"), fmt.Errorf("%w: denied", collect.ErrNoCanary)
	const s = time.Second
	for _, c := range []struct {
		name               string
		sends, reads       time.Duration
		sendFails, readErr error
		failed, impossible string
		trip               time.Duration // 0: none counts
		gauges             string
	}{
		{"in time", s, 2 * s, nil, nil, "", "", 3 * s, "heartbeat_is_canary=1 heartbeat_send_seconds=1"},
		{"as long as it may", s, 4 * s, nil, nil, "", "", 5 * s, "heartbeat_is_canary=1 heartbeat_send_seconds=1"},
		{"too late", s, 4*s + s/4, nil, nil, "it took more than 5s", "", 5*s + s/4, "heartbeat_is_canary=1"},
		{"never taken", time.Hour, 0, nil, nil, "it was not back within 5.5s", "", 5*s + s/2, "heartbeat_is_canary=1"},
		{"never back", s, time.Hour, nil, nil, "it was not back within 5.5s", "", 5*s + s/2, "heartbeat_is_canary=1"},
		{"refused", 0, 0, refused, nil, "refused", "", 0, "heartbeat_is_canary=1"},
		{"refused to be read", s, 0, nil, refused, "refused", "", 0, "heartbeat_is_canary=1"},
		{"not permitted", 0, 0, denied, nil, "", denied.Error(), 0, "heartbeat_is_canary=0"},
		{"not permitted to be read", s, 0, nil, denied, "", denied.Error(), 0, "heartbeat_is_canary=0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				takes := func(took time.Duration, err error) func(context.Context) error {
					return func(ctx context.Context) error {
						if ended := within(ctx, took); ended != nil {
							return ended
						}
						return err
					}
				}
				o := collect.SendCanary(t.Context(), takes(c.sends, c.sendFails), takes(c.reads, c.readErr))
				text := func(err error) string {
					if err == nil {
						return ""
					}
					return err.Error()
				}
				if text(o.Failed) != c.failed || text(o.Impossible) != c.impossible {
					t.Errorf("got %v and %v, want %q and %q", o.Failed, o.Impossible, c.failed, c.impossible)
				}
				r := collect.AwaitCanaries()
				r.Take(o)
				if failed := r.FailedInARow() == 1; failed != (c.failed != "") {
					t.Errorf("%d failed", r.FailedInARow())
				}
				var report telemetry.Report
				r.Report(&report)
				if got := time.Duration(report.HeartbeatMicros.Quantile(1)) * time.Microsecond; c.trip == 0 && report.HeartbeatMicros.Count() != 0 ||
					c.trip > 0 && (got < c.trip*99/100 || got > c.trip*101/100) || c.failed != "" && c.trip > 0 && got <= collect.CanaryFails {
					t.Errorf("%d round trips count, of %s, want %s", report.HeartbeatMicros.Count(), got, c.trip)
				}
				if got := gaugesOf(&report); got != c.gauges {
					t.Errorf("got %q, want %q", got, c.gauges)
				}
				if r.Report(&report); report.HeartbeatMicros.Count() > 1 {
					t.Error("a round trip is reported twice")
				}
			})
		})
	}
}

func gaugesOf(r *telemetry.Report) string {
	var out []string
	for _, g := range r.Gauges {
		out = append(out, fmt.Sprintf("%s=%g", g.Name, g.Value))
	}
	return strings.Join(out, " ")
}

// TestFailedCanariesInARow are counted from the last that was good; one that was not possible says nothing.
func TestFailedCanariesInARow(t *testing.T) {
	good, failed, impossible := collect.CanaryOutcome{Took: 1}, collect.CanaryOutcome{Failed: errors.New("refused")}, collect.CanaryOutcome{Impossible: collect.ErrNoCanary}
	var off collect.CanaryRecord
	r := collect.AwaitCanaries()
	if off.Counts() || !r.Counts() {
		t.Error("canaries count where none are sent, or not where the first is to come")
	}
	for i, step := range []struct {
		takes collect.CanaryOutcome
		want  int
	}{{failed, 1}, {failed, 2}, {good, 0}, {failed, 1}, {impossible, 0}, {failed, 1}} {
		r.Take(step.takes)
		if r.FailedInARow() != step.want || r.Counts() != (step.takes.Impossible == nil) {
			t.Errorf("step %d: %d failed in a row, want %d; they count: %v", i, r.FailedInARow(), step.want, r.Counts())
		}
	}
}

// TestTopicsOfCanaries are known by their names, whether canaries are sent or not.
func TestTopicsOfCanaries(t *testing.T) {
	for _, c := range []struct {
		of    collect.Canary
		topic string
		owns  bool
	}{
		{collect.Canary{}, "weir-canary-1", true},
		{collect.Canary{Enabled: true}, "weir-canary", false},
		{collect.Canary{Prefix: "our-canary-"}, "our-canary-1", true},
		{collect.Canary{Prefix: "our-canary-"}, "weir-canary-1", false},
	} {
		if got := c.of.Owns(c.topic); got != c.owns || c.owns && c.of.Topic("1") != c.topic {
			t.Errorf("%+v: %s is of canaries: %v, want %v", c.of, c.topic, got, c.owns)
		}
	}
}

// TestCanaryFaults names the first of each kind.
func TestCanaryFaults(t *testing.T) {
	var f collect.CanaryFaults
	f.Add("a", collect.CanaryOutcome{Took: 1})
	if err := f.Err(); err != nil {
		t.Errorf("got %v where all is well", err)
	}
	f.Add("b", collect.CanaryOutcome{Failed: errors.New("refused")})
	f.Add("c", collect.CanaryOutcome{Impossible: collect.ErrNoCanary})
	f.Add("d", collect.CanaryOutcome{Impossible: collect.ErrNoCanary})
	want := "c can be sent no canaries, so that its heartbeats are round trips: no canary can be sent; so it is with 1 more brokers\nb failed its canary: refused"
	if err := f.Err(); err == nil || err.Error() != want || !errors.Is(err, collect.ErrNoCanary) {
		t.Errorf("got %v, want %s", err, want)
	}
}

// fleet is a cluster of brokers that take so long for a canary: below zero it fails after as long.
type fleet struct {
	mu     sync.Mutex
	began  time.Time
	takes  map[string]time.Duration
	probed map[string][]int // in seconds since it began
}

func (f *fleet) Brokers() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []string
	for name := range f.takes {
		out = append(out, name)
	}
	return out
}

func (f *fleet) Probe(ctx context.Context, broker string) ([]telemetry.Report, bool) {
	f.mu.Lock()
	takes := f.takes[broker]
	f.probed[broker] = append(f.probed[broker], int(time.Since(f.began).Seconds()))
	f.mu.Unlock()
	_ = within(ctx, takes.Abs())
	return []telemetry.Report{{Labels: telemetry.Labels{Node: broker}}}, takes >= 0
}

func (f *fleet) set(broker string, takes time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.takes[broker] = takes; takes == 0 {
		delete(f.takes, broker)
	}
}

// TestCanariesBegin says when they do: each broker has its own pace, brokers come and go, and after one that failed the next comes soon.
func TestCanariesBegin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		f := &fleet{began: time.Now(), takes: map[string]time.Duration{"well": time.Millisecond, "hung": -collect.CanaryWaits, "refuses": -time.Millisecond, "leaves": time.Millisecond},
			probed: map[string][]int{}}
		published := map[string]int{}
		var mu sync.Mutex
		// No poll times out here. Timers of channels that end at once share a stack in the race detector of Go 1.26, and what time.AfterFunc
		// starts afterwards reads beyond it: one run of a thousand crashed.
		loop := collect.Loop{Poller: &brokers{takes: time.Hour}, Interval: time.Hour, Publish: func([]telemetry.Report) {}, Done: func(collect.Outcome) {},
			Canaries: &collect.Canaries{Prober: f, Interval: 10 * time.Second, Publish: func(r []telemetry.Report) {
				mu.Lock()
				defer mu.Unlock()
				published[r[0].Labels.Node]++
			}}}
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			loop.Run(ctx)
		}()
		_ = within(ctx, 15*time.Second+time.Second/2)
		f.set("leaves", 0)
		f.set("joins", time.Millisecond)
		_ = within(ctx, 15*time.Second)
		cancel()
		<-ended // with all that it began
		for name, want := range map[string][]int{"well": {0, 10, 20, 30}, "hung": {0, 5, 11, 16, 22, 27}, "refuses": {0, 5, 10, 15, 20, 25, 30},
			"leaves": {0, 10}, "joins": {16, 26}} {
			if !slices.Equal(f.probed[name], want) {
				t.Errorf("%s was sent canaries after %v seconds, want %v", name, f.probed[name], want)
			}
		}
		if published["hung"] != 5 || published["well"] != 4 {
			t.Errorf("got reports %v, want of each canary but those that the end cut short", published)
		}
	})
}
