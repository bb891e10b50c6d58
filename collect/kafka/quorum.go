package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/weirmq/weir/collect"
)

// quorum is what is known of a cluster's controllers.
type quorum struct {
	active int // controllers, -1: not known
	// alive are the ids of the nodes that vote and fetch; nil: not known.
	alive  []int32
	voters []int32 // all nodes that vote; nil: not known
}

// quorums asks for controllers, poll after poll.
type quorums struct {
	options []kgo.Opt
	// client is of one broker alone, on a connection of its own: Kafka answers a connection's requests one after the other, so that one
	// that waits for a controller in vain would hold up all that follow.
	client *kgo.Client
	node   string  // of client
	voters []int32 // as they were last known
}

const (
	// quorumTopic is where controllers keep the cluster's state.
	quorumTopic = "__cluster_metadata"
	// voterSilence is how long a voter may not fetch and count as alive. Not smaller: one that is not heard for the default of
	// controller.quorum.fetch.timeout.ms, 2 s, may only be slow; not larger: its loss must be seen.
	voterSilence = 10 * time.Second
	// leastWait is how long a broker must have waited for a controller before there is none: a poll that is short of time finds out
	// nothing. Not smaller: elections take some hundred milliseconds; not larger: polls that last a second have two thirds of it.
	leastWait = collect.ProbeTime / 4
	// sameAgain is how long the broker is waited for that was asked for controllers before. Not smaller: those that answer do so within
	// milliseconds of each other; not larger: where it is away the others are waiting.
	sameAgain = 100 * time.Millisecond
)

// ask asks for the controllers by way of a broker that answers. Without KRaft the cluster's metadata says who the controller is.
func (c *quorums) ask(q *question) (quorum, error) {
	request := kmsg.NewPtrDescribeQuorumRequest()
	if !q.hears(request, 0) {
		return q.cluster.controllers(), nil
	}
	t, p := kmsg.NewDescribeQuorumRequestTopic(), kmsg.NewDescribeQuorumRequestTopicPartition()
	t.Topic, t.Partitions = quorumTopic, []kmsg.DescribeQuorumRequestTopicPartition{p}
	request.Topics = []kmsg.DescribeQuorumRequestTopic{t}
	broker, err := c.connect(q.node)
	if err == nil {
		_, err = greet(q.ctx, broker) // to connect, encrypt and log in takes time that is no controller's
	}
	if err != nil {
		c.close()
		return quorum{active: -1}, fmt.Errorf("ask for the controllers: %w", err)
	}
	began := time.Now()
	ctx, cancel := context.WithTimeout(q.ctx, collect.ProbeTime)
	defer cancel()
	answer, err := ask(ctx, broker, request)
	if err != nil {
		c.close() // the next question must not wait behind this one
	}
	if waited := time.Since(began); errors.Is(err, context.DeadlineExceeded) && waited >= leastWait {
		// The broker answers others, and waits for a controller that answers it.
		return quorum{active: 0}, fmt.Errorf("ask for the controllers: none answers the broker at %s within %s", q.node, waited.Round(100*time.Millisecond))
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

// choose takes one of the brokers that answer: the one that was asked before, where it answers in time, as there is a connection to it.
func (c *quorums) choose(answered <-chan question) (question, bool) {
	chosen, any := <-answered
	timer := time.NewTimer(sameAgain)
	defer timer.Stop()
	for any && c.node != "" && chosen.node != c.node {
		select {
		case other, more := <-answered:
			if !more {
				return chosen, true
			}
			if other.node == c.node {
				chosen = other
			}
		case <-timer.C:
			return chosen, true
		}
	}
	return chosen, any
}

// connect is a connection to one broker, that of the question before where it is the same.
func (c *quorums) connect(node string) (*kgo.Broker, error) {
	if c.node != node {
		c.close()
	}
	if c.client == nil {
		client, err := kgo.NewClient(append(slices.Clone(c.options), kgo.SeedBrokers(node))...)
		if err != nil {
			return nil, err
		}
		c.client, c.node = client, node
	}
	return c.client.SeedBrokers()[0], nil
}

func (c *quorums) close() {
	if c.client != nil {
		c.client.Close()
	}
	c.client, c.node = nil, ""
}

// alive is what a poll found out of the controllers. A node that is broker and controller, and does not answer as a broker, is not
// alive, though it may have fetched a moment ago. Where nobody says who fetches, and all that vote are brokers, those that answer are
// all that is alive.
func (c *quorums) alive(s *snapshot, beats *collect.Heartbeats[int32]) quorum {
	out := s.controllers
	if out.voters != nil {
		c.voters = out.voters
	}
	out.alive = slices.DeleteFunc(slices.Clone(out.alive), beats.Silent)
	brokers := beats.Nodes()
	allBrokers := !slices.ContainsFunc(c.voters, func(id int32) bool {
		_, is := brokers[id]
		return !is
	})
	if out.active == 0 && out.alive == nil && len(c.voters) > 0 && allBrokers {
		out.alive = []int32{}
	}
	return out
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
		out.voters = append(out.voters, p.CurrentVoters[i].ReplicaID)
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
