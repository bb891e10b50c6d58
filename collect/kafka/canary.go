package kafka

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/weirmq/weir/collect"
	"github.com/weirmq/weir/telemetry"
)

// canaryBroker is a broker that takes canaries, with where the newest poll found that they go.
type canaryBroker struct {
	id    int32
	topic string
	home  *home // nil: not there, or not at the broker
}

// see takes in which brokers there are.
func (p *Poller) see(c *cluster) {
	var all []collect.CanaryBroker[int32, canaryBroker]
	for _, b := range c.brokers {
		topic := p.config.Canary.Topic(strconv.Itoa(int(b.id)))
		all = append(all, collect.CanaryBroker[int32, canaryBroker]{ID: b.id, Node: b.node, Called: fmt.Sprintf("broker %d at %s", b.id, b.node),
			To: canaryBroker{b.id, topic, c.canaries[topic].at(topic, b.id)}})
	}
	p.canaries.See(all)
}

// Brokers are those that can be sent a canary, by their ids.
func (p *Poller) Brokers() []string { return p.canaries.Brokers() }

// Probe sends a canary to a broker, as collect.Prober promises.
func (p *Poller) Probe(ctx context.Context, id string) (reports []telemetry.Report, ok bool) {
	return p.canaries.Probe(ctx, id)
}

// ProbeAll sends one canary to each broker there is, without a poll; the next poll reports them.
func (p *Poller) ProbeAll(ctx context.Context) error {
	c, err := p.describeCluster(ctx)
	if err != nil {
		return fmt.Errorf("send canaries to cluster %s: %w", p.config.Cluster, err)
	}
	p.see(c)
	p.canaries.ProbeAll(ctx)
	return nil
}

// canary sends one to a broker. That somebody must permit it first is remembered; all else the next one tries again.
func (p *Poller) canary(ctx context.Context, to canaryBroker) (o collect.CanaryOutcome) {
	until := time.Now().Add(homeTime)
	home, err := p.home(ctx, to)
	for err == nil {
		o = p.sendCanary(ctx, to.id, home)
		if !isElsewhere(o.Impossible) || time.Now().After(until) || !pause(ctx, homeEvery) {
			break
		}
		home, err = p.settle(ctx, to.topic, to.id)
	}
	switch {
	case errors.Is(err, errNoLeader):
		o = collect.CanaryOutcome{Failed: err}
	case err != nil:
		o = collect.CanaryOutcome{Impossible: err}
	}
	reason := (*kerr.Error)(nil)
	o.Refused = errors.As(o.Impossible, &reason) && !reason.Retriable
	return o
}

// sendCanary sends one to its topic.
func (p *Poller) sendCanary(ctx context.Context, id int32, h home) collect.CanaryOutcome {
	value := strconv.AppendInt([]byte(p.config.Collector+" "), time.Now().UnixNano(), 10)
	to := p.client.Broker(int(id))
	var offset int64
	return collect.SendCanary(ctx, func(ctx context.Context) (err error) {
		offset, err = h.send(ctx, to, value)
		return canaryError("send to", h, err)
	}, func(ctx context.Context) error {
		return canaryError("read from", h, h.read(ctx, to, offset, value))
	})
}

// isElsewhere says that the partition is not at the broker, or not yet: it hears of a topic that was just made after others do.
func isElsewhere(err error) bool {
	return errors.Is(err, kerr.NotLeaderForPartition) || errors.Is(err, kerr.UnknownTopicOrPartition) || errors.Is(err, kerr.UnknownTopicID)
}

