package main

import (
	"fmt"
	"testing"

	"github.com/weirmq/weir/pipeline"
)

// moment is when a process is killed.
type moment struct {
	name    string
	reached func(*house, *process) bool
}

// killed launches weir once for each moment, kills it with SIGKILL when that has come,
// and sends messages before and after. It returns how many were sent.
func (h *house) killed(client *instrumented, config, addr string, moments []moment) (sent int) {
	h.t.Helper()
	const perRound = 1500
	for _, m := range moments {
		weir := h.launchWith(config, addr)
		client.produce(perRound, smallBytes)
		eventually(h.t, func() bool { return m.reached(h, weir) }, func() string { return fmt.Sprintf("%s: never came; %+v", m.name, weir.status()) })
		weir.Kill()
		h.t.Log("killed", m.name)
		client.produce(perRound, smallBytes)
		sent += 2 * perRound
	}
	return sent
}

// ownsAll says that the process, alone, is the member of every group: the dead ones'
// sessions have ended.
func ownsAll(p *process) bool {
	for _, stage := range p.status().Stages {
		if stage.Stage != pipeline.RoleCollect && stage.Stage != pipeline.RoleControl && stage.Partitions < housePartitions { // the one reads none, the other one
			return false
		}
	}
	return p.status().Ready
}

// moments of a flow, each of which comes by itself.
var moments = []moment{
	{"when it owns all partitions", func(_ *house, p *process) bool { return ownsAll(p) }},
	{"when reports are read", func(_ *house, p *process) bool { return ownsAll(p) && p.stage(pipeline.RoleAggregate).Records > 0 }},
	{"when rows are stored", func(h *house, p *process) bool { return ownsAll(p) && h.count("rollup_10s") > 0 }},
	{"when 50 records more are stored", func(_ *house, p *process) bool { return ownsAll(p) && p.stage(pipeline.RoleClickHouse).Records > 50 }},
	{"when the alert fires", func(h *house, p *process) bool {
		firing, _ := h.notified("LargeMessage", "media")
		return ownsAll(p) && firing > 0
	}},
	{"when a segment is closed", func(h *house, p *process) bool { return ownsAll(p) && h.count("ledger FINAL WHERE closed") > 0 }},
	{"when all is read", func(_ *house, p *process) bool {
		stage := p.stage(pipeline.RoleAggregate)
		return ownsAll(p) && stage.Records > 1000 && stage.LagRecords < 100
	}},
}

// count counts rows, 0 where that cannot be asked yet.
func (h *house) count(from string) int {
	answer, err := h.query("SELECT count() FROM " + from)
	if err != nil {
		return 0
	}
	var n int
	if _, err := fmt.Sscan(answer, &n); err != nil {
		h.t.Fatal(err)
	}
	return n
}

// countSent asks for what the instrumented clients of one topic sent.
const countSent = "SELECT sum(messages), sum(bytes) FROM rollup_10s FINAL WHERE topic = 'orders' AND op = 'send'"

// TestKilledInMidFlow kills weir with SIGKILL at one moment after the other while
// clients send. Each time it starts again; at the end the sums are exact, the ledger
// says so, and the alert that fired through it all was told once and resolved once.
func TestKilledInMidFlow(t *testing.T) {
	t.Parallel()
	h := fullHouse(t, embeddedBroker(t), largeMessageRule)
	// Alertmanager ends an alert that it has not heard of for four resend delays.
	config, addr := h.writeConfig("resend_delay: 5s", "resend_delay: 30s")
	client := openClient(t, h.brokers, "orders")
	media := newReporter(t, h.brokers, "media")
	stop := media.flow(largeBytes)
	defer stop()
	sent := h.killed(client, config, addr, moments)
	last := h.launchWith(config, addr)
	client.close()
	h.await(countSent, fmt.Sprintf("%d\t%d", sent, sent*smallBytes))
	stop()
	h.awaitTotals(media, 0)
	h.awaitResolved("LargeMessage", "media")
	if firing, resolved := h.notified("LargeMessage", "media"); firing != 1 || resolved != 1 {
		t.Errorf("the chat heard %d times that the alert fires and %d times that it resolved, want once each", firing, resolved)
	}
	h.await("SELECT arrayStringConcat(groupArray(state), ' ') FROM (SELECT state FROM alerts FINAL WHERE rule = 'LargeMessage' ORDER BY seq)", "firing resolved")
	last.stopInOrder()
}

// TestOneOfTwoIsKilled: what it owned goes to the other, and totals are exact.
func TestOneOfTwoIsKilled(t *testing.T) {
	t.Parallel()
	h := fullHouse(t, embeddedBroker(t), largeMessageRule)
	first, second := h.startWeir(), h.startWeir()
	awaitPartitions(t, pipeline.RoleAggregate, housePartitions, first, second)
	r := newReporter(t, h.brokers, "orders")
	stop := r.flow(smallBytes)
	defer stop()
	h.await("SELECT uniqExact(source) FROM rollup_10s", fmt.Sprint(housePartitions))
	first.Kill()
	awaitPartitions(t, pipeline.RoleAggregate, housePartitions, second)
	awaitPartitions(t, pipeline.RoleRules, housePartitions, second)
	r.send(largeBytes)
	h.awaitFiring("LargeMessage", "orders")
	h.awaitResolved("LargeMessage", "orders")
	stop()
	h.awaitTotals(r, 0)
}
