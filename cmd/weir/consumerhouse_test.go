package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/deploy/kafka"
	"github.com/weirmq/weir/deploy/parts"
)

// shortened are the durations that the test takes in place of those of the shipped rules, by the rule's name and field: those would be
// waited for in minutes. All else of the rules is as it is shipped.
var shortened = map[string]string{
	"ConsumerNodeOffline window": "6s", "ConsumerNodeOffline for": "1s",
	"GroupOffline window": "5s", "GroupOffline for": "1s",
	"ConsumeZeroBacklog window": "15s", "ConsumeZeroBacklog for": "1s", // a client without messages reports each 10 s
	"BacklogHigh window": "5s", "BacklogHigh for": "2s",
	"BacklogGrowing window": "15s", "PartitionStalled window": "15s",
	"OffsetRewind window":  "5s",
	"RetentionRisk window": "5s", "RetentionRisk for": "1s",
	"HeartbeatFailed window": "5s", "NodeMissing window": "5s", // which must be filled before anything is missed
}

var durationLine = regexp.MustCompile(`^( +)(window|for): (\S+)$`)

// shippedRules are the text of a file of rules.d with durations in place of its own, by the rule's name and field. A rule that gives no window
// has one of a minute.
func shippedRules(t *testing.T, name string, shortened map[string]string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "rules.d", name))
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for i, rule := range strings.SplitAfter(string(text), "- alert: ") {
		alert, _, _ := strings.Cut(rule, "\n")
		for line := range strings.Lines(rule) {
			if m := durationLine.FindStringSubmatch(strings.TrimSuffix(line, "\n")); i > 0 && m != nil && shortened[alert+" "+m[2]] != "" {
				t.Logf("%s: %s of %s is %s in place of %s", name, m[2], alert, shortened[alert+" "+m[2]], m[3])
				line = m[1] + m[2] + ": " + shortened[alert+" "+m[2]] + "\n"
			}
			out = append(out, line)
			if window := shortened[alert+" window"]; i > 0 && window != "" && line == alert+"\n" && !strings.Contains(rule, "        window: ") {
				t.Logf("%s: window of %s is %s in place of 1m", name, alert, window)
				out = append(out, "        window: "+window+"\n")
			}
		}
	}
	return strings.Join(out, "")
}

// consumers is a house whose Kafka is polled, with the shipped rules on consumers.
type consumers struct {
	*house
	admin *kadm.Client
	weir  *process
	said  *said
}

// startConsumers starts Kafka, Alertmanager and weir. States come from commits 2 s apart, not 30 s.
func startConsumers(t *testing.T) *consumers {
	t.Helper()
	jars, err := parts.Kafka()
	if err != nil {
		t.Fatal(err)
	}
	session := fmt.Sprint(consumerSession.Milliseconds())
	running, err := kafka.Start(t.Context(), kafka.Config{JarDir: jars, DataDir: filepath.Join(t.TempDir(), "kafka"), Options: map[string]string{
		"group.consumer.session.timeout.ms": session, "group.consumer.min.session.timeout.ms": session}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = running.Stop(context.Background()) })
	h := newHouse(t, []string{running.Addr()}, shippedRules(t, "consumers.yaml", shortened))
	for _, name := range []string{"backlog.yaml", "policy.yaml"} {
		if err := os.WriteFile(filepath.Join(h.rulesDir(), name), []byte(shippedRules(t, name, shortened)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	h.startAlertmanager()
	client, err := kgo.NewClient(kgo.SeedBrokers(h.brokers...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	polled := fmt.Sprintf("collect: {name: test, clusters: [{name: test, env: test, system: kafka, brokers: [%q], state_spacing: 2s, tiers: [{tier: S1, groups: [killed, hung, slow, paused, hanging, rewound, expiring]}]}]}\nrules:", h.brokers[0])
	config, addr := h.writeConfig("rules:", polled)
	c := &consumers{house: h, admin: kadm.NewClient(client)}
	c.weir = h.launchWith(config, addr, "--roles", "collect,aggregate,rules,alertmanager")
	c.weir.awaitReady()
	c.said = followReports(t, h.brokers)
	return c
}

// settings are of a client of a group of its own; the topic has the group's name.
func (c *consumers) settings(group, client string) consumerSettings {
	return consumerSettings{Brokers: c.brokers, Group: group, Topic: group, Client: client}
}

// topic makes a topic and writes messages to it, so many a second, until the test ends.
func (c *consumers) topic(t *testing.T, name string, partitions int32, perSecond int) {
	t.Helper()
	if _, err := c.admin.CreateTopic(t.Context(), partitions, 1, nil, name); err != nil {
		t.Fatal(err)
	}
	spread := kgo.RecordPartitioner(kgo.RoundRobinPartitioner()) // all partitions have some at any time, and so have all who consume
	client, err := kgo.NewClient(kgo.SeedBrokers(c.brokers...), kgo.DefaultProduceTopic(name), spread)
	if err != nil {
		t.Fatal(err)
	}
	ended, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		ticker := time.NewTicker(time.Second / time.Duration(perSecond))
		defer ticker.Stop()
		for {
			select {
			case <-ended:
				return
			case <-ticker.C:
				client.Produce(context.Background(), &kgo.Record{Value: make([]byte, smallBytes)}, nil)
			}
		}
	}()
	t.Cleanup(func() { close(ended); <-done; client.Close() })
}

// commit commits an offset for a group without members, of its only partition.
func (c *consumers) commit(t *testing.T, group string, offset int64) {
	t.Helper()
	var offsets kadm.Offsets
	offsets.AddOffset(group, 0, offset, -1)
	eventually(t, func() bool { return c.admin.CommitAllOffsets(t.Context(), group, offsets) == nil },
		func() string { return "the commit is refused" })
}

// produce writes messages to a topic.
func (c *consumers) produce(t *testing.T, topic string, messages int) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(c.brokers...), kgo.DefaultProduceTopic(topic), kgo.UnknownTopicRetries(-1)) // it has just been made
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	var records []*kgo.Record
	for range messages {
		records = append(records, &kgo.Record{Value: make([]byte, smallBytes)})
	}
	if err := client.ProduceSync(t.Context(), records...).FirstErr(); err != nil {
		t.Fatal(err)
	}
}
