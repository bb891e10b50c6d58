package kafka

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/weirmq/weir/telemetry"
)

// write writes a message of a time, and returns its offset.
func (m *measured) write(topic string, partition int32, at time.Time, value string) int64 {
	m.Helper()
	record := &kgo.Record{Topic: topic, Partition: partition, Timestamp: at, Key: []byte("k"), Value: []byte(value)}
	if err := m.client.ProduceSync(m.Context(), record).FirstErr(); err != nil {
		m.Fatal(err)
	}
	return record.Offset
}

// transaction writes messages of a time in a transaction that is committed or aborted.
func (m *measured) transaction(topic string, partition int32, at time.Time, messages int, end kgo.TransactionEndTry) {
	m.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(m.addrs...), kgo.TransactionalID("writer of "+topic), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		m.Fatal(err)
	}
	defer client.Close()
	if err := client.BeginTransaction(); err != nil {
		m.Fatal(err)
	}
	for range messages {
		if err := client.ProduceSync(m.Context(), &kgo.Record{Topic: topic, Partition: partition, Timestamp: at, Value: []byte("m")}).FirstErr(); err != nil {
			m.Fatal(err)
		}
	}
	if err := client.EndTransaction(m.Context(), end); err != nil {
		m.Fatal(err)
	}
}

// lagOf is what is reported of a group in a partition, "-" for what is not.
func lagOf(lines []string, group, topic string, partition int) string {
	var out []string
	for _, name := range []string{telemetry.GaugeLagMessages, telemetry.GaugeLagSeconds, telemetry.GaugeRetentionLeft} {
		value := "-"
		for _, line := range of(lines, "op=group", "group="+group, "topic="+topic, fmt.Sprintf("partition=%d", partition)) {
			for _, word := range strings.Fields(line) {
				if text, is := strings.CutPrefix(word, name+"="); is {
					value = text
				}
			}
		}
		out = append(out, value)
	}
	return strings.Join(out, " ")
}

// slow is how many seconds a poll of a test may take on a busy machine.
const slow = 10

// expectLag wants a lag, and an age within a second, or more where a poll takes long.
func (m *measured) expectLag(lines []string, group, topic string, partition int, want int64, age time.Duration) {
	m.Helper()
	var lag int64
	var seconds, left float64
	got := lagOf(lines, group, topic, partition)
	if _, err := fmt.Sscan(got, &lag, &seconds, &left); err != nil || lag != want || seconds < age.Seconds()-1 || seconds > age.Seconds()+slow {
		m.Errorf("%s in %s %d: got lag, age and what retention leaves %s, want %d messages of %v", group, topic, partition, got, want, age)
	}
}

// TestAgesAreKnownAtOnce begins to poll when messages have waited for long.
func TestAgesAreKnownAtOnce(t *testing.T) {
	t.Parallel()
	_, m := fake(t, 2)
	m.topic("orders", 4)
	for partition := range int32(4) {
		for i := range 10 {
			m.write("orders", partition, m.now.Add(time.Duration(i-100*int(partition+1))*time.Minute), "m")
		}
	}
	m.commit("billing", "orders", 0, 3)
	m.commit("billing", "orders", 1, 0)
	m.commit("billing", "orders", 2, 10)
	m.commit("audit", "orders", 0, 7)
	m.commit("audit", "orders", 3, 9)
	lines := m.poll(0)
	m.expectLag(lines, "billing", "orders", 0, 7, 97*time.Minute)
	m.expectLag(lines, "billing", "orders", 1, 10, 200*time.Minute)
	m.expectLag(lines, "billing", "orders", 2, 0, 0)
	m.expectLag(lines, "audit", "orders", 0, 3, 93*time.Minute)
	m.expectLag(lines, "audit", "orders", 3, 1, 391*time.Minute)

	m.commit("billing", "orders", 0, 5) // it catches up: each poll knows the age of what is next
	lines = m.poll(10 * time.Second)
	m.expectLag(lines, "billing", "orders", 0, 5, 95*time.Minute+10*time.Second)
	before := m.poller.Requests()
	m.expectLag(m.poll(10*time.Second), "audit", "orders", 3, 1, 391*time.Minute+20*time.Second)
	still := m.poller.Requests() - before
	m.commit("billing", "orders", 0, 6)
	before = m.poller.Requests()
	m.poll(10 * time.Second)
	if moved := m.poller.Requests() - before; moved != still+1 {
		t.Errorf("a poll takes %d requests where a commit moved and %d where none did, want one more", moved, still)
	}
}

