package kafka

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/weirmq/weir/deploy/kafka"
	"github.com/weirmq/weir/deploy/parts"
	"github.com/weirmq/weir/telemetry"
)

// nothing is what both say where a lag is not known: the tool prints it, Weir reports none.
const nothing = "-"

// differs is where Weir's lag is not what Kafka's tool has, on purpose: what the tool says, and what Weir says.
var differs = map[string][2]string{
	"classic empty 0":      {nothing, "0"},   // never committed, and no message there: nothing is unread
	"classic deleted 0":    {"38", "30"},     // committed 2, the log starts at 10: eight are lost, not unread
	"classic deleted 1":    {"9", "0"},       // committed 0, and all nine were deleted
	"next deleted 0":       {"40", "30"},     // committed 0
	"classic shortened 0":  {"-94", nothing}, // committed past the end, so of another log than this one
	"waiting half-done 0":  {"6", "2"},       // four are of a transaction that is open: nobody is given them yet
	"left half-done 0":     {"8", "4"},       // so
	"waiting also-empty 0": {nothing, "0"},   // as the first
}

// testLagIsThatOfKafkasTool holds the lag of every partition of every group against kafka-consumer-groups --describe --all-groups.
func testLagIsThatOfKafkasTool(t *testing.T, m *measured) {
	m.sendUneven()
	m.join("classic", offsets{"invoices": {0: 12, 1: 0, 2: 7}, "audit": {0: 3}, "deleted": {0: 2, 1: 0}, "shortened": {0: 99}}, kgo.ConsumeTopics("invoices", "audit", "empty", "deleted", "shortened"))
	m.join("next", offsets{"invoices": {0: 1, 1: 5}, "deleted": {0: 0, 1: 9}, "compacted": {0: 4}},
		kgo.ConsumeTopics("invoices", "deleted", "compacted"), kgo.ServerSideBalancer(), kgo.Balancers(kgo.RangeBalancer()))
	m.join("waiting", offsets{"done": {0: 2}, "half-done": {0: 2}}, kgo.ConsumeTopics("done", "half-done", "also-empty"), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	m.commit("left", "invoices", 0, 15)
	m.commit("left", "invoices", 2, 0)
	m.commit("left", "done", 0, 0)
	m.commit("left", "half-done", 0, 0)
	m.lagsOfWeir() // of a commit past the end it takes two polls to tell that the log is another one
	before := m.lagsOfWeir()
	tool := m.lagsOfTool()
	if after := m.lagsOfWeir(); !maps.Equal(before, after) {
		t.Fatalf("nobody writes, and lags were %v and are %v", before, after)
	}
	const want = 24
	if len(tool) < want {
		t.Errorf("the tool has %d partitions, want %d or more: %v", len(tool), want, tool)
	}
	places := maps.Clone(tool)
	maps.Copy(places, before)
	for place := range differs {
		if _, there := places[place]; !there {
			t.Errorf("%s is not there", place)
		}
	}
	var table strings.Builder
	for _, place := range slices.Sorted(maps.Keys(places)) {
		theirs, ours := orNothing(tool[place]), orNothing(before[place])
		words := strings.Fields(place)
		fmt.Fprintf(&table, "\n%-8s %-11s %9s %5s %5s", words[0], words[1], words[2], theirs, ours)
		if allowed, known := differs[place]; known && (theirs != allowed[0] || ours != allowed[1]) {
			t.Errorf("%s: the tool says %s and Weir %s, want %v", place, theirs, ours, allowed)
		} else if !known && theirs != ours {
			t.Errorf("%s: the tool says %s and Weir %s, want the same", place, theirs, ours)
		}
	}
	t.Logf("\n%-8s %-11s %9s %5s %5s%s", "GROUP", "TOPIC", "PARTITION", "TOOL", "WEIR", table.String())
}

func orNothing(text string) string {
	if text == "" {
		return nothing
	}
	return text
}

// sendUneven makes topics of all kinds.
func (m *measured) sendUneven() {
	m.Helper()
	m.topic("invoices", 3)
	m.topic("empty", 1)
	m.topic("also-empty", 1)
	m.topic("deleted", 2)
	m.topic("shortened", 1)
	m.topic("done", 1)
	m.topic("half-done", 1)
	compact := "compact"
	if _, err := m.admin.CreateTopic(m.Context(), 1, 1, map[string]*string{"cleanup.policy": &compact}, "compacted"); err != nil {
		m.Fatal(err)
	}
	for _, key := range []string{"a", "b", "a", "a", "c", "a"} {
		if err := m.client.ProduceSync(m.Context(), &kgo.Record{Topic: "compacted", Key: []byte(key), Value: []byte("m")}).FirstErr(); err != nil {
			m.Fatal(err)
		}
	}
	m.send("invoices", 0, 15)
	m.send("invoices", 1, 5)
	m.send("invoices", 2, 7)
	m.send("deleted", 0, 40)
	m.send("deleted", 1, 9)
	m.send("shortened", 0, 5)
	m.deleteBefore("deleted", 0, 10)
	m.deleteBefore("deleted", 1, 9)
	m.transact("done", 3, true)
	m.transact("done", 2, true)
	m.transact("half-done", 3, true)
	m.transact("half-done", 4, false)
}

// transact writes messages in a transaction, which ends or stays open as long as the test runs.
func (m *measured) transact(topic string, messages int, ends bool) {
	m.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(m.addrs...), kgo.TransactionalID(fmt.Sprint(topic, messages)), kgo.TransactionTimeout(5*time.Minute))
	if err != nil {
		m.Fatal(err)
	}
	m.Cleanup(client.Close)
	if err := client.BeginTransaction(); err != nil {
		m.Fatal(err)
	}
	for range messages {
		if err := client.ProduceSync(m.Context(), &kgo.Record{Topic: topic, Value: []byte("m")}).FirstErr(); err != nil {
			m.Fatal(err)
		}
	}
	if !ends {
		return
	}
	if err := client.EndTransaction(m.Context(), kgo.TryCommit); err != nil {
		m.Fatal(err)
	}
}