// pause waits; it is false where ctx ends.
func pause(ctx context.Context, span time.Duration) bool {
	timer := time.NewTimer(span)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// canaryError says what failed, and whether the broker is at fault.
func canaryError(did string, h home, err error) error {
	if err == nil {
		return nil
	}
	err = fmt.Errorf("%s topic %s: %w", did, h.topic, err)
	if slices.ContainsFunc(notTheBrokers, func(reason *kerr.Error) bool { return errors.Is(err, reason) }) {
		return fmt.Errorf("%w: %w", collect.ErrNoCanary, err)
	}
	return err
}

// notTheBrokers are errors that say nothing of how the broker is: it is not allowed, the partition moved away, or the topic's
// configuration takes no canary.
var notTheBrokers = []*kerr.Error{kerr.TopicAuthorizationFailed, kerr.ClusterAuthorizationFailed, kerr.NotLeaderForPartition, kerr.FencedLeaderEpoch,
	kerr.UnknownTopicOrPartition, kerr.UnknownTopicID, kerr.InconsistentTopicID, kerr.NotEnoughReplicas, kerr.InvalidTimestamp, kerr.PolicyViolation}

// send appends a message and returns its offset.
func (h home) send(ctx context.Context, to *kgo.Broker, value []byte) (int64, error) {
	request := kmsg.NewPtrProduceRequest()
	request.Acks, request.TimeoutMillis = -1, int32(collect.CanaryFails.Milliseconds())
	t, p := kmsg.NewProduceRequestTopic(), kmsg.NewProduceRequestTopicPartition()
	p.Partition, p.Records = h.partition, batchOf(value, time.Now())
	t.Topic, t.TopicID, t.Partitions = h.topic, h.id, []kmsg.ProduceRequestTopicPartition{p}
	request.Topics = []kmsg.ProduceRequestTopic{t}
	answer, err := ask(ctx, to, request)
	if err != nil {
		return 0, err
	}
	response := answer.(*kmsg.ProduceResponse)
	if len(response.Topics) != 1 || len(response.Topics[0].Partitions) != 1 {
		return 0, errors.New("the broker says nothing of the partition")
	}
	got := response.Topics[0].Partitions[0]
	return got.BaseOffset, kerr.ErrorForCode(got.ErrorCode)
}

// read reads the message at an offset, which must be the one that was sent.
func (h home) read(ctx context.Context, from *kgo.Broker, offset int64, value []byte) error {
	const most = 64 << 10 // bytes: a batch with one canary, or a few of who sends there too
	request := kmsg.NewPtrFetchRequest()
	request.ReplicaID, request.MinBytes, request.MaxBytes, request.SessionEpoch = -1, 1, most, -1 // a session would be kept for nothing
	request.MaxWaitMillis = int32(collect.CanaryFails.Milliseconds())
	t, p := kmsg.NewFetchRequestTopic(), kmsg.NewFetchRequestTopicPartition()
	p.Partition, p.FetchOffset, p.PartitionMaxBytes = h.partition, offset, most
	t.Topic, t.TopicID, t.Partitions = h.topic, h.id, []kmsg.FetchRequestTopicPartition{p}
	request.Topics = []kmsg.FetchRequestTopic{t}
	answer, err := ask(ctx, from, request)
	if err != nil {
		return err
	}
	response := answer.(*kmsg.FetchResponse)
	if err := kerr.ErrorForCode(response.ErrorCode); err != nil {
		return err
	}
	if len(response.Topics) != 1 || len(response.Topics[0].Partitions) != 1 {
		return errors.New("the broker says nothing of the partition")
	}
	got := &response.Topics[0].Partitions[0]
	if err := kerr.ErrorForCode(got.ErrorCode); err != nil {
		return err
	}
	found, _ := kgo.ProcessFetchPartition(kgo.ProcessFetchPartitionOpts{Offset: offset, Topic: h.topic, Partition: h.partition}, got, kgo.DefaultDecompressor(), nil)
	if !slices.ContainsFunc(found.Records, func(r *kgo.Record) bool { return r.Offset == offset && slices.Equal(r.Value, value) }) {
		return fmt.Errorf("what was written to offset %d is not there", offset)
	}
	return nil
}

// The parts of an encoded batch of records, in bytes: what its length does not count, and where begins what its checksum counts.
const (
	batchLengthAfter   = 12
	batchChecksumAfter = 21
)

// batchOf encodes a batch with one message, as version 2 of the message format has it. It has a key: a topic that is compacted wants one.
func batchOf(value []byte, at time.Time) []byte {
	record := kmsg.NewRecord()
	record.Key, record.Value = []byte("canary"), value
	record.Length = int32(len(record.AppendTo(nil)) - 1) // without its own, which takes one byte
	b := kmsg.NewRecordBatch()
	b.PartitionLeaderEpoch, b.Magic, b.NumRecords, b.Records = -1, 2, 1, record.AppendTo(nil)
	b.FirstTimestamp, b.MaxTimestamp = at.UnixMilli(), at.UnixMilli()
	b.ProducerID, b.ProducerEpoch, b.FirstSequence = -1, -1, -1
	out := b.AppendTo(nil)
	binary.BigEndian.PutUint32(out[batchLengthAfter-4:], uint32(len(out)-batchLengthAfter))
	binary.BigEndian.PutUint32(out[batchChecksumAfter-4:], crc32.Checksum(out[batchChecksumAfter:], crc32.MakeTable(crc32.Castagnoli)))
	return out
}
