package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// sessionMillis is the longest session that a broker grants without being told to (group.max.session.timeout.ms). Members live as long without a
// heartbeat: longer than anything is measured.
const sessionMillis = 1_800_000

// members is how many members a group has: each second group that may have two has one.
func (c *largeCommand) members(group int) int {
	if c.Members == 2 && group%2 == 1 {
		return 1
	}
	return c.Members
}

// joinKafka has the groups joined by members, without a client that would keep them alive: what a coordinator tells of them is the same.
func (c *largeCommand) joinKafka(ctx context.Context, addr string) error {
	errs := make([]error, sendersAtOnce)
	var senders sync.WaitGroup
	for s := range sendersAtOnce {
		senders.Go(func() {
			var connections []*kgo.Client // one for each member: a broker answers a connection's requests one after the other
			defer func() {
				for _, client := range connections {
					client.Close()
				}
			}()
			for i := range c.Members {
				client, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.ClientID("reader-"+strconv.Itoa(i)))
				if err != nil {
					errs[s] = err
					return
				}
				connections = append(connections, client)
			}
			for i := s; i < c.Groups && errs[s] == nil; i += sendersAtOnce {
				if err := c.joinGroup(ctx, connections[:c.members(i)], i); err != nil {
					errs[s] = fmt.Errorf("join group %s: %w", c.group(i), err)
				}
			}
		})
	}
	senders.Wait()
	return errors.Join(errs...)
}

// kafkaMember is one of a group that comes together.
type kafkaMember struct {
	broker *kgo.Broker
	group  string
	topics []string // that it subscribes to
	id     string   // by which the coordinator knows it
	// joined is what the coordinator said last. Who leads is told of all members.
	joined *kmsg.JoinGroupResponse
}

// joinGroup has one member after the other come in. With each that comes those that are there join again, as the coordinator wants. Who leads gives each a
// share of the partitions.
func (c *largeCommand) joinGroup(ctx context.Context, connections []*kgo.Client, group int) error {
	var all []*kafkaMember
	for _, client := range connections {
		m := &kafkaMember{broker: client.SeedBrokers()[0], group: c.group(group)}
		for i := range c.Each {
			m.topics = append(m.topics, c.topic(group*c.Each+i))
		}
		all = append(all, m)
		errs := make([]error, len(all))
		var joining sync.WaitGroup
		for i := range all {
			joining.Go(func() { errs[i] = all[i].join(ctx, len(all)) })
		}
		if joining.Wait(); errors.Join(errs...) != nil {
			return errors.Join(errs...)
		}
	}
	if len(all) == 0 {
		return nil
	}
	shares := c.shares(all)
	if err := all[0].sync(ctx, shares); err != nil {
		return err
	}
	for _, m := range all[1:] {
		if err := m.sync(ctx, nil); err != nil {
			return err
		}
	}
	return nil
}

// join joins, or joins again, until as many have as shall.
func (m *kafkaMember) join(ctx context.Context, members int) error {
	for {
		request := kmsg.NewPtrJoinGroupRequest()
		request.Group, request.MemberID, request.ProtocolType = m.group, m.id, "consumer"
		request.SessionTimeoutMillis, request.RebalanceTimeoutMillis = sessionMillis, sessionMillis
		subscribes := kmsg.NewConsumerMemberMetadata()
		subscribes.Version, subscribes.Topics = 1, m.topics
		protocol := kmsg.NewJoinGroupRequestProtocol()
		protocol.Name, protocol.Metadata = "range", subscribes.AppendTo(nil)
		request.Protocols = []kmsg.JoinGroupRequestProtocol{protocol}
		answer, err := m.broker.Request(ctx, request)
		if err != nil {
			return err
		}
		m.joined = answer.(*kmsg.JoinGroupResponse)
		m.id = m.joined.MemberID
		switch err := kerr.ErrorForCode(m.joined.ErrorCode); {
		case errors.Is(err, kerr.MemberIDRequired):
		case err != nil:
			return err
		case m.joined.LeaderID != m.id || len(m.joined.Members) == members:
			return nil
		}
	}
}

// shares are what members are given: every second partition of each where there are two.
func (c *largeCommand) shares(all []*kafkaMember) []kmsg.SyncGroupRequestGroupAssignment {
	var out []kmsg.SyncGroupRequestGroupAssignment
	for i, m := range all {
		assigned := kmsg.NewConsumerMemberAssignment()
		for j, topic := range m.topics {
			of := kmsg.NewConsumerMemberAssignmentTopic()
			of.Topic = topic
			for p := range c.Queues {
				if (j*c.Queues+p)%len(all) == i {
					of.Partitions = append(of.Partitions, int32(p))
				}
			}
			if len(of.Partitions) > 0 {
				assigned.Topics = append(assigned.Topics, of)
			}
		}
		share := kmsg.NewSyncGroupRequestGroupAssignment()
		share.MemberID, share.MemberAssignment = m.id, assigned.AppendTo(nil)
		out = append(out, share)
	}
	return out
}

// sync is told its share of the partitions, or tells all of theirs.
func (m *kafkaMember) sync(ctx context.Context, shares []kmsg.SyncGroupRequestGroupAssignment) error {
	request := kmsg.NewPtrSyncGroupRequest()
	protocolType, protocol := "consumer", "range"
	request.Group, request.MemberID, request.Generation = m.group, m.id, m.joined.Generation
	request.ProtocolType, request.Protocol, request.GroupAssignment = &protocolType, &protocol, shares
	answer, err := m.broker.Request(ctx, request)
	if err != nil {
		return err
	}
	return kerr.ErrorForCode(answer.(*kmsg.SyncGroupResponse).ErrorCode)
}
