package kafka

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// quorum is what is known of a cluster's controllers.
type quorum struct {
	active int // controllers, -1: not known
	// alive are the ids of the nodes that vote and fetch; nil: not known.
	alive []int32
}

const (
	// quorumTopic is where controllers keep the cluster's state.
	quorumTopic = "__cluster_metadata"
	// voterSilence is how long a voter may not fetch and count as alive. Not smaller: one that is not heard for the default of
	// controller.quorum.fetch.timeout.ms, 2 s, may only be slow; not larger: its loss must be seen.
	voterSilence = 10 * time.Second
)

// askQuorum asks for the controllers by way of a broker that answers. Without KRaft the cluster's metadata says who the controller is.
func (q *question) askQuorum() (quorum, error) {
	request := kmsg.NewPtrDescribeQuorumRequest()
	if !q.hears(request, 0) {
		return q.cluster.controllers(), nil
	}
	t, p := kmsg.NewDescribeQuorumRequestTopic(), kmsg.NewDescribeQuorumRequestTopicPartition()
	t.Topic, t.Partitions = quorumTopic, []kmsg.DescribeQuorumRequestTopicPartition{p}
	request.Topics = []kmsg.DescribeQuorumRequestTopic{t}
	ctx, cancel := context.WithTimeout(q.ctx, probeTime)
	defer cancel()
	answer, err := q.broker.RetriableRequest(ctx, request)
	if errors.Is(err, context.DeadlineExceeded) && q.ctx.Err() == nil {
		// The broker answers others, and waits for a controller that answers it.
		return quorum{active: 0}, fmt.Errorf("ask for the controllers: no controller answers within %s", probeTime)
	}
	if err != nil {
		return quorum{active: -1}, fmt.Errorf("ask for the controllers: %w", err)
	}
	out, err := readQuorum(answer.(*kmsg.DescribeQuorumResponse))
	if err != nil {
		return out, fmt.Errorf("ask for the controllers: %w", err)
	}
	return out, nil
}

func readQuorum(response *kmsg.DescribeQuorumResponse) (quorum, error) {
	unknown := quorum{active: -1}
	if err := kerr.ErrorForCode(response.ErrorCode); err != nil {
		return unknown, err
	}
	if len(response.Topics) != 1 || len(response.Topics[0].Partitions) != 1 {
		return unknown, errors.New("the answer is of no partition")
	}
	p := &response.Topics[0].Partitions[0]
	if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
		return unknown, err
	}
	if p.LeaderID < 0 {
		return quorum{active: 0}, nil
	}
	out := quorum{active: 1, alive: []int32{p.LeaderID}}
	now := int64(-1) // by the leader's clock: it counts as one that fetches now
	for i := range p.CurrentVoters {
		if p.CurrentVoters[i].ReplicaID == p.LeaderID {
			now = p.CurrentVoters[i].LastFetchTimestamp
		}
	}
	for i := range p.CurrentVoters {
		v := &p.CurrentVoters[i]
		switch {
		case v.ReplicaID == p.LeaderID:
		case now < 0: // brokers before Kafka 3.3 do not say
			out.alive = nil
			return out, nil
		case now-v.LastFetchTimestamp <= voterSilence.Milliseconds():
			out.alive = append(out.alive, v.ReplicaID)
		}
	}
	return out, nil
}

// controllers is who a cluster without KRaft says its controller is: a broker.
func (c *cluster) controllers() quorum {
	out := quorum{alive: []int32{}}
	if c.controller >= 0 {
		out.active = 1
	}
	return out
}
