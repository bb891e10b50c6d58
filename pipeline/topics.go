package pipeline

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/telemetry"
)

// Topic is one of Weir's topics as it must be.
type Topic struct {
	Name       string            `json:"name"`
	Partitions int32             `json:"partitions"`
	Settings   map[string]string `json:"settings"`
}

// Retention of topics, in milliseconds. Not smaller: a weekend's outage of the
// store must be survived; not larger: the store holds history, Kafka is the buffer.
const (
	telemetryRetentionMillis  = 3 * 24 * 3600 * 1000
	groupsRetentionMillis     = 6 * 3600 * 1000 // views reach an hour back
	deadLetterRetentionMillis = 7 * 24 * 3600 * 1000
)

// Topics lists Weir's topics for a configuration.
func Topics(config *Config) []Topic {
	n := int32(config.Telemetry.Partitions)
	size := strconv.Itoa(2 * maxRecordBytes)
	kept := func(millis int) map[string]string {
		return map[string]string{"cleanup.policy": "delete", "retention.ms": strconv.Itoa(millis), "max.message.bytes": size}
	}
	// Transitions stay as long as cells do, so that the store gets all of them after an outage.
	compacted := map[string]string{"cleanup.policy": "compact", "max.message.bytes": size,
		"min.compaction.lag.ms": strconv.Itoa(telemetryRetentionMillis)}
	// What was recorded first counts: nothing is ever taken away.
	forEver := map[string]string{"cleanup.policy": "delete", "retention.ms": "-1", "max.message.bytes": size}
	letterSettings := kept(deadLetterRetentionMillis)
	letterSettings["max.message.bytes"] = strconv.Itoa(maxLetterBytes)
	telemetrySettings := kept(telemetryRetentionMillis)
	telemetrySettings["message.timestamp.type"] = "LogAppendTime"
	return []Topic{
		{telemetry.TopicTelemetry, n, telemetrySettings},
		{telemetry.TopicCells, n, kept(telemetryRetentionMillis)},
		{telemetry.TopicGroups, n, kept(groupsRetentionMillis)},
		{telemetry.TopicAlerts, n, compacted},
		{telemetry.TopicDeadLetter, 1, letterSettings},
		{telemetry.TopicParameters, 1, forEver},
	}
}

// maxLetterBytes bounds a dead letter: what is kept of the record, its key and headers.
const maxLetterBytes = maxKeptBytes + 512<<10

// checkedSettings must be as they are; others an operator may change.
var checkedSettings = []string{"cleanup.policy", "message.timestamp.type"}

// EnsureTopics creates the missing topics, where allowed, and checks the others. A
// wrong setting is an error that names the remedy.
func EnsureTopics(ctx context.Context, config *Config, hooks ...kgo.Hook) error {
	options, err := clientOptions(config.Kafka, hooks...)
	if err != nil {
		return err
	}
	client, err := kgo.NewClient(options...)
	if err != nil {
		return fmt.Errorf("open a Kafka client: %w", err)
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	existing, err := admin.ListTopics(ctx)
	if err != nil {
		return fmt.Errorf("list topics: %w", err)
	}
	var errs []error
	for _, topic := range Topics(config) {
		if existing.Has(topic.Name) {
			errs = append(errs, checkTopic(ctx, admin, topic))
			continue
		}
		if !config.Kafka.CreateTopics {
			errs = append(errs, fmt.Errorf("topic %s is missing: run `weir topics create`, or set kafka.create_topics", topic.Name))
			continue
		}
		errs = append(errs, createTopic(ctx, admin, topic, int16(config.Kafka.ReplicationFactor)))
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	if err := checkEqualPartitions(ctx, admin); err != nil {
		return err
	}
	detail, err := topicDetail(ctx, admin, telemetry.TopicTelemetry)
	if err != nil {
		return err
	}
	return recordParameters(ctx, config, detail.ID)
}

func createTopic(ctx context.Context, admin *kadm.Client, topic Topic, replication int16) error {
	settings := map[string]*string{}
	for name, value := range topic.Settings {
		settings[name] = kadm.StringPtr(value)
	}
	_, err := admin.CreateTopic(ctx, topic.Partitions, replication, settings, topic.Name)
	if err != nil && !errors.Is(err, kerr.TopicAlreadyExists) {
		return fmt.Errorf("create topic %s: %w", topic.Name, err)
	}
	return nil
}

func checkTopic(ctx context.Context, admin *kadm.Client, topic Topic) error {
	configs, err := admin.DescribeTopicConfigs(ctx, topic.Name)
	if err != nil {
		return fmt.Errorf("describe topic %s: %w", topic.Name, err)
	}
	resource, err := configs.On(topic.Name, nil)
	if err != nil {
		return fmt.Errorf("describe topic %s: %w", topic.Name, err)
	}
	for _, name := range checkedSettings {
		want, ok := topic.Settings[name]
		if !ok {
			continue
		}
		got := ""
		for _, setting := range resource.Configs {
			if setting.Key == name {
				got = setting.MaybeValue()
			}
		}
		if got != want {
			return fmt.Errorf("topic %s has %s=%s, needs %s: run `kafka-configs --alter --entity-type topics --entity-name %s --add-config %s=%s`",
				topic.Name, name, got, want, topic.Name, name, want)
		}
	}
	return nil
}

func checkEqualPartitions(ctx context.Context, admin *kadm.Client) error {
	groups, err := topicDetail(ctx, admin, telemetry.TopicGroups)
	if err != nil {
		return err
	}
	alerts, err := topicDetail(ctx, admin, telemetry.TopicAlerts)
	if err != nil {
		return err
	}
	if len(groups.Partitions) != len(alerts.Partitions) {
		return fmt.Errorf("%s has %d partitions and %s %d: they must be equal, so that whoever owns a group owns its alerts; add partitions to the one that has fewer while no weir runs",
			telemetry.TopicGroups, len(groups.Partitions), telemetry.TopicAlerts, len(alerts.Partitions))
	}
	return nil
}

// readPartition reads a partition from its start to its present end.
func readPartition(ctx context.Context, config KafkaConfig, topic string, partition int32) ([]*kgo.Record, error) {
	options, err := clientOptions(config)
	if err != nil {
		return nil, err
	}
	options = append(options, kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {partition: kgo.NewOffset().AtStart()}}))
	client, err := kgo.NewClient(options...)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	ends, err := admin.ListEndOffsets(ctx, topic)
	if err != nil {
		return nil, err
	}
	starts, err := admin.ListStartOffsets(ctx, topic)
	if err != nil {
		return nil, err
	}
	end, _ := ends.Lookup(topic, partition)
	start, _ := starts.Lookup(topic, partition)
	var records []*kgo.Record
	for next := start.Offset; next < end.Offset; {
		fetches := client.PollFetches(ctx)
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := fetchError(fetches); err != nil {
			return nil, err
		}
		fetches.EachRecord(func(r *kgo.Record) {
			records = append(records, r)
			next = r.Offset + 1
		})
	}
	return records, nil
}

// Command is the kafka-topics command that creates the topic.
func (t Topic) Command(brokers []string) string {
	var settings strings.Builder
	for _, name := range slices.Sorted(maps.Keys(t.Settings)) {
		fmt.Fprintf(&settings, " --config %s=%s", name, t.Settings[name])
	}
	return fmt.Sprintf("kafka-topics --bootstrap-server %s --create --topic %s --partitions %d%s",
		strings.Join(brokers, ","), t.Name, t.Partitions, settings.String())
}
