package kafka

import (
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// manyGroups is the version from which OffsetFetch takes many groups: Kafka 3.0.
const manyGroups = 8

var errOldBroker = errors.New("the broker is older than Kafka 3.0, and tells of the commits of one group at a time")

// commits asks for all committed offsets of groups, in one request. A partition that a group never committed is not there.
func (q *question) commits(names []string, refused *refusals) map[string]map[at]int64 {
	if len(names) == 0 {
		return nil
	}
	request := kmsg.NewPtrOffsetFetchRequest()
	if !q.hears(request, manyGroups) {
		refused.add("fetch committed offsets", errOldBroker)
		return nil
	}
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
	for i := range answer.(*kmsg.OffsetFetchResponse).Groups {
		g := &answer.(*kmsg.OffsetFetchResponse).Groups[i]
		if err := kerr.ErrorForCode(g.ErrorCode); err != nil {
			if !errors.Is(err, kerr.GroupIDNotFound) { // gone since it was listed
				refused.add("committed offsets of group "+g.Group, err)
			}
			continue
		}
		out[g.Group] = q.committed(g, refused)
	}
	return out
}

func (q *question) committed(g *kmsg.OffsetFetchResponseGroup, refused *refusals) map[at]int64 {
	out := map[at]int64{}
	for _, t := range g.Topics {
		name := t.Topic
		if name == "" { // newer brokers give ids
			name = q.cluster.names[t.TopicID]
		}
		for _, p := range t.Partitions {
			if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
				refused.add(fmt.Sprintf("committed offset of group %s, %s partition %d", g.Group, name, p.Partition), err)
			} else if p.Offset >= 0 && name != "" { // -1: never committed
				out[at{name, p.Partition}] = p.Offset
			}
		}
	}
	return out
}

// shareLags asks for what share groups have left unread, which only their coordinator can count: many members take messages of one
// partition in any order. Brokers before Kafka 4.2 do not say.
func (q *question) shareLags(names []string, refused *refusals) map[string]map[at]int64 {
	request := kmsg.NewPtrDescribeShareGroupOffsetsRequest()
	if len(names) == 0 || !q.hears(request, 1) {
		return nil
	}
	for _, name := range names {
		g := kmsg.NewDescribeShareGroupOffsetsRequestGroup()
		g.GroupID, g.Topics = name, nil // all
		request.Groups = append(request.Groups, g)
	}
	answer, err := q.broker.RetriableRequest(q.ctx, request)
	if err != nil {
		refused.add("describe offsets of share groups", err)
		return nil
	}
	out := map[string]map[at]int64{}
	for _, g := range answer.(*kmsg.DescribeShareGroupOffsetsResponse).Groups {
		if !described(g.GroupID, g.ErrorCode, refused) {
			continue
		}
		out[g.GroupID] = map[at]int64{}
		for _, t := range g.Topics {
			for _, p := range t.Partitions {
				if kerr.ErrorForCode(p.ErrorCode) == nil && p.Lag >= 0 {
					out[g.GroupID][at{t.Topic, p.Partition}] = p.Lag
				}
			}
		}
	}
	return out
}
