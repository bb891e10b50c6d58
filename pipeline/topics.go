package pipeline

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/weirmq/weir/control"
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

// maxGroupPartitions bounds the partitions of weir.groups, and so of weir.alerts. Not
// smaller: as many processes can evaluate rules, which are few beside those that fold;
// not larger: each process tells each of them how far its sources have come, 20 times a
// second at most, and what a source has for its groups is scattered over more and smaller records.
const maxGroupPartitions = 32

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
	// Every client reads all of it in one order, by the broker's clock; each revision stays until it is in the store.
	controlSettings := map[string]string{"cleanup.policy": "compact", "max.message.bytes": size, "message.timestamp.type": "LogAppendTime",
		"min.compaction.lag.ms": strconv.Itoa(telemetryRetentionMillis)}
	telemetrySettings := kept(telemetryRetentionMillis)
	telemetrySettings["message.timestamp.type"] = "LogAppendTime"
	return []Topic{
		{telemetry.TopicTelemetry, n, telemetrySettings},
		{telemetry.TopicCells, n, kept(telemetryRetentionMillis)},
		{telemetry.TopicGroups, min(n, maxGroupPartitions), kept(groupsRetentionMillis)},
		{telemetry.TopicAlerts, min(n, maxGroupPartitions), compacted},
		{telemetry.TopicDeadLetter, 1, letterSettings},
		{telemetry.TopicParameters, 1, forEver},
		{control.Topic, 1, controlSettings},
	}
}

// maxLetterBytes bounds a dead letter: what is kept of the record, its key and headers.
const maxLetterBytes = maxKeptBytes + 512<<10

// Command is the kafka-topics command that creates the topic.
func (t Topic) Command(kafka *KafkaConfig) string {
	var settings strings.Builder
	if kafka.ReplicationFactor > 0 { // kafka-topics takes the brokers' default where it is left out
		fmt.Fprintf(&settings, " --replication-factor %d", kafka.ReplicationFactor)
	}
	for _, name := range slices.Sorted(maps.Keys(t.Settings)) {
		fmt.Fprintf(&settings, " --config %s=%s", name, t.Settings[name])
	}
	return fmt.Sprintf("kafka-topics --bootstrap-server %s --create --topic %s --partitions %d%s",
		strings.Join(kafka.Brokers, ","), t.Name, t.Partitions, settings.String())
}
