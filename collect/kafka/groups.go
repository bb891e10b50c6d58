package kafka

import (
	"errors"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// group is a consumer group, as its coordinator knows it.
type group struct {
	name    string
	share   bool
	members int          // -1: not known
	state   string       // as Kafka has it; empty: not known
	clients []client     // of its members
	owned   map[at]bool  // partitions that a member has; nil: not known
	commits map[at]int64 // nil: not known
	behind  map[at]int64 // of a share group, as its coordinator counts
	read    time.Time    // when commits were read
}

// The types of groups, as ListGroups has them. Brokers before Kafka 3.8 name none: all are classic.
const (
	classicGroup  = "classic"
	consumerGroup = "consumer" // KIP-848
	shareGroup    = "share"    // KIP-932
)

// groups asks the broker for the groups that it coordinates: it lists no others, so nobody need be asked who coordinates what.
func (q *question) groups() ([]group, error) {
	byType, err := q.listGroups()
	if err != nil || len(byType) == 0 {
		return nil, err
	}
	var refused refusals
	described := map[string]group{}
	q.describeClassic(byType[classicGroup], described, &refused)
	q.describeConsumer(byType[consumerGroup], described, &refused)
	q.describeShare(byType[shareGroup], described, &refused)
	var out []group
	var names []string
	for kind, of := range byType {
		for _, name := range of {
			g, known := described[name]
			if !known {
				g = group{members: -1}
			}
			g.name, g.share = name, kind == shareGroup
			if !g.share {
				names = append(names, name)
			}
			out = append(out, g)
		}
	}
	commits := q.commits(names, &refused)
	behind := q.shareLags(byType[shareGroup], &refused)
	now := q.poll.now()
	for i := range out {
		out[i].commits, out[i].behind, out[i].read = commits[out[i].name], behind[out[i].name], now
	}
	return out, refused.err()
}

// listGroups lists groups by type.
func (q *question) listGroups() (map[string][]string, error) {
	answer, err := q.broker.RetriableRequest(q.ctx, kmsg.NewPtrListGroupsRequest())
	if err != nil {
		return nil, err
	}
	response := answer.(*kmsg.ListGroupsResponse)
	out := map[string][]string{}
	for i := range response.Groups {
		kind := response.Groups[i].GroupType
		if kind == "" {
			kind = classicGroup
		}
		out[kind] = append(out[kind], response.Groups[i].Group)
	}
	return out, kerr.ErrorForCode(response.ErrorCode)
}

// described takes what a coordinator says of a group; one that is gone since it was listed is none.
func described(name string, code int16, refused *refusals) bool {
	err := kerr.ErrorForCode(code)
	if err != nil && !errors.Is(err, kerr.GroupIDNotFound) {
		refused.add("group "+name, err)
	}
	return err == nil
}

// consumerProtocol is the type of protocol of groups whose members have partitions; those of others, such as Kafka Connect, have
// something else.
const consumerProtocol = "consumer"

func (q *question) describeClassic(names []string, out map[string]group, refused *refusals) {
	if len(names) == 0 {
		return
	}
	request := kmsg.NewPtrDescribeGroupsRequest()
	request.Groups = names
	answer, err := q.broker.RetriableRequest(q.ctx, request)
	if err != nil {
		refused.add("describe groups", err)
		return
	}
	for _, g := range answer.(*kmsg.DescribeGroupsResponse).Groups {
		if !described(g.Group, g.ErrorCode, refused) {
			continue
		}
		found := group{members: len(g.Members), state: g.State, owned: map[at]bool{}}
		for i := range g.Members {
			m := &g.Members[i]
			found.clients = append(found.clients, clientOf(m.ClientID, m.ClientHost))
			var assigned kmsg.ConsumerMemberAssignment
			if g.ProtocolType != consumerProtocol || assigned.ReadFrom(m.MemberAssignment) != nil {
				found.owned = nil // as while the group rebalances
			}
			for _, t := range assigned.Topics {
				found.own(i, t.Topic, t.Partitions)
			}
		}
		out[g.Group] = found
	}
}

func (q *question) describeConsumer(names []string, out map[string]group, refused *refusals) {
	if len(names) == 0 {
		return
	}
	request := kmsg.NewPtrConsumerGroupDescribeRequest()
	request.Groups = names
	answer, err := q.broker.RetriableRequest(q.ctx, request)
	if err != nil {
		refused.add("describe groups of type consumer", err)
		return
	}
	for _, g := range answer.(*kmsg.ConsumerGroupDescribeResponse).Groups {
		if !described(g.Group, g.ErrorCode, refused) {
			continue
		}
		found := group{members: len(g.Members), state: g.State, owned: map[at]bool{}}
		for i := range g.Members {
			m := &g.Members[i]
			found.clients = append(found.clients, clientOf(m.ClientID, m.ClientHost))
			for _, t := range m.Assignment.TopicPartitions {
				found.own(i, t.Topic, t.Partitions)
			}
		}
		out[g.Group] = found
	}
}

func (q *question) describeShare(names []string, out map[string]group, refused *refusals) {
	if len(names) == 0 {
		return
	}
	request := kmsg.NewPtrShareGroupDescribeRequest()
	request.GroupIDs = names
	answer, err := q.broker.RetriableRequest(q.ctx, request)
	if err != nil {
		refused.add("describe groups of type share", err)
		return
	}
	for _, g := range answer.(*kmsg.ShareGroupDescribeResponse).Groups {
		if described(g.GroupID, g.ErrorCode, refused) {
			found := group{members: len(g.Members), state: g.GroupState}
			for i := range g.Members {
				found.clients = append(found.clients, clientOf(g.Members[i].ClientID, g.Members[i].ClientHost))
			}
			out[g.GroupID] = found
		}
	}
}
