package main

import (
	"testing"

	"github.com/weirmq/weir/pipeline"
)

// housePartitions is telemetry.partitions of a house.
const housePartitions = 4

// TestTwoProcessesShare runs every role twice. One is stopped in mid-flow: it ends in
// order, the other takes all over, and totals are exact. What became of a message that both have met is found.
func TestTwoProcessesShare(t *testing.T) {
	t.Parallel()
	h := fullHouse(t, embeddedBroker(t), largeMessageRule)
	first, second := h.startWeir(), h.startWeir()
	for role, partitions := range map[string]int64{pipeline.RoleAggregate: housePartitions, pipeline.RoleRules: housePartitions,
		pipeline.RoleClickHouse: 2 * housePartitions, pipeline.RoleAlertmanager: housePartitions} {
		awaitPartitions(t, role, partitions, first, second)
	}
	r := newReporter(t, h.brokers, "orders")
	stop := r.flow(smallBytes)
	defer stop()
	r.send(largeBytes)
	h.awaitFiring("LargeMessage", "orders")
	h.await("SELECT uniqExact(source) FROM rollup_10s", "4")
	message := oneMessage(t, h.brokers)
	oneOfRocketMQ(t, h.brokers)
	first.stopInOrder()
	awaitPartitions(t, pipeline.RoleAggregate, housePartitions, second)
	r.send(largeBytes)
	h.awaitResolved("LargeMessage", "orders")
	stop()
	h.awaitTotals(r, 0)
	h.awaitFound(second, message)
	h.awaitFoundOfRocketMQ(second)
	second.stopInOrder()
	if firing, _ := h.notified("LargeMessage", "orders"); firing > 2 {
		t.Errorf("the chat heard %d times that LargeMessage fires, want once, or once more after it resolved", firing)
	}
}

// TestEachRoleInAProcessOfItsOwn works as one process with all roles does.
func TestEachRoleInAProcessOfItsOwn(t *testing.T) {
	t.Parallel()
	h := fullHouse(t, embeddedBroker(t), largeMessageRule)
	byRole := map[string]*process{}
	for _, role := range pipeline.AllRoles {
		byRole[role] = h.launchWeir("--roles", role)
	}
	for role, p := range byRole {
		p.awaitReady()
		if stages := p.status().Stages; len(stages) != 1 || stages[0].Stage != role {
			t.Errorf("the process of role %s runs %+v", role, stages)
		}
	}
	r := newReporter(t, h.brokers, "orders")
	stop := r.flow(smallBytes)
	defer stop()
	r.send(largeBytes)
	h.awaitFiring("LargeMessage", "orders")
	h.awaitResolved("LargeMessage", "orders")
	stop()
	h.awaitTotals(r, 0)
	h.await("SELECT arraySort(groupUniqArray(state)) FROM alerts WHERE rule = 'LargeMessage'", "['firing','resolved']")
	for _, p := range byRole {
		p.stopInOrder()
	}
}
