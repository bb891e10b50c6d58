package rocketmq

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/weirmq/weir/collect"
	"github.com/weirmq/weir/collect/lag"
	"github.com/weirmq/weir/remoting"
)

// topicsAtOnce is how many topics are asked for their ends in one request, and queuesAtOnce how many queues they may have: an answer has up to
// 260 bytes for each. Not smaller: ten thousand topics would take hundreds of requests; not larger: an answer would be longer than
// RocketMQ takes.
const (
	topicsAtOnce = 500
	queuesAtOnce = 20_000
)

// topics asks for all topics. It returns nil where the broker does not say.
func (q *question) topics() map[string]remoting.TopicConfig {
	configs, err := q.broker.TopicConfigs(q.ctx)
	if err != nil {
		q.failed(err)
		return nil
	}
	maps.DeleteFunc(configs, func(name string, _ remoting.TopicConfig) bool { return !q.cluster.isTopic(name) && !isAside(name) })
	q.bounded(configs)
	q.answers.topics = make(map[string]bool, len(configs))
	for name := range configs {
		q.answers.topics[name] = true
	}
	return configs
}

// bounded leaves out topics that are said to have more queues than one can have: there would be an entry for each.
func (q *question) bounded(configs map[string]remoting.TopicConfig) {
	maps.DeleteFunc(configs, func(name string, config remoting.TopicConfig) bool {
		if config.Read >= 0 && config.Read <= remoting.MaxQueues {
			return false
		}
		q.failed(fmt.Errorf("topic %s is not followed at %s: it is said to have %d queues to read, allowed are 0 to %d",
			name, q.answers.node, config.Read, remoting.MaxQueues))
		return true
	})
}

// ends asks for the ends of all queues. A master that has few topics is asked topic by topic, for their starts with them. Of one that has
// many the starts are asked for by turns, and the ends of the others at once; or the ends by turns as well, where the broker cannot.
func (q *question) ends() {
	if q.answers.topics == nil {
		return
	}
	q.answers.ends, q.answers.aside, q.answers.unasked = map[remoting.Queue]lag.Ends{}, map[remoting.Queue]lag.Ends{}, map[string]bool{}
	maps.DeleteFunc(q.memory.starts, func(name string, _ map[remoting.QueueID]int64) bool { return !q.answers.topics[name] })
	names := slices.Sorted(maps.Keys(q.answers.topics))
	asked := func(name string) bool { return q.memory.starts[name] != nil }
	turns := q.memory.turns(len(names), startsPerPoll, startTurns)
	if q.memory.noEnds.holds(q.now()) {
		turns = q.memory.turns(len(names), topicsPerPoll, topicTurns)
	}
	turn, later := turns.whose(names, asked)
	q.leave("topics", later)
	for _, name := range names {
		q.answers.unasked[name] = true
	}
	for _, name := range turn {
		delete(q.answers.unasked, name)
	}
	retention := q.retention()
	q.endsOneByOne(turn, retention)
	if !q.memory.noEnds.holds(q.now()) {
		q.endsAtOnce(slices.DeleteFunc(names, func(name string) bool { return !q.answers.unasked[name] || !asked(name) }), retention)
	}
	if q.memory.noEnds.holds(q.now()) && !errors.Is(q.memory.noEnds.why, remoting.ErrUnsupported) { // before 5.3.2 it is no fault
		q.failed(fmt.Errorf("%w; topics are asked one by one, at most %d in a poll or all within %d polls", q.memory.noEnds.why, topicsPerPoll, topicTurns))
	}
}

// endsOneByOne asks for the starts and ends of topics.
func (q *question) endsOneByOne(names []string, retention time.Duration) {
	collect.AskEach(requestsAtOnce, len(names), func(i int) {
		ranges, err := q.broker.TopicStats(q.ctx, names[i])
		if errors.Is(err, remoting.ErrNoTopic) {
			return // deleted meanwhile
		}
		if err != nil {
			q.failed(err)
			return
		}
		at := q.now()
		q.mu.Lock()
		defer q.mu.Unlock()
		starts := make(map[remoting.QueueID]int64, len(ranges))
		for queue, held := range ranges {
			starts[remoting.QueueID(queue.ID)] = held.Min
			q.ended(queue, lag.Ends{At: at, Start: held.Min, End: held.Max, Retention: retention})
		}
		q.memory.starts[names[i]] = starts
	})
}

// endsAtOnce asks for the ends of topics whose starts are known.
func (q *question) endsAtOnce(names []string, retention time.Duration) {
	requests := q.memory.requests(names)
	collect.AskEach(requestsAtOnce, len(requests), func(i int) {
		ends, err := q.broker.TopicEnds(q.ctx, requests[i])
		if err != nil && q.ctx.Err() != nil {
			q.failed(err)
			return
		}
		at := q.now()
		q.mu.Lock()
		defer q.mu.Unlock()
		if err != nil {
			q.memory.noEnds.begin(at, err)
			return
		}
		changed := map[string]bool{}
		for queue, end := range ends {
			start, known := q.memory.starts[queue.Topic][remoting.QueueID(queue.ID)]
			if !known || end < start {
				changed[queue.Topic] = true
				continue
			}
			delete(q.answers.unasked, queue.Topic)
			q.ended(queue, lag.Ends{At: at, Start: start, End: end, Retention: retention})
		}
		for topic := range changed { // it has more queues than it had, or is another of this name: the next poll asks for all of it
			delete(q.memory.starts, topic)
			q.answers.unasked[topic] = true
		}
	})
}

// requests are topics as they are asked for their ends.
func (m *memory) requests(names []string) [][]string {
	var out [][]string
	queues := 0
	for _, name := range names {
		queues += len(m.starts[name])
		if len(out) == 0 || len(out[len(out)-1]) == topicsAtOnce || queues > queuesAtOnce {
			out, queues = append(out, nil), len(m.starts[name])
		}
		out[len(out)-1] = append(out[len(out)-1], name)
	}
	return out
}

// ended takes in the ends of a queue.
func (q *question) ended(queue remoting.Queue, ends lag.Ends) {
	if isAside(queue.Topic) {
		q.answers.aside[queue] = ends
		return
	}
	q.answers.ends[queue] = ends
}
