package rocketmq

import (
	"context"
	"testing"
	"time"

	"github.com/weirmq/weir/collect/rocketmq/remoting"
	"github.com/weirmq/weir/telemetry"
)

// probed is a broker that took so many milliseconds to answer, or did not: 0.
func probed(node string, millis int) answers {
	return answers{broker: broker{node: node}, answered: millis > 0, roundTrip: time.Duration(millis) * time.Millisecond}
}

// TestFailedProbesInARow has a broker that fails twice, answers, fails again, and is no longer listed for a while.
func TestFailedProbesInARow(t *testing.T) {
	h := heartbeats{}
	for i, step := range []struct {
		says answers
		want int // -1: not known
	}{{probed("a", 0), 1}, {probed("a", 0), 2}, {probed("a", 5), 0}, {probed("a", 0), 1}, {probed("b", 5), -1}, {probed("a", 0), 1}} {
		h.take([]answers{step.says}, began)
		got := -1
		if h["a"] != nil {
			got = h["a"].failed
		}
		if got != step.want {
			t.Errorf("poll %d: got %d failures in a row, want %d", i, got, step.want)
		}
	}
}

// TestMedianOfThePeers has three brokers, one of which is slow, and asks for the median without broker a.
func TestMedianOfThePeers(t *testing.T) {
	h := heartbeats{}
	for i, step := range []struct {
		after time.Duration
		says  []answers
		want  float64 // seconds; 0: not known
	}{
		{0, []answers{probed("a", 900)}, 0},
		{time.Second, []answers{probed("a", 900), probed("b", 10)}, 0.010},
		{2 * time.Second, []answers{probed("a", 900), probed("b", 20), probed("c", 0)}, 0.015},
		{3 * time.Second, []answers{probed("a", 900), probed("b", 0), probed("c", 40)}, 0.020},
		{peersSpan + 2*time.Second, []answers{probed("a", 900), probed("b", 0), probed("c", 0)}, 0.030},
		{peersSpan + 4*time.Second, []answers{probed("a", 900), probed("b", 0), probed("c", 0)}, 0},
	} {
		h.take(step.says, began.Add(step.after))
		if got, known := h.peers("a"); got != step.want || known != (step.want > 0) {
			t.Errorf("poll %d: got %v, %v, want %v", i, got, known, step.want)
		}
	}
}

// TestABrokerThatWasNotAskedDidNotFail ends a poll before the turn of a broker: how many failed, and how many are alive, stays unknown.
func TestABrokerThatWasNotAskedDidNotFail(t *testing.T) {
	t.Parallel()
	client := remoting.NewClient(remoting.Config{})
	t.Cleanup(client.Close)
	over, cancel := context.WithCancel(t.Context())
	cancel()
	q := question{ctx: over, broker: client.Broker("127.0.0.1:1"), answers: probed("a", 0)}
	q.ask()
	unasked := q.answers
	if unasked.answered || !unasked.outOfTime {
		t.Errorf("got %+v of a poll that is over, want a broker that was not asked", unasked)
	}
	h := heartbeats{}
	for _, says := range []answers{probed("a", 5), probed("a", 0), unasked} {
		h.take([]answers{says}, began)
	}
	if h["a"].failures() != 1 {
		t.Errorf("got %d failures of one that failed, and was then not asked, want 1", h["a"].failures())
	}
	r := (&Config{}).reporter(began)
	r.cluster(&cluster{nameServers: 1}, []answers{probed("b", 5), unasked}, nil)
	if got := r.All[0].Gauges; len(got) != 0 {
		t.Errorf("got %v, want no counts of what is alive", got)
	}
}

// TestABrokerThatNeverAnsweredIsUnknownAtFirst has a new turn find a broker silent: one or two failures would end an alert that fires.
func TestABrokerThatNeverAnsweredIsUnknownAtFirst(t *testing.T) {
	h := heartbeats{}
	for poll, want := range []float64{-1, -1, 3, 0, 1} { // -1: not reported
		millis := 0
		if poll == 3 {
			millis = 5
		}
		h.take([]answers{probed("a", millis)}, began)
		r := (&Config{}).reporter(began)
		got := -1.0
		for _, g := range r.probe("a", h).Gauges {
			if g.Name == telemetry.GaugeHeartbeatFailed {
				got = g.Value
			}
		}
		if got != want {
			t.Errorf("poll %d: got %g failures, want %g", poll, got, want)
		}
	}
}
