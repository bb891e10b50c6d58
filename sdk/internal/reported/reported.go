// Package reported is for tests of the SDK: it reads what was reported to weir.telemetry,
// and adds it up.
package reported

import (
	"context"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/telemetry"
)

const (
	// Partitions are those of weir.telemetry in tests: several, so that keys matter.
	Partitions = 4
	// Patience is how long a test waits for what must come. Not shorter: machines that run
	// other tests take five times as long; not longer: a test that fails should say so.
	Patience = 20 * time.Second
)

// Report is a report as the ingest stage gets it.
type Report struct {
	telemetry.Report
	Key       string
	Partition int32
	Offset    int64
}

// Decode is what the ingest stage makes of a record's value that was appended at a time, Unix
// milliseconds; the error says why it refuses it.
type Decode func(value []byte, appendedMillis int64) (*telemetry.Report, error)

// CreateTopic creates weir.telemetry.
func CreateTopic(t testing.TB, addrs []string) {
	t.Helper()
	appendTime := "LogAppendTime"
	create(t, addrs, Partitions, map[string]*string{"message.timestamp.type": &appendTime}, telemetry.TopicTelemetry)
}

// CreateTopics creates topics of 3 partitions on a cluster that is measured.
func CreateTopics(t testing.TB, addrs []string, topics ...string) {
	t.Helper()
	create(t, addrs, 3, nil, topics...)
}

// CreateCompacted creates a topic of one partition that keeps the newest record of each key.
func CreateCompacted(t testing.TB, addrs []string, topic string) {
	t.Helper()
	compact := "compact"
	create(t, addrs, 1, map[string]*string{"cleanup.policy": &compact}, topic)
}

func create(t testing.TB, addrs []string, partitions int32, config map[string]*string, topics ...string) {
	t.Helper()
	answers, err := kadm.NewClient(Dial(t, addrs)).CreateTopics(t.Context(), partitions, 1, config, topics...)
	if err == nil {
		err = answers.Error()
	}
	if err != nil {
		t.Fatalf("create %v: %v", topics, err)
	}
}

// Dial opens a franz-go client that is closed when the test ends, unless before.
func Dial(t testing.TB, addrs []string, options ...kgo.Opt) *kgo.Client {
	t.Helper()
	c, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(addrs...)}, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// Eventually waits for a condition.
func Eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	deadline := time.Now().Add(Patience)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		if time.Now().After(deadline) {
			t.Fatalf("waited %s in vain: %s", Patience, what)
		}
		<-tick.C
	}
}

// Read reads weir.telemetry to its end. Each record must be a report that the ingest stage
// takes. Those of one partition are in order. It may be called when the test has ended, by what is cleaned up.
func Read(t testing.TB, addrs []string, decode Decode) []Report {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), Patience)
	defer cancel()
	c := Dial(t, addrs, kgo.ConsumeTopics(telemetry.TopicTelemetry), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchMaxWait(50*time.Millisecond))
	defer c.Close()
	ends, err := kadm.NewClient(c).ListEndOffsets(ctx, telemetry.TopicTelemetry)
	if err != nil {
		t.Fatal(err)
	}
	var left int64
	ends.Each(func(end kadm.ListedOffset) { left += end.Offset })
	var out []Report
	for left > 0 {
		fetches := c.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			t.Fatalf("read reports: %v", err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			left--
			report, err := decode(r.Value, r.Timestamp.UnixMilli())
			if err != nil {
				t.Fatalf("partition %d offset %d: the ingest stage refuses the report: %v", r.Partition, r.Offset, err)
			}
			out = append(out, Report{*report, string(r.Key), r.Partition, r.Offset})
		})
	}
	return out
}