// offsets are to be committed, by topic and partition.
type offsets map[string]map[int32]int64

// join makes a member of a group, which commits these offsets once it has partitions, and no others.
func (m *measured) join(group string, commit offsets, options ...kgo.Opt) {
	m.Helper()
	assigned := make(chan struct{}, 1)
	client, err := kgo.NewClient(append(options, kgo.SeedBrokers(m.addrs...), kgo.ConsumerGroup(group), kgo.ClientID("member-of-"+group), kgo.DisableAutoCommit(),
		kgo.OnPartitionsAssigned(func(_ context.Context, _ *kgo.Client, got map[string][]int32) {
			if len(got) > 0 {
				select {
				case assigned <- struct{}{}:
				default:
				}
			}
		}))...)
	if err != nil {
		m.Fatal(err)
	}
	m.Cleanup(client.Close)
	ctx, cancel := context.WithTimeout(m.Context(), patience)
	defer cancel()
	select {
	case <-assigned:
	case <-ctx.Done():
		m.Fatalf("a member of %s has no partitions after %s", group, patience)
	}
	made := map[string]map[int32]kgo.EpochOffset{}
	for topic, partitions := range commit {
		made[topic] = map[int32]kgo.EpochOffset{}
		for partition, offset := range partitions {
			made[topic][partition] = kgo.EpochOffset{Epoch: -1, Offset: offset}
		}
	}
	client.CommitOffsetsSync(ctx, made, func(_ *kgo.Client, _ *kmsg.OffsetCommitRequest, answer *kmsg.OffsetCommitResponse, err error) {
		for i := 0; err == nil && i < len(answer.Topics); i++ {
			for _, p := range answer.Topics[i].Partitions {
				err = cmp.Or(err, kerr.ErrorForCode(p.ErrorCode))
			}
		}
		if err != nil {
			m.Errorf("commit for %s: %v", group, err)
		}
	})
}

// lagsOfWeir is what a poll says, by group, topic and partition.
func (m *measured) lagsOfWeir() map[string]string {
	m.Helper()
	out := map[string]string{}
	for _, line := range of(m.poll(time.Second), "op=group") {
		values := map[string]string{}
		for _, word := range strings.Fields(line) {
			name, value, _ := strings.Cut(word, "=")
			values[name] = value
		}
		if lag, known := values[telemetry.GaugeLagMessages]; known {
			out[values["group"]+" "+values["topic"]+" "+values["partition"]] = lag
		}
	}
	return out
}

// lagsOfTool is what Kafka's tool prints, by group, topic and partition.
func (m *measured) lagsOfTool() map[string]string {
	m.Helper()
	jars, err := parts.Kafka()
	if err != nil {
		m.Fatal(err)
	}
	printed, err := kafka.Tool(m.Context(), jars, "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand",
		"--bootstrap-server", m.addrs[0], "--describe", "--all-groups", "--timeout", "60000")
	if err != nil {
		m.Fatal(err)
	}
	out := map[string]string{}
	for line := range strings.Lines(printed) {
		words := strings.Fields(line) // GROUP TOPIC PARTITION CURRENT-OFFSET LOG-END-OFFSET LAG ...
		if len(words) < 6 {
			continue
		}
		if _, err := strconv.Atoi(words[2]); err == nil {
			out[strings.Join(words[:3], " ")] = words[5]
		}
	}
	return out
}
