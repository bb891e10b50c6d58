package collect_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/collect"
	"github.com/weirmq/weir/ingest"
	"github.com/weirmq/weir/telemetry"
)

// TestReportsOfOneThingStayInOrder publishes for two groups and a node by two collectors: what is said of one is in one partition,
// in order, and the ingest stage takes it.
func TestReportsOfOneThingStayInOrder(t *testing.T) {
	t.Parallel()
	const partitions = 8
	running, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(partitions, telemetry.TopicTelemetry))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(running.Close)
	now := time.Now().UnixMilli()
	report := func(group, node string, value float64) telemetry.Report {
		return telemetry.Report{Schema: telemetry.Schema, StartUnixMillis: now, LengthMillis: 1, Gauges: []telemetry.Gauge{{Name: telemetry.GaugeMembers, Value: value}},
			Labels: telemetry.Labels{Cluster: "eu", System: "kafka", Op: "group", Group: group, Node: node}}
	}
	published := 0
	for collector := range 2 {
		client, err := kgo.NewClient(kgo.SeedBrokers(running.ListenAddrs()...))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(client.Close)
		var acknowledged atomic.Int64
		p := collect.NewPublisher(client, func() { acknowledged.Add(1) }, func(err error) { t.Error(err) })
		for poll := range 3 {
			p.Publish([]telemetry.Report{report("a", "", float64(10*collector+poll)), report("b", "", 0), report("", "n:1", 0)})
			published += 3
		}
		if err := client.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		if acknowledged.Load() != 9 {
			t.Fatalf("%d reports are acknowledged, want 9", acknowledged.Load())
		}
	}
	expectInOrder(t, running.ListenAddrs(), published)
}

func expectInOrder(t *testing.T, addrs []string, published int) {
	t.Helper()
	reader, err := kgo.NewClient(kgo.SeedBrokers(addrs...), kgo.ConsumeTopics(telemetry.TopicTelemetry))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(reader.Close)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	decoder := ingest.NewDecoder(ingest.DefaultLimits())
	places, last := map[string]int32{}, -1.0
	for read := 0; read < published; {
		fetches := reader.PollFetches(ctx)
		if err := fetches.Err0(); err != nil {
			t.Fatal(err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			read++
			decoded, err := decoder.Decode(r.Value, r.Timestamp.UnixMilli())
			if err != nil {
				t.Fatal(err)
			}
			of := decoded.Labels.Group + decoded.Labels.Node
			if place, known := places[of]; known && place != r.Partition {
				t.Errorf("reports of %s are in partitions %d and %d", of, place, r.Partition)
			}
			places[of] = r.Partition
			if of == "a" {
				if value := decoded.Gauges[0].Value; value <= last {
					t.Errorf("%g comes after %g", value, last)
				} else {
					last = value
				}
			}
		})
	}
}

// full is a producer whose buffer is full.
type full struct{}

func (full) TryProduce(_ context.Context, record *kgo.Record, promise func(*kgo.Record, error)) {
	promise(record, kgo.ErrMaxBuffered)
}

// TestWhatFindsNoRoomIsLost and what cannot be encoded: both are told of.
func TestWhatFindsNoRoomIsLost(t *testing.T) {
	t.Parallel()
	var lost []error
	p := collect.NewPublisher(full{}, func() { t.Error("acknowledged") }, func(err error) { lost = append(lost, err) })
	p.Publish([]telemetry.Report{{Schema: telemetry.Schema}, {Labels: telemetry.Labels{Topic: "\xff"}}})
	if len(lost) != 2 || !errors.Is(lost[0], kgo.ErrMaxBuffered) || lost[1] == nil {
		t.Errorf("got %v lost, want both and the buffer's fault first", lost)
	}
}
