package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/collect"
	"github.com/weirmq/weir/ingest"
	"github.com/weirmq/weir/telemetry"
)

// toldWithin is how long a broker may be away before people are told.
const toldWithin = 30 * time.Second

// partitionsOfOrders are as few as can be skewed.
const partitionsOfOrders = 4

// TestKafkaNodesFail watches a real cluster of three nodes, of which one hangs, one is killed, and then only one is left, while a group reads
// nothing; before that one partition takes most messages. Alerts of the shipped rules come, hold back what follows from them, and are over
// when all is well again.
func TestKafkaNodesFail(t *testing.T) {
	t.Parallel()
	f := newFaultHouse(t)
	f.topic("orders", partitionsOfOrders, 3, "1")
	f.topic("strict", 1, 3, "3") // takes no message without all three
	f.topic("single", 3, 1, "1") // a third has no leader without any one
	f.commit("billing", "orders", false)
	traffic := f.startTraffic()
	started := time.Now()
	f.awaitFires(started, "SendSkew", "", "active")
	f.awaitFires(started, "LagSkew", "", "active")
	traffic.even.Store(true)
	f.awaitOver("SendSkew")

	hung, killed, third := f.nodes[0], f.nodes[1], f.nodes[2]
	began := time.Now()
	f.must(hung.Hang())
	if took := f.awaitFires(began, "HeartbeatFailed", hung.Addr(), "active"); took > toldWithin {
		t.Errorf("a broker that hangs is told of after %s, want %s at most", took, toldWithin)
	}
	f.expectPolls(killed.Addr(), third.Addr())
	f.must(hung.Continue())
	f.awaitOver("HeartbeatFailed")

	f.awaitFires(started, "BacklogHigh", "", "active")

	began = time.Now()
	killed.Kill()
	heartbeat, node := f.awaitFires(began, "HeartbeatFailed", killed.Addr(), "active"), f.awaitFires(began, "NodeMissing", "", "active")
	if heartbeat > toldWithin || node > toldWithin {
		t.Errorf("a broker that was killed is told of after %s and %s, want %s at most", heartbeat, node, toldWithin)
	}
	f.awaitFires(began, "BacklogHigh", "", "suppressed")
	f.awaitFires(began, "LagSkew", "", "suppressed")
	f.expectGauges(telemetry.GaugeUnderMinISR, telemetry.GaugeLeaderless, telemetry.GaugeUnderReplicated, telemetry.GaugePreferredMisses)
	f.expectAwayInHealth(killed.Addr())
	f.expectAwayInALaterTurn(killed.Addr())
	f.awaitFires(began, "ReplicaHealthCritical", "", "active") // waits for half a minute, in which the others of these are found out

	began = time.Now()
	f.must(third.Hang())
	f.awaitFires(began, "HeartbeatFailed", third.Addr(), "active")
	f.expectPolls(hung.Addr())
	f.awaitFires(began, "ControllerMissing", "", "active")

	f.must(third.Continue())
	f.must(killed.Start(t.Context()))
	f.awaitOver("HeartbeatFailed", "NodeMissing", "ControllerMissing", "ReplicaHealthCritical")
	f.awaitFires(began, "BacklogHigh", "", "active")
	traffic.stop()
	f.commit("billing", "orders", true)
	f.awaitOver("BacklogHigh", "LagSkew")
	f.expectHealth([]string{"ok       nodes 3, bad below 3"}) // not that nodes are well: the disk of the machine may be full
}

// expectAwayInALaterTurn has another collector begin while a node is away: it knows the node, of which Kafka's metadata says nothing.
func (f *faultHouse) expectAwayInALaterTurn(node string) {
	f.t.Helper()
	section := fmt.Sprintf("collect: {name: later, clusters: [{name: later, system: kafka, brokers: [%s]}]}\nrules: {dir", strings.Join([]string{f.nodes[0].Addr(), f.nodes[2].Addr()}, ", "))
	config, addr := f.writeConfig("rules: {dir", section, "pane: 1s", "pane: 5s")
	later := f.launchWith(config, addr, "--roles", "collect")
	began := time.Now()
	f.awaitReports("failed heartbeats of "+node, func(r *telemetry.Report) bool {
		return r.Labels.Client == "later" && r.Labels.Node == node && slices.ContainsFunc(r.Gauges, func(g telemetry.Gauge) bool {
			return g.Name == telemetry.GaugeHeartbeatFailed && g.Value >= collect.FailuresKnown
		})
	})
	f.t.Logf("a collector that began while %s was away tells of it after %s", node, time.Since(began).Round(100*time.Millisecond))
	later.stopInOrder()
}

