package kafka

import (
	"fmt"
	"net"
	"slices"
	"strconv"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/weirmq/weir/collect"
)

// probed is how the brokers of the cluster answered a poll. One that left the cluster did not, as long as some partition has it as a
// replica: those without one have nothing more to do with it. Of one that nobody has named yet nothing is known. One whose address a broker
// has that is there is named by its id: that one's heartbeats do not fail.
func (p *Poller) probed(s *snapshot) []collect.Probed[int32] {
	var out []collect.Probed[int32]
	for i := range s.answers {
		a := &s.answers[i]
		out = append(out, collect.Probed[int32]{ID: a.id, Node: a.node, Answered: a.answered, OutOfTime: a.outOfTime, Took: a.roundTrip})
	}
	nodes := p.beats.Nodes()
	for _, id := range s.cluster.away() {
		node, seen := nodes[id]
		if !seen {
			node = s.away[id]
		}
		if slices.ContainsFunc(s.cluster.brokers, func(b broker) bool { return b.node == node }) {
			node = nodeByID(id)
		}
		if node != "" {
			out = append(out, collect.Probed[int32]{ID: id, Node: node})
		}
	}
	return out
}

// nodeByID names a broker whose address nobody has, as Kafka's clients name nodes in their metrics.
func nodeByID(id int32) string { return fmt.Sprintf("node-%d", id) }

// away are the brokers that some partition has as a replica and that are not in the cluster, by their ids.
func (c *cluster) away() []int32 {
	var out []int32
	for id := range c.shares() {
		if !slices.ContainsFunc(c.brokers, func(b broker) bool { return b.id == id }) {
			out = append(out, id)
		}
	}
	slices.Sort(out)
	return out
}

// namesFenced is the first version of DescribeCluster that tells of brokers that are fenced (KIP-1073, Kafka 4.0): the controllers know
// them, and have not heard of them for a session.
const namesFenced = 2

// nameAway asks which nodes brokers are that are away and that no poll of this turn has seen. One whose address nobody has is named by its
// id. It returns nil where there is nobody to be named, and with an error.
func (p *Poller) nameAway(q *question) (map[int32]string, error) {
	known := p.beats.Nodes()
	out := map[int32]string{}
	for _, id := range q.cluster.away() {
		if _, seen := known[id]; !seen {
			out[id] = nodeByID(id)
		}
	}
	request := kmsg.NewPtrDescribeClusterRequest()
	request.IncludeFencedBrokers = true
	if len(out) == 0 || !q.hears(request, namesFenced) {
		return out, nil
	}
	answer, err := ask(q.ctx, q.broker, request)
	if err != nil {
		return nil, fmt.Errorf("ask for the brokers that are away: %w", err)
	}
	response := answer.(*kmsg.DescribeClusterResponse)
	if err := kerr.ErrorForCode(response.ErrorCode); err != nil {
		return nil, fmt.Errorf("ask for the brokers that are away: %w", said(err, response.ErrorMessage))
	}
	for i := range response.Brokers {
		b := &response.Brokers[i]
		if out[b.NodeID] != "" {
			out[b.NodeID] = net.JoinHostPort(b.Host, strconv.Itoa(int(b.Port)))
		}
	}
	return out, nil
}
