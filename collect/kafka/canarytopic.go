package kafka

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// home is the partition of a broker's canaries: it has it alone.
type home struct {
	topic     string
	id        [16]byte
	partition int32
}

// errNoLeader says that nobody serves the partition, of which the broker has the only replica.
var errNoLeader = errors.New("the partition of its canaries has no leader")

const (
	// homeTime bounds the wait until a topic that was made, or moved, is at its broker. Not smaller: all brokers of a large cluster must
	// hear of it; not larger: the next canary finds it.
	homeTime = 5 * time.Second
	// homeEvery is how often it is looked meanwhile. Not smaller: each is a request; not larger: who polls once waits for it.
	homeEvery = 100 * time.Millisecond
)

// home finds the partition of a broker's canaries, makes it where there is none, and has it moved back where it was moved away.
// The error says why there is none, or is errNoLeader.
func (p *Poller) home(ctx context.Context, of canaryBroker) (home, error) {
	if of.home != nil {
		return *of.home, nil
	}
	return p.settle(ctx, of.topic, of.id)
}

// at is the partition that a broker leads and has alone; nil where there is none.
func (t *topic) at(name string, id int32) *home {
	if t == nil {
		return nil
	}
	for _, p := range t.partitions {
		if p.leader == id && len(p.replicas) == 1 {
			return &home{name, t.id, p.number}
		}
	}
	return nil
}

// settle makes or moves the topic and waits until it is at its broker.
func (p *Poller) settle(ctx context.Context, name string, id int32) (home, error) {
	ctx, cancel := context.WithTimeout(ctx, homeTime)
	defer cancel()
	ticker := time.NewTicker(homeEvery)
	defer ticker.Stop()
	for begun := false; ; begun = true {
		t, err := p.askTopic(ctx, name)
		if err != nil {
			return home{}, fmt.Errorf("ask for topic %s: %w", name, err)
		}
		if found := t.at(name, id); found != nil {
			return *found, nil
		}
		if !begun {
			if err := p.place(ctx, name, t, id); err != nil {
				return home{}, err
			}
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return home{}, fmt.Errorf("topic %s is not at the broker alone after %s", name, homeTime)
		}
	}
}

// place makes the topic where there is none, and has it moved where it is elsewhere.
func (p *Poller) place(ctx context.Context, name string, t *topic, id int32) error {
	switch {
	case t == nil:
		if err := p.create(ctx, name, id); err != nil {
			return fmt.Errorf("create topic %s: %w", name, err)
		}
	case len(t.partitions) > 0 && t.partitions[0].leader < 0 && len(t.partitions[0].replicas) == 1 && t.partitions[0].replicas[0] == id:
		return errNoLeader
	default:
		if err := p.move(ctx, name, id); err != nil {
			return fmt.Errorf("move topic %s to its broker: %w", name, err)
		}
	}
	return nil
}

// askTopic asks for one topic; nil: there is none.
func (p *Poller) askTopic(ctx context.Context, name string) (*topic, error) {
	request := kmsg.NewPtrMetadataRequest()
	t := kmsg.NewMetadataRequestTopic()
	t.Topic = &name
	request.Topics, request.AllowAutoTopicCreation = []kmsg.MetadataRequestTopic{t}, false
	response, err := request.RequestWith(ctx, p.client)
	if err != nil {
		return nil, err
	}
	for i := range response.Topics {
		switch err := kerr.ErrorForCode(response.Topics[i].ErrorCode); {
		case errors.Is(err, kerr.UnknownTopicOrPartition):
			return nil, nil
		case errors.Is(err, kerr.LeaderNotAvailable), err == nil:
			return topicOf(&response.Topics[i]), nil
		default:
			return nil, err
		}
	}
	return nil, nil
}

// canaryConfig is how a topic of canaries is configured. Little of it is kept: who looks at it wants the newest. One replica must
// suffice, whatever the cluster's default is, and the broker's clock counts, whatever the collector's is.
var canaryConfig = map[string]string{
	"cleanup.policy": "delete", "retention.ms": "600000", "retention.bytes": "1048576", "segment.ms": "600000",
	"segment.bytes":       "1048576", // Kafka 4 takes no less
	"min.insync.replicas": "1", "message.timestamp.type": "LogAppendTime",
}

// create makes the topic of one partition, with the broker as its only replica. That somebody else has just made it is as good.
func (p *Poller) create(ctx context.Context, name string, id int32) error {
	request := kmsg.NewPtrCreateTopicsRequest()
	request.TimeoutMillis = int32(homeTime.Milliseconds())
	t, at := kmsg.NewCreateTopicsRequestTopic(), kmsg.NewCreateTopicsRequestTopicReplicaAssignment()
	at.Replicas = []int32{id}
	t.Topic, t.NumPartitions, t.ReplicationFactor, t.ReplicaAssignment = name, -1, -1, []kmsg.CreateTopicsRequestTopicReplicaAssignment{at}
	for key, value := range canaryConfig {
		c := kmsg.NewCreateTopicsRequestTopicConfig()
		c.Name, c.Value = key, &value
		t.Configs = append(t.Configs, c)
	}
	request.Topics = []kmsg.CreateTopicsRequestTopic{t}
	response, err := request.RequestWith(ctx, p.client)
	if err != nil {
		return err
	}
	for i := range response.Topics {
		if err := kerr.ErrorForCode(response.Topics[i].ErrorCode); err != nil && !errors.Is(err, kerr.TopicAlreadyExists) {
			return said(err, response.Topics[i].ErrorMessage)
		}
	}
	return nil
}

// move has the first partition moved to the broker, and to no other.
func (p *Poller) move(ctx context.Context, name string, id int32) error {
	request := kmsg.NewPtrAlterPartitionAssignmentsRequest()
	request.TimeoutMillis = int32(homeTime.Milliseconds())
	t, to := kmsg.NewAlterPartitionAssignmentsRequestTopic(), kmsg.NewAlterPartitionAssignmentsRequestTopicPartition()
	to.Replicas = []int32{id}
	t.Topic, t.Partitions = name, []kmsg.AlterPartitionAssignmentsRequestTopicPartition{to}
	request.Topics = []kmsg.AlterPartitionAssignmentsRequestTopic{t}
	response, err := request.RequestWith(ctx, p.client)
	if err != nil {
		return err
	}
	if err := kerr.ErrorForCode(response.ErrorCode); err != nil {
		return said(err, response.ErrorMessage)
	}
	for i := range response.Topics {
		for j := range response.Topics[i].Partitions {
			got := &response.Topics[i].Partitions[j]
			if err := kerr.ErrorForCode(got.ErrorCode); err != nil {
				return said(err, got.ErrorMessage)
			}
		}
	}
	return nil
}

// said adds a broker's own words to an error.
func said(err error, words *string) error {
	if words == nil || *words == "" {
		return err
	}
	return fmt.Errorf("%w: %s", err, *words)
}
