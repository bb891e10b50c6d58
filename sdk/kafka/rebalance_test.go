package kafka

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/sdk/internal/reported"
	"github.com/weirmq/weir/sdk/report"
	"github.com/weirmq/weir/telemetry"
)

// member is a client in a group. It counts for itself, by the callback that belongs to
// the application, how often it was given partitions.
type member struct {
	client   *kgo.Client
	hooks    *Hooks
	assigned atomic.Uint64
}

func join(t *testing.T, c *report.Reporter, measured []string, name string, topics ...string) *member {
	t.Helper()
	m := &member{hooks: NewHooks(c)}
	m.client = reported.Dial(t, measured, kgo.WithHooks(m.hooks), kgo.ClientID(name), kgo.ConsumerGroup("ledger"), kgo.ConsumeTopics(topics...),
		kgo.Balancers(kgo.RangeBalancer()), kgo.HeartbeatInterval(50*time.Millisecond),
		kgo.OnPartitionsAssigned(func(context.Context, *kgo.Client, map[string][]int32) { m.assigned.Add(1) }))
	return m
}

func (m *member) assignedBeyond(t *testing.T, before uint64) {
	t.Helper()
	reported.Eventually(t, "the member is given its partitions", func() bool { return m.assigned.Load() > before })
}

// TestEveryRebalanceIsCountedOnce has a second member join and leave the group of a
// first one again and again, within one interval and with three topics: the first one
// reports each rebalance once, whatever is summed.
func TestEveryRebalanceIsCountedOnce(t *testing.T) {
	const visits = 4
	topics := []string{"orders", "payments", "refunds"}
	measured, reports := startClusters(t, topics...)
	c := open(t, reports, report.Config{Interval: seldom})
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

	label := resident.hooks.measured.Labels().Client
	all := readReports(t, reports)
	got := reported.SumWhere(all, func(r *reported.Report) bool { return r.Labels.Client == label })
	reported.Want(t, "rebalances by generations of the group", got.Rebalances, uint64(last-first))
	reported.Want(t, "rebalances by the application's own callback", got.Rebalances, resident.assigned.Load()-1)
	if got.Rebalances < 2*visits {
		t.Errorf("%d rebalances: want one for each of %d joins and as many leaves", got.Rebalances, visits)
	}
	of := reported.SumWhere(all, func(r *reported.Report) bool {
		return r.Labels.Client == label && r.Labels.Op == "group" && r.Labels.Group == "ledger" && r.Labels.Topic == ""
	})
	reported.Want(t, "rebalances reported of the group", of.Rebalances, got.Rebalances)
	reported.Want(t, "reports without a topic", of.Messages, 0)
	for kind, count := range map[telemetry.EventKind]int{telemetry.EventStarted: 1, telemetry.EventStopped: 1} {
		reported.Want(t, fmt.Sprint("events of kind ", kind), uint64(of.EventsByKind[kind]), uint64(count))
	}
	if of.EventsByKind[telemetry.EventRebalanced] == 0 {
		t.Errorf("events of the group are %v: want the newest rebalances among them", of.EventsByKind)
	}
}

// TestAClientWithoutGroupReportsNone holds that only members report of a group.
func TestAClientWithoutGroupReportsNone(t *testing.T) {
	measured, reports := startClusters(t, "orders")
	c := open(t, reports, report.Config{Group: "by-name-only"})
	client := reported.Dial(t, measured, kgo.WithHooks(NewHooks(c)), kgo.ConsumeTopics("orders"))
	reported.Eventually(t, "a report", func() bool { return c.Stats().Acknowledged > 0 })
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
	h := NewHooks(openOffline(t, report.Config{}))
	for i, step := range []struct {
		generation int32
		rebalances uint64
	}{{-1, 0}, {0, 0}, {7, 0}, {7, 0}, {8, 1}, {-1, 0}, {0, 0}, {8, 0}, {11, 3}, {2, 1}, {3, 1}} {
		h.mu.Lock()
		got := h.passed(step.generation)
		h.mu.Unlock()
		reported.Want(t, fmt.Sprintf("rebalances at step %d, generation %d", i, step.generation), got, step.rebalances)
	}
}
