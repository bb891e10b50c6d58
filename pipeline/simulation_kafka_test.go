package pipeline

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sort"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/weirmq/weir/telemetry"
)

// simulatedKafka is the log: topics of ordered partitions, and the offsets that groups committed.
type simulatedKafka struct {
	topics    map[string]*simulatedTopic
	committed map[string]map[topicPartition]int64
	owners    map[string]map[topicPartition]*simulatedMember // as the group coordinator knows them
	deleted   []*simulatedTopic                              // whose records count nevertheless
	reports   map[*kgo.Record]*telemetry.Report              // of records of weir.telemetry, nil where one is none
	// published is every record of weir.alerts in its order, also those that compaction took.
	published []*kgo.Record
}

type simulatedTopic struct {
	id         [16]byte
	partitions []simulatedPartition
}

type simulatedPartition struct {
	records []*kgo.Record
	next    int64 // offset of the next record
}

func newSimulatedKafka(w *world) *simulatedKafka {
	k := &simulatedKafka{reports: map[*kgo.Record]*telemetry.Report{}, topics: map[string]*simulatedTopic{}, committed: map[string]map[topicPartition]int64{}, owners: map[string]map[topicPartition]*simulatedMember{}}
	for topic, partitions := range map[string]int32{telemetry.TopicCells: w.cells, telemetry.TopicGroups: w.groups,
		telemetry.TopicAlerts: w.groups, telemetry.TopicDeadLetter: 1} {
		k.topics[topic] = &simulatedTopic{partitions: make([]simulatedPartition, partitions)}
	}
	for _, group := range []string{groupAggregate, groupRules, groupClickHouse, groupAlertmanager} {
		k.committed[group], k.owners[group] = map[topicPartition]int64{}, map[topicPartition]*simulatedMember{}
	}
	k.createTelemetry(w, 1)
	return k
}

// createTelemetry makes weir.telemetry, anew where there is one: then it has another id, and Kafka forgets what
// groups committed of it.
func (k *simulatedKafka) createTelemetry(w *world, id byte) {
	if old := k.topics[telemetry.TopicTelemetry]; old != nil {
		k.deleted = append(k.deleted, old)
	}
	topic := &simulatedTopic{id: [16]byte{id}, partitions: make([]simulatedPartition, w.sources)}
	for i := range topic.partitions {
		topic.partitions[i].next = w.firstOffset
	}
	k.topics[telemetry.TopicTelemetry] = topic
	k.committed[groupAggregate] = map[topicPartition]int64{}
}

func (k *simulatedKafka) partition(at topicPartition) *simulatedPartition {
	return &k.topics[at.topic].partitions[at.partition]
}

// append keeps a copy of a record.
func (k *simulatedKafka) append(record *kgo.Record, appended time.Time) *kgo.Record {
	p := k.partition(topicPartition{record.Topic, record.Partition})
	kept := *record
	kept.Offset, kept.Timestamp = p.next, appended
	p.next++
	p.records = append(p.records, &kept)
	if kept.Topic == telemetry.TopicAlerts {
		k.published = append(k.published, &kept)
	}
	return &kept
}

// appendReport is append for a record of weir.telemetry.
func (k *simulatedKafka) appendReport(record *kgo.Record, appended time.Time, report *telemetry.Report) {
	k.reports[k.append(record, appended)] = report
}

// fetch returns up to most records from an offset on.
func (k *simulatedKafka) fetch(at topicPartition, from int64, most int) []*kgo.Record {
	records := k.partition(at).records
	first := sort.Search(len(records), func(i int) bool { return records[i].Offset >= from })
	return records[first:min(len(records), first+most)]
}

// start is the offset at which a partition begins.
func (k *simulatedKafka) start(at topicPartition) int64 {
	p := k.partition(at)
	if len(p.records) == 0 {
		return p.next
	}
	return p.records[0].Offset
}

// compactionLag stands for min.compaction.lag.ms of weir.alerts, which Weir wants to be an hour: longer than it takes until what a
// process writes that has lost the partition is written over.
const compactionLag = trouble + 10*time.Second

// compact drops records of weir.alerts that a later one of their key replaces, of the first records of a partition and of
// those that are old enough.
func (k *simulatedKafka) compact(partition int32, first int) {
	p := k.partition(topicPartition{telemetry.TopicAlerts, partition})
	young := slices.IndexFunc(p.records, func(r *kgo.Record) bool { return time.Since(r.Timestamp) < compactionLag })
	if young >= 0 {
		first = min(first, young)
	}
	newest := map[string]int64{}
	for _, record := range p.records[:first] {
		newest[string(record.Key)] = record.Offset
	}
	var kept []*kgo.Record
	for i, record := range p.records {
		if i >= first || newest[string(record.Key)] == record.Offset {
			kept = append(kept, record)
		}
	}
	p.records = kept
}

// kafkaClient is what one member sees of the log. Whatever it asks, faults may strike before or after.
type kafkaClient struct {
	s *simulation
	m *simulatedMember
}

var errSimulatedNetwork = errors.New("the connection broke")

