package rocketmq

import (
	"errors"
	"maps"
	"slices"

	"github.com/weirmq/weir/collect"
	"github.com/weirmq/weir/collect/lag"
	"github.com/weirmq/weir/remoting"
)

// group is a consumer group, as one master knows it.
type group struct {
	enabled   bool
	suspended map[remoting.Queue]suspension
	known     bool // who is connected
	consumers remoting.Consumers
	commits   map[remoting.Queue]lag.Commit
	retries   map[remoting.Queue]int64 // commits in its retry topics; nil: not known
	unasked   bool                     // it was not its turn, and commits stay as they were
	aside     aside
	failed    error // why commits are missing; nil where all are there
}

// broadcasting is the model of groups that keep their offsets at the clients: what the broker has of them means nothing.
const broadcasting = "BROADCASTING"

// groups asks for the groups, their members and commits. Members are asked for group by group, by turns; commits for all at once.
func (q *question) groups(topics map[string]remoting.TopicConfig) {
	configs, err := q.broker.Groups(q.ctx)
	if err != nil {
		q.failed(err)
		return
	}
	q.answers.groups = map[string]*group{}
	for name, config := range configs {
		if isGroup(name) {
			q.answers.groups[name] = &group{enabled: config.Enabled, suspended: q.suspended[name]}
		}
	}
	names := slices.Sorted(maps.Keys(q.answers.groups))
	maps.DeleteFunc(q.memory.members, func(name string, _ *members) bool { return q.answers.groups[name] == nil })
	turn, later := q.memory.turns(len(names), groupsPerPoll, groupTurns).whose(names, func(name string) bool { return q.memory.members[name] != nil })
	q.leave("groups", later)
	q.members(turn)
	for name, g := range q.answers.groups {
		if said := q.memory.members[name]; said != nil {
			g.known, g.consumers = said.known, said.Consumers
		} else {
			g.unasked = true
		}
	}
	if q.commitsAtOnce(topics) {
		q.stored(turn)
	} else {
		q.commitsOneByOne(turn)
	}
}

// members asks who is in groups.
func (q *question) members(names []string) {
	collect.AskEach(requestsAtOnce, len(names), func(i int) {
		consumers, err := q.broker.ConsumerConnections(q.ctx, names[i])
		known := err == nil || errors.Is(err, remoting.ErrOffline)
		if !known {
			q.failed(err)
		}
		q.mu.Lock()
		defer q.mu.Unlock()
		q.memory.members[names[i]] = &members{known, consumers}
	})
}

// owner says whether a live member reads a topic. Which queue it reads it alone knows.
func (g *group) owner(topic string) lag.Owner {
	if !g.known {
		return lag.OwnerUnknown
	}
	if _, reads := g.consumers.Subscriptions[topic]; reads && len(g.consumers.Connections) > 0 {
		return lag.Owned
	}
	return lag.Unowned
}

// left says that members are there, and none of them reads a topic: what the group committed of it once is of no account, as for the
// broker itself where it is asked for a single group.
func (g *group) left(topic string) bool {
	_, reads := g.consumers.Subscriptions[topic]
	return g.known && len(g.consumers.Subscriptions) > 0 && !reads
}

// commit is what a group committed of a queue.
func (q *question) commit(g *group, queue remoting.Queue, offset int64) lag.Commit {
	return lag.Commit{At: q.now(), Offset: offset, Owner: g.owner(queue.Topic), Paused: g.isPaused(queue, offset)}
}
