package kafka

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// group is a consumer group, as its coordinator knows it.
type group struct {
	name    string
	members int // -1: not known
	commits map[at]int64
}

// groups asks the broker for the groups that it coordinates: it lists no others, so nobody need be asked who coordinates what.
func (q *question) groups() ([]group, error) {
	listed, err := q.listGroups()
	if err != nil || len(listed) == 0 {
		return nil, err
	}
	var names []string
	for i := range listed {
		names = append(names, listed[i].Group)
	}
	var refused refusals
	members := q.classicMembers(names, &refused)
	commits := q.commits(names, &refused)
	var out []group
	for _, name := range names {
		g := group{name: name, members: -1, commits: commits[name]}
		if n, known := members[name]; known {
			g.members = n
		}
		out = append(out, g)
	}
	return out, refused.err()
}

func (q *question) listGroups() ([]kmsg.ListGroupsResponseGroup, error) {
	answer, err := q.broker.RetriableRequest(q.ctx, kmsg.NewPtrListGroupsRequest())
	if err != nil {
		return nil, err
	}
	response := answer.(*kmsg.ListGroupsResponse)
	return response.Groups, kerr.ErrorForCode(response.ErrorCode)
}

// classicMembers counts the members of groups of the classic protocol.
func (q *question) classicMembers(names []string, refused *refusals) map[string]int {
	request := kmsg.NewPtrDescribeGroupsRequest()
	request.Groups = names
	answer, err := q.broker.RetriableRequest(q.ctx, request)
	if err != nil {
		refused.add("describe groups", err)
		return nil
	}
	out := map[string]int{}
	for _, g := range answer.(*kmsg.DescribeGroupsResponse).Groups {
		if err := kerr.ErrorForCode(g.ErrorCode); err != nil {
			refused.add("group "+g.Group, err)
			continue
		}
		out[g.Group] = len(g.Members)
	}
	return out
}

// commits asks for all committed offsets of groups, in one request. Brokers before Kafka 3.0 do not know it.
func (q *question) commits(names []string, refused *refusals) map[string]map[at]int64 {
	request := kmsg.NewPtrOffsetFetchRequest()
	for _, name := range names {
		g := kmsg.NewOffsetFetchRequestGroup()
		g.Group, g.Topics = name, nil // all
		request.Groups = append(request.Groups, g)
	}
	answer, err := q.broker.RetriableRequest(q.ctx, request)
	if err != nil {
		refused.add("fetch committed offsets", err)
		return nil
	}
	out := map[string]map[at]int64{}
	for _, g := range answer.(*kmsg.OffsetFetchResponse).Groups {
		if err := kerr.ErrorForCode(g.ErrorCode); err != nil {
			refused.add("committed offsets of group "+g.Group, err)
			continue
		}
		out[g.Group] = map[at]int64{}
		for _, t := range g.Topics {
			name := t.Topic
			if name == "" {
				name = q.cluster.names[t.TopicID]
			}
			for _, p := range t.Partitions {
				if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
					refused.add("committed offsets of group "+g.Group, err)
				} else if p.Offset >= 0 && name != "" { // -1: never committed
					out[g.Group][at{name, p.Partition}] = p.Offset
				}
			}
		}
	}
	return out
}