// Produce appends a record. Once one has failed, so do those that the client has for the same partition then, as kgo.RecordRetries
// says: no later one is there without it.
func (c kafkaClient) Produce(_ context.Context, record *kgo.Record, promise func(*kgo.Record, error)) {
	at := topicPartition{record.Topic, record.Partition}
	if c.m.failed[at].Equal(time.Now()) {
		promise(record, errSimulatedNetwork)
		return
	}
	fault := c.s.strike(c.m, "writes to "+record.Topic)
	switch fault {
	case failsBefore:
	case diesLate:
		late := *record
		c.s.flying = append(c.s.flying, &late)
	default:
		record.Offset = c.s.kafka.append(record, time.Now()).Offset
	}
	c.s.end(c.m, fault)
	if fault.err() != nil {
		c.m.failed[at] = time.Now()
	}
	promise(record, fault.err())
}

// CommitOffsetsSync commits where the group still knows the member.
func (c kafkaClient) CommitOffsetsSync(_ context.Context, offsets map[string]map[int32]kgo.EpochOffset,
	onDone func(*kgo.Client, *kmsg.OffsetCommitRequest, *kmsg.OffsetCommitResponse, error)) {
	fault := c.s.strike(c.m, "commits")
	response := kmsg.NewPtrOffsetCommitResponse()
	for _, topic := range slices.Sorted(maps.Keys(offsets)) {
		answer := kmsg.NewOffsetCommitResponseTopic()
		answer.Topic = topic
		for _, partition := range slices.Sorted(maps.Keys(offsets[topic])) {
			one := kmsg.NewOffsetCommitResponseTopicPartition()
			one.Partition = partition
			if !c.commit(fault, topicPartition{topic, partition}, offsets[topic][partition].Offset) {
				one.ErrorCode = kerr.IllegalGeneration.Code
			}
			answer.Partitions = append(answer.Partitions, one)
		}
		response.Topics = append(response.Topics, answer)
	}
	c.s.end(c.m, fault)
	onDone(nil, nil, response, fault.err())
}

func (c kafkaClient) commit(fault fault, at topicPartition, offset int64) bool {
	if fault == failsBefore || fault == diesLate {
		return true
	}
	group := c.m.role.group
	if c.s.kafka.owners[group][at] != c.m {
		c.s.say("%s commits %s/%d although it is not its owner any more: refused", c.m.name, at.topic, at.partition)
		return false
	}
	c.s.say("%s commits %d of %s/%d", c.m.name, offset, at.topic, at.partition)
	c.s.kafka.committed[group][at] = offset
	return true
}

// CommitRecords commits the offsets after the last records of each partition.
func (c kafkaClient) CommitRecords(ctx context.Context, records ...*kgo.Record) error {
	offsets := map[string]map[int32]kgo.EpochOffset{}
	for _, record := range records {
		if offsets[record.Topic] == nil {
			offsets[record.Topic] = map[int32]kgo.EpochOffset{}
		}
		offsets[record.Topic][record.Partition] = kgo.EpochOffset{Epoch: -1, Offset: record.Offset + 1}
	}
	var failed error
	c.CommitOffsetsSync(ctx, offsets, commitResult(&failed))
	return failed
}

// ListStartOffsets says where the partitions begin.
func (c kafkaClient) ListStartOffsets(_ context.Context, topics ...string) (kadm.ListedOffsets, error) {
	return c.list(topics, c.s.kafka.start), nil
}

func (c kafkaClient) list(topics []string, offset func(topicPartition) int64) kadm.ListedOffsets {
	out := kadm.ListedOffsets{}
	for _, topic := range topics {
		out[topic] = map[int32]kadm.ListedOffset{}
		for partition := range c.s.kafka.topics[topic].partitions {
			at := topicPartition{topic, int32(partition)}
			out[topic][at.partition] = kadm.ListedOffset{Topic: topic, Partition: at.partition, Offset: offset(at)}
		}
	}
	return out
}

// FetchOffsets says what a group has committed.
func (c kafkaClient) FetchOffsets(_ context.Context, group string) (kadm.OffsetResponses, error) {
	out := kadm.OffsetResponses{}
	for at, offset := range c.s.kafka.committed[group] {
		if out[at.topic] == nil {
			out[at.topic] = map[int32]kadm.OffsetResponse{}
		}
		out[at.topic][at.partition] = kadm.OffsetResponse{Offset: kadm.Offset{Topic: at.topic, Partition: at.partition, At: offset}}
	}
	return out, nil
}

// read returns what a partition holds from an offset on, and where it ends.
func (c kafkaClient) read(_ context.Context, at topicPartition, from int64) ([]*kgo.Record, int64, error) {
	fault := c.s.strike(c.m, fmt.Sprintf("reads %s from %d on", at.topic, from))
	c.s.end(c.m, fault)
	p := c.s.kafka.partition(at)
	first := sort.Search(len(p.records), func(i int) bool { return p.records[i].Offset >= from })
	return slices.Clone(p.records[first:]), p.next, fault.err()
}
