package kafka

import (
	"context"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/weirmq/weir/collect"
)

// hang lets brokers take requests and answer none.
func hang(running *kfake.Cluster, ended chan struct{}, ids ...int32) {
	running.Control(func(kmsg.Request) (kmsg.Response, error, bool) {
		running.KeepControl()
		if slices.Contains(ids, running.CurrentNode()) {
			running.SleepControl(func() { <-ended })
		}
		return nil, nil, false
	})
}

// TestAHungBrokerHoldsUpNobody lets one of three take requests and answer none: the others are asked, and it fails its heartbeats.
func TestAHungBrokerHoldsUpNobody(t *testing.T) {
	t.Parallel()
	running, m := fake(t, 3)
	m.topic("orders", 6)
	m.poll(0)
	var hung int32 = 1
	ended := make(chan struct{})
	t.Cleanup(func() { close(ended) })
	hang(running, ended, hung)
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
		if took := time.Since(began); took > 3*collect.ProbeTime {
			t.Errorf("a poll took %s with a broker that hangs, want little more than the %s that it is waited for", took, collect.ProbeTime)
		}
		failed := m.values(of(lines, "op=probe", "node="+m.addrs[1]), "heartbeat_failures_in_a_row")
		alive := m.values(lines, "brokers_alive")
		if len(failed) != 1 || failed[0] != float64(poll+1) || len(alive) != 1 || alive[0] != 2 {
			t.Errorf("got %v failures in a row and %v brokers alive in poll %d, want %d and 2", failed, alive, poll, poll+1)
		}
	}
}

// TestBrokersThatHungAreNotAskedAloneForMetadata lets the two hang that were the quickest, in a poll that has a second: it is the third's
// to say what there is.
func TestBrokersThatHungAreNotAskedAloneForMetadata(t *testing.T) {
	t.Parallel()
	running, m := fake(t, 3)
	m.topic("orders", 6)
	m.poll(0)
	ended := make(chan struct{})
	t.Cleanup(func() { close(ended) })
	hang(running, ended, m.poller.quick...)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	reports, _ := m.poller.Poll(ctx, m.now.Add(time.Second))
	var lines []string
	for i := range reports {
		lines = append(lines, line(&reports[i]))
	}
	if len(of(lines, "op=broker", "brokers_alive=1")) != 1 {
		t.Errorf("got %v, want one broker that answers", lines)
	}
}

// TestABrokerThatIsAwayTakesNoTime probes where nobody listens: a connection that is refused is not tried until the time is over.
func TestABrokerThatIsAwayTakesNoTime(t *testing.T) {
	t.Parallel()
	away, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	away.Close()
	client, err := kgo.NewClient(kgo.SeedBrokers(away.Addr().String()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	q := &question{ctx: t.Context(), broker: client.SeedBrokers()[0]}
	if _, err := q.probe(); err == nil || !strings.Contains(err.Error(), "connection refused") {
		t.Errorf("got %v, want a refused connection", err)
	}
}

// TestABrokerThatMovedIsFound starts a broker again at another address: heartbeats go there.
func TestABrokerThatMovedIsFound(t *testing.T) {
	t.Parallel()
	running, m := fake(t, 3)
	m.topic("orders", 6)
	m.poll(0)
	if err := running.RemoveNode(2); err != nil {
		t.Fatal(err)
	}
	if _, _, err := running.AddNode(2, 0); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(patience)
	for {
		lines, _ := m.pollWith(time.Second)
		if len(of(lines, "op=broker", "brokers_alive=3")) == 1 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("broker 2 is not found where it is now: %v", lines)
		}
	}
}