// TestWhatIsNoMessageIsNotUnread has commits before markers of transactions, and before what was aborted.
func TestWhatIsNoMessageIsNotUnread(t *testing.T) {
	t.Parallel()
	_, m := fake(t, 1)
	at := func(minutes int) time.Time { return m.now.Add(time.Duration(minutes-60) * time.Minute) }
	for _, topic := range []string{"committed", "aborted", "between", "growing", "uncommitted"} {
		m.topic(topic, 1)
	}
	m.transaction("committed", 0, at(0), 2, kgo.TryCommit) // 0, 1, and a marker at 2
	m.commit("billing", "committed", 0, 2)
	m.transaction("aborted", 0, at(0), 5, kgo.TryAbort) // a marker at 5
	m.commit("billing", "aborted", 0, 0)
	m.transaction("between", 0, at(0), 5, kgo.TryAbort)
	m.transaction("between", 0, at(20), 2, kgo.TryCommit) // 6, 7
	m.commit("billing", "between", 0, 2)
	m.transaction("growing", 0, at(0), 1, kgo.TryAbort)
	m.commit("billing", "growing", 0, 0)
	lines := m.poll(0)
	m.expectLag(lines, "billing", "committed", 0, 0, 0)
	m.expectLag(lines, "billing", "aborted", 0, 0, 0)
	m.expectLag(lines, "billing", "between", 0, 3, 40*time.Minute) // 6, 7 and the marker after them
	m.expectLag(lines, "billing", "growing", 0, 0, 0)

	m.transaction("growing", 0, m.now, 1, kgo.TryAbort) // 2, a marker at 3
	m.poll(10 * time.Second)
	m.expectLag(m.poll(30*time.Second), "billing", "growing", 0, 0, 0)
	m.write("growing", 0, m.now, "m") // 4
	m.poll(10 * time.Second)
	m.expectLag(m.poll(30*time.Second), "billing", "growing", 0, 1, 40*time.Second)
	for range 120 {
		lines = m.poll(5 * time.Second)
	}
	for topic, stalled := range map[string]string{"committed": "0", "aborted": "0", "between": "1", "growing": "1"} {
		if len(of(lines, "topic="+topic, "stalled_partitions="+stalled)) != 1 && len(of(lines, "topic="+topic, "stopped_partitions="+stalled)) != 1 {
			t.Errorf("%s does not say %s of stalled or stopped partitions: %v", topic, stalled, of(lines, "topic="+topic))
		}
	}
}

// TestManyAreReadInTurns has more partitions than one poll looks into, of which all move on, and messages that are hours apart.
func TestManyAreReadInTurns(t *testing.T) {
	t.Parallel()
	_, m := fake(t, 1)
	const partitions = readPartitions + 20
	m.topic("orders", partitions)
	var records []*kgo.Record
	for partition := range int32(partitions) {
		for _, hours := range []time.Duration{5, 1} {
			records = append(records, &kgo.Record{Topic: "orders", Partition: partition, Timestamp: m.now.Add(-hours * time.Hour), Value: []byte("m")})
		}
	}
	if err := m.client.ProduceSync(t.Context(), records...).FirstErr(); err != nil {
		t.Fatal(err)
	}
	for offset, first := range []int{0, partitions - readPartitions} { // of the first poll in order, then the rest and again from the first
		for partition := range int32(partitions) {
			m.commit("billing", "orders", partition, int64(offset))
		}
		lines := of(m.poll(5*time.Second), "op=group", "topic=orders")
		if known := len(m.values(lines, telemetry.GaugeLagSeconds)); known != readPartitions {
			t.Errorf("of offset %d %d ages are known, want %d", offset, known, readPartitions)
		}
		for partition := range partitions {
			turn := partition < readPartitions
			if offset == 1 {
				turn = partition < readPartitions-first || partition >= readPartitions
			}
			if known := len(m.values(of(lines, fmt.Sprintf("partition=%d", partition)), telemetry.GaugeLagSeconds)) == 1; known != turn {
				t.Errorf("of offset %d the age in partition %d is known: %v, want %v", offset, partition, known, turn)
			}
		}
	}
}

