package kafka

import (
	"context"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/telemetry"
)

// configured makes a topic of one partition.
func (m *measured) configured(name string, config map[string]string) {
	m.Helper()
	values := map[string]*string{}
	for key, value := range config {
		values[key] = &value
	}
	if _, err := m.admin.CreateTopic(m.Context(), 1, 1, values, name); err != nil {
		m.Fatal(err)
	}
}

// testMessagesOfApacheKafka looks at messages that were there before the first poll: of known times, behind markers of transactions,
// after what was aborted, and where compaction left a gap.
func testMessagesOfApacheKafka(t *testing.T, m *measured) {
	hours := func(ago int) time.Time { return m.now.Add(-time.Duration(ago) * time.Hour) }
	m.topic("seen", 2)
	m.write("seen", 0, hours(5), "m")
	m.write("seen", 0, hours(3), "m")
	m.write("seen", 0, hours(1), "m")
	m.write("seen", 1, hours(2), "m")
	m.commit("reading", "seen", 0, 1)
	m.commit("reading", "seen", 1, 0)
	m.topic("marked", 1)
	m.transaction("marked", 0, hours(1), 2, kgo.TryCommit)
	m.commit("reading", "marked", 0, 2)
	m.topic("undone", 1)
	m.transaction("undone", 0, hours(4), 3, kgo.TryAbort)
	m.transaction("undone", 0, hours(2), 1, kgo.TryCommit) // 4, and a marker at 5
	m.commit("reading", "undone", 0, 1)
	m.compact()
	m.commit("reading", "gone", 0, 0)

	lines := m.poll(10 * time.Second)
	m.expectLag(lines, "reading", "seen", 0, 2, 3*time.Hour+10*time.Second)
	m.expectLag(lines, "reading", "seen", 1, 1, 2*time.Hour+10*time.Second)
	m.expectLag(lines, "reading", "marked", 0, 0, 0)
	m.expectLag(lines, "reading", "undone", 0, 2, 2*time.Hour+10*time.Second)
	if got := lagOf(lines, "reading", "gone", 0); got != "2 7210 -" { // nothing expires there
		t.Errorf("of a topic that was compacted: got %s", got)
	}
	m.expectAppendTimes()
}

// compact makes a topic whose first message is at offset 4, two hours old.
func (m *measured) compact() {
	m.Helper()
	soon := "100"
	if _, err := m.admin.AlterBrokerConfigs(m.Context(), []kadm.AlterConfig{{Name: "log.cleaner.backoff.ms", Value: &soon}}); err != nil {
		m.Fatal(err)
	}
	m.configured("gone", map[string]string{"cleanup.policy": "compact", "segment.ms": "1000", "min.cleanable.dirty.ratio": "0"})
	for range 4 {
		m.write("gone", 0, m.now.Add(-3*time.Hour), "m")
	}
	m.write("gone", 0, m.now.Add(-2*time.Hour), "m") // begins a segment, as the next one does
	m.write("gone", 0, m.now.Add(-time.Hour), "m")
	ctx, cancel := context.WithTimeout(m.Context(), patience)
	defer cancel()
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for m.first(ctx, "gone") != 4 {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			m.Fatalf("nothing is compacted after %v", patience)
		}
	}
}

// first is the offset of a topic's first message.
func (m *measured) first(ctx context.Context, topic string) int64 {
	m.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(m.addrs...), kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {0: kgo.NewOffset().AtStart()}}))
	if err != nil {
		m.Fatal(err)
	}
	defer client.Close()
	fetches := client.PollRecords(ctx, 1)
	if err := fetches.Err(); err != nil {
		m.Fatal(err)
	}
	return fetches.Records()[0].Offset
}

// expectAppendTimes has messages that say they are of 1970, in a topic whose broker knows better.
func (m *measured) expectAppendTimes() {
	m.Helper()
	m.configured("stamped", map[string]string{"message.timestamp.type": "LogAppendTime"})
	before := time.Now()
	m.write("stamped", 0, time.Unix(0, 0), "m")
	after := time.Now()
	m.commit("reading", "stamped", 0, 0)
	began := time.Now()
	reports, err := m.poller.Poll(m.Context(), began)
	if err != nil {
		m.Fatal(err)
	}
	for i := range reports {
		if l := &reports[i].Labels; l.Group != "reading" || l.Topic != "stamped" || l.Partition != "0" {
			continue
		}
		for _, g := range reports[i].Gauges {
			const clocks = 0.002 // milliseconds are cut off twice
			least, most := began.Sub(after).Seconds()-clocks, time.Since(before).Seconds()+clocks
			if g.Name == telemetry.GaugeLagSeconds {
				if g.Value < least || g.Value > most {
					m.Errorf("the age is %v s, want %v to %v", g.Value, least, most)
				}
				return
			}
		}
	}
	m.Error("no age of what the broker stamped")
}
