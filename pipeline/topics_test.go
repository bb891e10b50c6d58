package pipeline

import (
	"context"
	"log/slog"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/control"
	"github.com/weirmq/weir/deploy/broker"
	"github.com/weirmq/weir/telemetry"
)

// brokerConfig starts an embedded broker and returns a configuration that uses it.
func brokerConfig(t *testing.T) Config {
	t.Helper()
	running, err := broker.Start(broker.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(running.Close)
	config := DefaultConfig()
	config.Kafka.Brokers = running.Addrs()
	return config
}

// openAdmin is a plain client of the broker of a configuration.
func openAdmin(t *testing.T, config *Config) *kadm.Client {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(config.Kafka.Brokers...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return kadm.NewClient(client)
}

// makeTopic creates one with settings, given as pairs.
func makeTopic(t *testing.T, admin *kadm.Client, name string, partitions int32, settings ...string) {
	t.Helper()
	configs := map[string]*string{}
	for i := 0; i < len(settings); i += 2 {
		configs[settings[i]] = &settings[i+1]
	}
	if _, err := admin.CreateTopic(t.Context(), partitions, 1, configs, name); err != nil {
		t.Fatal(err)
	}
}

func TestEnsureTopicsCreatesAndChecks(t *testing.T) {
	config := brokerConfig(t)
	ctx := context.Background()
	config.Kafka.CreateTopics = false
	_, err := EnsureTopics(ctx, &config)
	for _, topic := range Topics(&config) {
		if want := "topic " + topic.Name + " is missing: run `weir topics create`"; err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q in it", err, want)
		}
	}
	config.Kafka.CreateTopics = true
	for _, created := range []bool{true, false} { // the second time checks what the first created
		topics, err := EnsureTopics(ctx, &config)
		if err != nil || len(topics) != 7 {
			t.Fatalf("got %d topics, %v", len(topics), err)
		}
		for i, want := range Topics(&config) {
			if got := topics[i]; got.Name != want.Name || got.Partitions != want.Partitions || got.Created != created || len(got.Warnings)+len(got.Notes) > 0 {
				t.Errorf("got %+v, want %s with %d partitions, created %t, and nothing to say", got, want.Name, want.Partitions, created)
			}
		}
	}
	changed := config
	changed.Telemetry.Pane = 20 * time.Second
	_, err = EnsureTopics(ctx, &changed)
	if err == nil || !strings.Contains(err.Error(), "20s") || !strings.Contains(err.Error(), "10s") {
		t.Errorf("got %v, want a refusal that names both values", err)
	}
}

// wrongTopics are Weir's topics with everything wrong that makes Weir refuse them, and
// what is said of each.
var wrongTopics = []struct {
	name     string
	settings []string
	want     []string
}{
	{telemetry.TopicTelemetry, []string{"cleanup.policy", "compact", "message.timestamp.type", "CreateTime", "max.message.bytes", "1000", "retention.ms", "60000"},
		[]string{"cleanup.policy=compact, needs delete", "message.timestamp.type=CreateTime, needs LogAppendTime",
			"max.message.bytes=1000, needs at least 1048576", "retention.ms=60000, needs at least 3600000 (1h)"}},
	{telemetry.TopicCells, []string{"max.message.bytes", "1048588", "retention.ms", "999999"},
		[]string{"max.message.bytes=1048588, needs at least 2097152", "retention.ms=999999, needs at least 3600000 (1h)"}},
	{telemetry.TopicGroups, []string{"max.message.bytes", "1048588", "retention.ms", "3600000"},
		[]string{"max.message.bytes=1048588, needs at least 2097152", "retention.ms=3600000, needs at least 9000000 (2h30m)"}},
	{telemetry.TopicAlerts, []string{"cleanup.policy", "compact,delete", "max.message.bytes", "1048588"},
		[]string{"cleanup.policy=compact,delete, needs compact", "max.message.bytes=1048588, needs at least 2097152",
			"min.compaction.lag.ms=0, needs at least 3600000 (1h)"}},
	{telemetry.TopicDeadLetter, []string{"cleanup.policy", "compact", "max.message.bytes", "2097152"},
		[]string{"cleanup.policy=compact, needs delete", "max.message.bytes=2097152, needs at least 2621440"}},
	{telemetry.TopicParameters, []string{"cleanup.policy", "compact", "retention.ms", "31536000000", "retention.bytes", "1000000"},
		[]string{"cleanup.policy=compact, needs delete", "retention.ms=31536000000, needs -1", "retention.bytes=1000000, needs -1"}},
	{control.Topic, []string{"cleanup.policy", "delete", "message.timestamp.type", "CreateTime", "max.message.bytes", "1000"},
		[]string{"cleanup.policy=delete, needs compact", "message.timestamp.type=CreateTime, needs LogAppendTime", "max.message.bytes=1000, needs at least 16384",
			"min.compaction.lag.ms=0, needs at least 3600000 (1h)"}},
}

var configRemedy = regexp.MustCompile("run `kafka-configs --bootstrap-server (\\S+) --alter --entity-type topics --entity-name (\\S+) --add-config (\\S+)=(\\S+)`")

// TestEveryWrongSettingIsSaidAtOnce, and the remedies that are said mend them all.
func TestEveryWrongSettingIsSaidAtOnce(t *testing.T) {
	config := brokerConfig(t)
	admin := openAdmin(t, &config)
	for _, topic := range wrongTopics {
		partitions := int32(config.Telemetry.Partitions)
		switch topic.name {
		case telemetry.TopicAlerts:
			partitions++
		case control.Topic:
			partitions = 1
		}
		makeTopic(t, admin, topic.name, partitions, topic.settings...)
	}
	_, err := EnsureTopics(t.Context(), &config)
	if err == nil {
		t.Fatal("nothing is refused")
	}
	faults := 0
	for _, topic := range wrongTopics {
		for _, want := range topic.want {
			faults++
			if !strings.Contains(err.Error(), "topic "+topic.name+" has "+want+": ") {
				t.Errorf("of %s nobody says %q", topic.name, want)
			}
		}
	}
	if want := "weir.groups has 8 partitions and weir.alerts 9"; !strings.Contains(err.Error(), want) {
		t.Errorf("nobody says %q", want)
	}
	remedies := configRemedy.FindAllStringSubmatch(err.Error(), -1)
	if lines := strings.Count(err.Error(), "\n") + 1; len(remedies) != faults || lines != faults+1 {
		t.Errorf("got %d lines with %d remedies, want a line and a remedy for each of %d faults, and a line for the partitions:\n%v", lines, len(remedies), faults, err)
	}
	for _, remedy := range remedies {
		if remedy[1] != config.Kafka.Brokers[0] {
			t.Errorf("the remedy is for broker %s, want %s", remedy[1], config.Kafka.Brokers[0])
		}
		if _, err := admin.AlterTopicConfigs(t.Context(), []kadm.AlterConfig{{Op: kadm.SetConfig, Name: remedy[3], Value: &remedy[4]}}, remedy[2]); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := admin.CreatePartitions(t.Context(), 1, telemetry.TopicGroups); err != nil {
		t.Fatal(err)
	}
	topics, err := EnsureTopics(t.Context(), &config)
	if err != nil {
		t.Errorf("with all remedies applied: %v", err)
	}
	for _, topic := range topics {
		if len(topic.Warnings) > 0 {
			t.Errorf("with all remedies applied: %q", topic.Warnings)
		}
	}
}

// TestSettingsThatCostAreWarnings: Weir runs, and says what it costs; what is larger
// than Weir's own is the operator's.
func TestSettingsThatCostAreWarnings(t *testing.T) {
	config := brokerConfig(t)
	config.Telemetry.Partitions = 4
	admin := openAdmin(t, &config)
	makeTopic(t, admin, telemetry.TopicTelemetry, 2, "message.timestamp.type", "LogAppendTime", "retention.ms", "-1")
	makeTopic(t, admin, telemetry.TopicCells, 9, "max.message.bytes", "9000000", "retention.ms", "3600000")
	makeTopic(t, admin, telemetry.TopicGroups, 3, "max.message.bytes", "2097152", "retention.ms", "9000000000")
	makeTopic(t, admin, telemetry.TopicDeadLetter, 5, "max.message.bytes", "2621440", "retention.ms", "1000")
	topics, err := EnsureTopics(t.Context(), &config)
	if err != nil {
		t.Fatal(err)
	}
	said := map[string][2]string{}
	for _, topic := range topics {
		said[topic.Name] = [2]string{strings.Join(topic.Warnings, "; "), strings.Join(topic.Notes, "; ")}
		if topic.Name == telemetry.TopicAlerts && (topic.Partitions != 3 || !topic.Created) {
			t.Errorf("got %+v, want as many partitions as weir.groups has", topic)
		}
	}
	for name, want := range map[string][2]string{
		telemetry.TopicTelemetry: {"", "topic weir.telemetry has 2 partitions, telemetry.partitions makes it 4: at most 2 processes aggregate at a time; for more run `kafka-topics --bootstrap-server " +
			config.Kafka.Brokers[0] + " --alter --topic weir.telemetry --partitions 4`"},
		telemetry.TopicCells: {"topic weir.cells has retention.ms=3600000, better is 259200000 (72h): ",
			"topic weir.cells has 9 partitions, telemetry.partitions makes it 4: it works with those it has"},
		telemetry.TopicGroups:     {"", "at most 3 processes evaluate at a time; more of them need new topics"},
		telemetry.TopicAlerts:     {"", "at most 3 processes evaluate at a time"},
		telemetry.TopicDeadLetter: {"topic weir.deadletter has retention.ms=1000, better is 604800000 (168h): ", ""},
		telemetry.TopicParameters: {},
	} {
		for i, text := range want {
			if got := said[name][i]; !strings.Contains(got, text) || (text == "") != (got == "") {
				t.Errorf("of %s is said %q, want %q", name, got, text)
			}
		}
	}
}

// testLog writes to the test's log.
func testLog(t *testing.T) *slog.Logger { return slog.New(slog.NewTextHandler(t.Output(), nil)) }

// TestFewerPartitionsForGroups holds that many sources do not bring as many partitions of groups, each of which every
// source would write to.
func TestFewerPartitionsForGroups(t *testing.T) {
	t.Parallel()
	config := DefaultConfig()
	for telemetryPartitions, want := range map[int]int32{8: 8, 512: maxGroupPartitions} {
		config.Telemetry.Partitions = telemetryPartitions
		for _, topic := range Topics(&config) {
			if topic.Name == telemetry.TopicGroups || topic.Name == telemetry.TopicAlerts {
				if topic.Partitions != want {
					t.Errorf("%d sources: %s has %d partitions, want %d", telemetryPartitions, topic.Name, topic.Partitions, want)
				}
			}
		}
	}
}
