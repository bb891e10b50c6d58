package kafka

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// TestAHungBrokerHoldsUpNobody lets one of three take requests and answer none: the others are asked, and it fails its heartbeats.
func TestAHungBrokerHoldsUpNobody(t *testing.T) {
	t.Parallel()
	running, m := fake(t, 3)
	m.topic("orders", 6)
	m.poll(0)
	var hung int32 = 1
	ended := make(chan struct{})
	t.Cleanup(func() { close(ended) })
	running.Control(func(kmsg.Request) (kmsg.Response, error, bool) {
		running.KeepControl()
		if running.CurrentNode() == hung {
			running.SleepControl(func() { <-ended })
		}
		return nil, nil, false
	})
	for poll := range 2 {
		began := time.Now()
		m.now = m.now.Add(5 * time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		reports, err := m.poller.Poll(ctx, m.now)
		cancel()
		if err == nil || !strings.Contains(err.Error(), "broker 1 at "+m.addrs[1]+" did not answer: context deadline exceeded") {
			t.Errorf("got %v", err)
		}
		var lines []string
		for i := range reports {
			lines = append(lines, line(&reports[i]))
		}
		if took := time.Since(began); took > 3*probeTime {
			t.Errorf("a poll took %s with a broker that hangs, want little more than the %s that it is waited for", took, probeTime)
		}
		failed := m.values(of(lines, "op=probe", "node="+m.addrs[1]), "heartbeat_failures_in_a_row")
		alive := m.values(lines, "brokers_alive")
		if len(failed) != 1 || failed[0] != float64(poll+1) || len(alive) != 1 || alive[0] != 2 {
			t.Errorf("got %v failures in a row and %v brokers alive in poll %d, want %d and 2", failed, alive, poll, poll+1)
		}
	}
}