// TestLargeBatchesAreRead has batches that do not fit beside each other, and more of one partition than a poll's answers hold.
func TestLargeBatchesAreRead(t *testing.T) {
	t.Parallel()
	_, m := fake(t, 1)
	m.topic("orders", 4)
	for partition := range int32(4) {
		m.write("orders", partition, m.now.Add(-time.Hour), strings.Repeat("m", 3*partitionBytes))
		m.commit("billing", "orders", partition, 0)
	}
	lines := m.poll(0)
	for partition := range 4 {
		m.expectLag(lines, "billing", "orders", partition, 1, time.Hour)
	}
	m.topic("aborted", 1)
	for range readRequests + 3 {
		m.transaction("aborted", 0, m.now.Add(-time.Hour), 1, kgo.TryAbort)
	}
	large := strings.Repeat("m", 2*partitionBytes)
	client, err := kgo.NewClient(kgo.SeedBrokers(m.addrs...), kgo.TransactionalID("large"), kgo.ProducerBatchCompression(kgo.NoCompression()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	if err := client.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	for range readRequests + 3 {
		if err := client.ProduceSync(t.Context(), &kgo.Record{Topic: "aborted", Value: []byte(large)}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	if err := client.EndTransaction(t.Context(), kgo.TryAbort); err != nil {
		t.Fatal(err)
	}
	m.write("aborted", 0, m.now.Add(-time.Minute), "m")
	m.commit("audit", "aborted", 0, 0)
	if got := lagOf(m.poll(5*time.Second), "audit", "aborted", 0); strings.Contains(got, " - ") == false || got == "- - -" {
		t.Errorf("a poll looks at a part, and says %s", got)
	}
	m.expectLag(m.poll(5*time.Second), "audit", "aborted", 0, 1, 70*time.Second)
}

// TestWithoutPermissionToRead has no age of what was there before the first poll, and a poll that is whole. The first refusal is named,
// and nobody asks again for a while.
func TestWithoutPermissionToRead(t *testing.T) {
	t.Parallel()
	m := guarded(t, leastPrivilege...)
	requests := func(after time.Duration) uint64 {
		before := m.poller.Requests()
		lines := m.poll(after)
		if got := lagOf(lines, "billing", "orders", 0); !strings.HasPrefix(got, "2 - ") {
			t.Errorf("got %s, want a lag without an age", got)
		}
		return m.poller.Requests() - before
	}
	requests(0)
	want := "messages of topic orders may not be read, so that ages of what was there before the first poll are not known: TOPIC_AUTHORIZATION_FAILED"
	if err := m.poller.Without(); err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("got %v, want %s", err, want)
	}
	quiet := requests(10 * time.Second)
	if again := requests(readAgain - 10*time.Second); again != quiet+2 { // the settings of topics are old then, too
		t.Errorf("%d requests after ten minutes and %d before, want two more", again, quiet)
	}

	m = guarded(t, append(leastPrivilege, allow(kmsg.ACLResourceTypeTopic, "orders", kmsg.ACLOperationRead))...)
	m.expectLag(m.poll(0), "billing", "orders", 0, 2, 0)
	if err := m.poller.Without(); err != nil {
		t.Errorf("got %v where reading is permitted", err)
	}
}

// TestOffsetsOnly looks at nothing, whatever is permitted.
func TestOffsetsOnly(t *testing.T) {
	t.Parallel()
	running, m := fake(t, 1)
	m.poller.config.OffsetsOnly = true
	m.topic("orders", 1)
	m.send("orders", 0, 3)
	m.commit("billing", "orders", 0, 1)
	running.ControlKey(int16(kmsg.Fetch), func(kmsg.Request) (kmsg.Response, error, bool) {
		t.Error("somebody fetches")
		return nil, nil, false
	})
	if got := lagOf(m.poll(0), "billing", "orders", 0); got != "2 - -" {
		t.Errorf("got %s", got)
	}
}

// TestAnswersThatSayNothing has a broker that refuses a fetch: the next poll asks again, but where nobody could decode what is there.
func TestAnswersThatSayNothing(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer func(*kmsg.FetchResponseTopicPartition)
		later  bool // it is asked again after a while
	}{
		"the log's start moved":   {func(p *kmsg.FetchResponseTopicPartition) { p.ErrorCode = kerr.OffsetOutOfRange.Code }, false},
		"the leader moved":        {func(p *kmsg.FetchResponseTopicPartition) { p.ErrorCode = kerr.NotLeaderForPartition.Code }, false},
		"no more came":            {func(p *kmsg.FetchResponseTopicPartition) { p.LastStableOffset = 9 }, false},
		"nobody can decode it":    {func(p *kmsg.FetchResponseTopicPartition) { p.RecordBatches = make([]byte, 64) }, true},
		"an error nobody expects": {func(p *kmsg.FetchResponseTopicPartition) { p.ErrorCode = kerr.InvalidRequest.Code }, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			running, m := fake(t, 1)
			m.topic("orders", 1)
			m.send("orders", 0, 3)
			m.commit("billing", "orders", 0, 1)
			fetches := 0
			running.ControlKey(int16(kmsg.Fetch), func(r kmsg.Request) (kmsg.Response, error, bool) {
				running.KeepControl()
				if fetches++; fetches > 1 {
					return nil, nil, false
				}
				request := r.(*kmsg.FetchRequest)
				answer := r.ResponseKind().(*kmsg.FetchResponse)
				topic := kmsg.NewFetchResponseTopic()
				topic.Topic, topic.TopicID = request.Topics[0].Topic, request.Topics[0].TopicID
				partition := kmsg.NewFetchResponseTopicPartition()
				partition.RecordBatches, partition.HighWatermark, partition.LastStableOffset = []byte{}, 3, 3
				c.answer(&partition)
				topic.Partitions = append(topic.Partitions, partition)
				answer.Topics = append(answer.Topics, topic)
				return answer, nil, true
			})
			quiet := []time.Duration{0}
			if c.later {
				quiet = append(quiet, readAgain-time.Second)
			}
			for _, after := range quiet {
				if got := lagOf(m.poll(after), "billing", "orders", 0); fetches != 1 || !strings.HasPrefix(got, "2 - ") {
					t.Errorf("after %v and %d fetches: %s", after, fetches, got)
				}
			}
			m.poll(time.Second)
			if fetches != 2 {
				t.Errorf("%d fetches, want 2", fetches)
			}
		})
	}
}
