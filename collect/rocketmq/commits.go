package rocketmq

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/weirmq/weir/collect"
	"github.com/weirmq/weir/collect/lag"
	"github.com/weirmq/weir/remoting"
)

// commitsAtOnce asks for what all groups have committed, and says whether that was answered. Who may not ask, or whose table is too long
// for an answer, is to ask group by group, and says so as long.
func (q *question) commitsAtOnce(topics map[string]remoting.TopicConfig) bool {
	refused := &q.memory.oneByOne
	if !refused.holds(q.now()) {
		table, err := q.broker.ConsumerOffsets(q.ctx)
		if err == nil {
			q.table(table, topics)
			return true
		}
		if q.ctx.Err() != nil {
			q.failed(err)
			return false
		}
		refused.begin(q.now(), err)
	}
	q.failed(fmt.Errorf("%w; it is asked group by group, at most %d groups in a poll or all within %d polls", refused.why, groupsPerPoll, groupTurns))
	return false
}

// maxListed bounds the queues in groups of one master whose commits are listed, those too that were never committed: the configuration of
// a topic says how many these are. Not smaller: five times as many as are followed; not larger: each takes a hundred bytes.
const maxListed = 5 * maxFollowed

// table takes in the offsets of all groups.
func (q *question) table(table map[remoting.Reading]map[remoting.QueueID]int64, topics map[string]remoting.TopicConfig) {
	for _, g := range q.answers.groups {
		if !g.unasked {
			g.commits, g.retries = map[remoting.Queue]lag.Commit{}, map[remoting.Queue]int64{}
		}
	}
	listed, beyond := 0, 0
	for reading, offsets := range table {
		g := q.answers.groups[reading.Group]
		config, there := topics[reading.Topic]
		if g == nil || g.unasked || !there && topics != nil {
			continue
		}
		if remoting.IsRetryTopic(reading.Topic) {
			for id, offset := range offsets {
				g.retries[q.queue(reading.Topic, int(id))] = offset
			}
			continue
		}
		if !q.cluster.isTopic(reading.Topic) || g.consumers.Model == broadcasting || g.left(reading.Topic) {
			continue
		}
		if listed += config.Read; listed > maxListed {
			beyond++
			continue
		}
		for id := range config.Read { // a queue that is not in the table was never committed
			queue := q.queue(reading.Topic, id)
			g.commits[queue] = q.commit(g, queue, lag.NoOffset)
		}
		for id, offset := range offsets {
			if queue := q.queue(reading.Topic, int(id)); topics == nil || queue.ID < config.Read {
				g.commits[queue] = q.commit(g, queue, offset)
			}
		}
	}
	if beyond > 0 {
		q.failed(fmt.Errorf("what groups have committed of %d topics at %s is left out: they have %d queues, at most %d are listed", beyond, q.answers.node, listed, maxListed))
	}
}

func (q *question) queue(topic string, id int) remoting.Queue {
	return remoting.Queue{Topic: topic, Broker: q.answers.set, ID: id}
}

// stored asks, for groups that have left messages unread, when the last message that they have read was stored: the table does not say.
// The ends are those of the poll before.
func (q *question) stored(names []string) {
	var behind []string
	topics := map[string][]string{}
	for _, name := range names {
		for queue, commit := range q.answers.groups[name].commits {
			if known := q.queues[queue]; known != nil && commit.Offset > 0 && commit.Offset < known.ends.End && !slices.Contains(topics[name], queue.Topic) {
				topics[name] = append(topics[name], queue.Topic)
			}
		}
		if topics[name] != nil {
			behind = append(behind, name)
		}
	}
	collect.AskEach(requestsAtOnce, len(behind), func(i int) {
		stats, err := q.broker.ConsumeStatsOf(q.ctx, behind[i], topics[behind[i]])
		if err != nil {
			q.failed(err)
			return
		}
		commits := q.answers.groups[behind[i]].commits
		for queue, offset := range stats {
			if commit, known := commits[queue]; known && offset.CommitMillis > 0 && commit.Offset == offset.Commit {
				commit.LastStored = time.UnixMilli(offset.CommitMillis)
				commits[queue] = commit
			}
		}
	})
}

// commitsOneByOne asks for what single groups have committed, where it cannot be asked for at once.
func (q *question) commitsOneByOne(turn []string) {
	for _, g := range q.answers.groups {
		g.unasked = true
	}
	collect.AskEach(requestsAtOnce, len(turn), func(i int) { q.commits(turn[i], q.answers.groups[turn[i]]) })
}

// commits asks for what a group has committed.
func (q *question) commits(name string, g *group) {
	g.unasked = false
	if g.consumers.Model == broadcasting {
		return
	}
	var stats remoting.ConsumeStats
	if stats, g.failed = q.broker.ConsumeStats(q.ctx, name, ""); g.failed != nil {
		q.failed(g.failed)
		return
	}
	g.commits, g.retries = make(map[remoting.Queue]lag.Commit, len(stats.Queues)), map[remoting.Queue]int64{}
	for queue, offset := range stats.Queues {
		if remoting.IsRetryTopic(queue.Topic) {
			g.retries[queue] = offset.Commit // 0 where there is none, as the consumers have it, too
			continue
		}
		if !q.cluster.isTopic(queue.Topic) {
			continue
		}
		commit := q.commit(g, queue, offset.Commit)
		if offset.CommitMillis > 0 {
			commit.LastStored = time.UnixMilli(offset.CommitMillis)
		}
		if offset.Commit == 0 && offset.End > 0 { // this may mean that there is none; of an empty queue nothing is unread either way
			_, err := q.broker.QueryOffset(q.ctx, name, queue.Topic, queue.ID)
			if errors.Is(err, remoting.ErrNeverCommitted) {
				commit.Offset = lag.NoOffset
			} else if err != nil {
				g.failed = err
				q.failed(err)
				continue
			}
		}
		g.commits[queue] = commit
	}
}
