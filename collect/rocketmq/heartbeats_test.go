package rocketmq

import (
	"testing"
	"time"
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
