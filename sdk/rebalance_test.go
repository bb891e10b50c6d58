package weir

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/telemetry"
)

// member is a client in a group. It counts for itself, by the callback that belongs to
// the application, how often it was given partitions.
type member struct {
	client   *kgo.Client
	hooks    *Hooks
	assigned atomic.Uint64
}

func join(t *testing.T, c *Client, measured []string, name string, topics ...string) *member {
	t.Helper()
	m := &member{hooks: c.Hooks()}
	m.client = dial(t, measured, kgo.WithHooks(m.hooks), kgo.ClientID(name), kgo.ConsumerGroup("ledger"), kgo.ConsumeTopics(topics...),
		kgo.Balancers(kgo.RangeBalancer()), kgo.HeartbeatInterval(50*time.Millisecond),
		kgo.OnPartitionsAssigned(func(context.Context, *kgo.Client, map[string][]int32) { m.assigned.Add(1) }))
	return m
}

func (m *member) assignedBeyond(t *testing.T, before uint64) {
	t.Helper()
	eventually(t, "the member is given its partitions", func() bool { return m.assigned.Load() > before })
}

// TestEveryRebalanceIsCountedOnce has a second member join and leave the group of a
// first one again and again, within one interval and with three topics: the first one
// reports each rebalance once, whatever is summed.
func TestEveryRebalanceIsCountedOnce(t *testing.T) {
	const visits = 4
	topics := []string{"orders", "payments", "refunds"}
	measured, reports := startClusters(t, topics...)
	c := open(t, reports, Config{Interval: maxInterval})
	resident := join(t, c, measured, "resident", topics...)
	resident.assignedBeyond(t, 0)
	_, first := resident.client.GroupMetadata()
	for range visits {
		before := resident.assigned.Load()
		visitor := join(t, c, measured, "visitor", topics...)
		visitor.assignedBeyond(t, 0)
		resident.assignedBeyond(t, before)
		before = resident.assigned.Load()
		visitor.client.Close()
		resident.assignedBeyond(t, before)
	}
	_, last := resident.client.GroupMetadata()
	resident.client.Close()
	mustClose(t, c)

	label := resident.hooks.labels.Client
	all := readReports(t, reports)
	got := sumWhere(all, func(r *received) bool { return r.Labels.Client == label })
	want(t, "rebalances by generations of the group", got.Rebalances, uint64(last-first))
	want(t, "rebalances by the application's own callback", got.Rebalances, resident.assigned.Load()-1)
	if got.Rebalances < 2*visits {
		t.Errorf("%d rebalances: want one for each of %d joins and as many leaves", got.Rebalances, visits)
	}
	of := sumWhere(all, func(r *received) bool {
		return r.Labels.Client == label && r.Labels.Op == "group" && r.Labels.Group == "ledger" && r.Labels.Topic == ""
	})
	want(t, "rebalances reported of the group", of.Rebalances, got.Rebalances)
	want(t, "reports without a topic", of.Messages, 0)
	for kind, count := range map[telemetry.EventKind]int{telemetry.EventStarted: 1, telemetry.EventStopped: 1} {
		want(t, fmt.Sprint("events of kind ", kind), uint64(of.events[kind]), uint64(count))
	}
	if of.events[telemetry.EventRebalanced] == 0 {
		t.Errorf("events of the group are %v: want the newest rebalances among them", of.events)
	}
}

// TestAClientWithoutGroupReportsNone holds that only members report of a group.
func TestAClientWithoutGroupReportsNone(t *testing.T) {
	measured, reports := startClusters(t, "orders")
	c := open(t, reports, Config{Group: "by-name-only"})
	client := dial(t, measured, kgo.WithHooks(c.Hooks()), kgo.ConsumeTopics("orders"))
	eventually(t, "a report", func() bool { return c.Stats().Acknowledged > 0 })
	client.Close()
	mustClose(t, c)
	all := readReports(t, reports)
	for _, r := range all {
		if r.Labels.Op == "group" {
			t.Errorf("got a report of group %q", r.Labels.Group)
		}
	}
	if len(all) == 0 {
		t.Error("got no report")
	}
}

// TestGenerations counts what led from one generation to another: none to the first
// one, and one to a generation of a group that was made anew.
func TestGenerations(t *testing.T) {
	h := offlineClient(t, Config{}).Hooks()
	for i, step := range []struct {
		generation int32
		rebalances uint64
	}{{-1, 0}, {0, 0}, {7, 0}, {7, 0}, {8, 1}, {-1, 0}, {0, 0}, {8, 0}, {11, 3}, {2, 1}, {3, 1}} {
		h.mu.Lock()
		got := h.passed(step.generation)
		h.mu.Unlock()
		want(t, fmt.Sprintf("rebalances at step %d, generation %d", i, step.generation), got, step.rebalances)
	}
}