// must goes on where there is no error.
func (f *faultHouse) must(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

// uneven is traffic to orders: nearly all to one partition, until it is to be even.
type uneven struct {
	even atomic.Bool
	stop func() // returns when all is sent
}

// startTraffic sends messages until they are stopped. What finds no leader is left out.
func (f *faultHouse) startTraffic() *uneven {
	f.t.Helper()
	var seeds []string
	for _, n := range f.nodes {
		seeds = append(seeds, n.Addr())
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(seeds...), kgo.DefaultProduceTopic("orders"), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.MaxBufferedRecords(1000))
	f.must(err)
	u := &uneven{}
	ctx, cancel := context.WithCancel(context.Background())
	var sending sync.WaitGroup
	sending.Go(func() {
		ticker := time.NewTicker(time.Second)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
			for partition := range int32(partitionsOfOrders) {
				for range u.count(partition) {
					client.TryProduce(context.Background(), &kgo.Record{Partition: partition, Value: make([]byte, smallBytes)}, nil)
				}
			}
		}
	})
	u.stop = sync.OnceFunc(func() {
		cancel()
		sending.Wait()
		if err := client.Flush(f.t.Context()); err != nil && f.t.Context().Err() == nil {
			f.t.Errorf("send what is left: %v", err)
		}
		client.Close()
	})
	f.t.Cleanup(u.stop)
	return u
}

// count is how many messages a partition gets in a second.
func (u *uneven) count(partition int32) int {
	if partition == 0 && !u.even.Load() {
		return 100
	}
	return 1 // so few that the backlog of partition 0 stays skewed
}

// expectPolls waits for three further polls in which these brokers answer.
func (f *faultHouse) expectPolls(nodes ...string) {
	f.t.Helper()
	answered := map[string]int{}
	f.awaitReports("polls of other brokers", func(r *telemetry.Report) bool {
		if r.HeartbeatMicros.Count() > 0 {
			answered[r.Labels.Node]++
		}
		return !slices.ContainsFunc(nodes, func(node string) bool { return answered[node] < 3 })
	})
}

// expectGauges waits until each of these gauges of the cluster is above 0.
func (f *faultHouse) expectGauges(names ...string) {
	f.t.Helper()
	f.awaitReports("gauges of the cluster", func(r *telemetry.Report) bool {
		for _, g := range r.Gauges {
			if r.Labels.Op == "broker" && r.Labels.Node == "" && g.Value > 0 {
				names = slices.DeleteFunc(names, func(name string) bool { return name == g.Name })
			}
		}
		return len(names) == 0
	})
}

// awaitReports reads reports that are published from now on, until they have all that is wanted.
func (f *faultHouse) awaitReports(what string, have func(*telemetry.Report) bool) {
	f.t.Helper()
	reader, err := kgo.NewClient(kgo.SeedBrokers(f.brokers...), kgo.ConsumeTopics(telemetry.TopicTelemetry), kgo.ConsumeResetOffset(kgo.NewOffset().AtEnd()))
	f.must(err)
	defer reader.Close()
	decoder := ingest.NewDecoder(ingest.DefaultLimits())
	ctx, cancel := context.WithTimeoutCause(f.t.Context(), patience, errors.New("no "+what))
	defer cancel()
	for {
		fetches := reader.PollFetches(ctx)
		if fetches.Err0() != nil {
			f.t.Fatal(context.Cause(ctx))
		}
		for _, record := range fetches.Records() {
			report, err := decoder.Decode(record.Value, record.Timestamp.UnixMilli())
			f.must(err)
			if have(report) {
				return
			}
		}
	}
}
