package rocketmq

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/weirmq/weir/collect/lag"
	"github.com/weirmq/weir/collect/rocketmq/remoting"
)

// question is what one broker is asked in one poll.
type question struct {
	ctx     context.Context
	broker  remoting.Broker
	cluster *cluster
	now     func() time.Time
	tells   bool       // whether it is asked for producers, too
	mu      sync.Mutex // of answers, while several requests are under way
	answers answers
}

// answers are what one broker said. What it did not say is not there.
type answers struct {
	broker
	answered  bool // whether the broker answers at all
	roundTrip time.Duration
	info      remoting.RuntimeInfo
	topics    map[string]bool // all of them; nil where it did not say
	ends      map[remoting.Queue]lag.Ends
	groups    map[string]*group // all of them; nil where it did not say
	producers map[string][]remoting.Producer
	errs      []error // the first ones
	more      int     // how many further ones there were
}

// maxErrors is how many errors of a broker are told. Not smaller: the first ones may be of a single topic; not larger: who may not ask gets
// one for each of a thousand groups.
const maxErrors = 3

// told are the errors of a broker, and how many there were besides.
func (a *answers) told() []error {
	if a.more == 0 {
		return a.errs
	}
	return append(slices.Clip(a.errs), fmt.Errorf("%d more errors of broker %s", a.more, a.node))
}

// reason is why something is not known of the broker's queues: the first refusal, if there was one.
func (a *answers) reason() lag.Reason {
	if len(a.errs) > 0 {
		return reasonOf(a.errs[0])
	}
	return lag.Unreachable
}

func reasonOf(err error) lag.Reason {
	if errors.Is(err, remoting.ErrNoPermission) {
		return lag.NoPermission
	}
	return lag.Unreachable
}

// group is a consumer group, as one master knows it.
type group struct {
	enabled   bool
	known     bool // who is connected
	consumers remoting.Consumers
	commits   map[remoting.Queue]lag.Commit
	failed    error // why commits are missing; nil where all are there
}

// probeTime bounds the wait for a sign of life: what a name server knows, and a broker's state. Not smaller: one that collects garbage
// for a second is not gone; not larger: the poll has to ask the others too.
const probeTime = 2 * time.Second

// ask asks a broker, first for its state: one that does not answer is asked nothing more. Commits are asked for before ends: a lag is then
// too high by what came in between, and never negative.
func (q *question) ask() {
	a := &q.answers
	within, cancel := context.WithTimeout(q.ctx, probeTime)
	defer cancel()
	began := time.Now()
	var err error
	if a.info, err = q.broker.RuntimeInfo(within); err != nil {
		q.failed(err)
		return
	}
	a.answered, a.roundTrip = true, time.Since(began)
	if a.master() {
		q.groups()
		q.topics()
		if q.tells {
			q.clients()
		}
	}
}

func (q *question) failed(err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.answers.errs) == maxErrors {
		q.answers.more++
		return
	}
	q.answers.errs = append(q.answers.errs, err)
}

// groups asks for the groups, their members and commits.
func (q *question) groups() {
	configs, err := q.broker.Groups(q.ctx)
	if err != nil {
		q.failed(err)
		return
	}
	q.answers.groups = map[string]*group{}
	var names []string
	for name, config := range configs {
		if isGroup(name) {
			q.answers.groups[name] = &group{enabled: config.Enabled}
			names = append(names, name)
		}
	}
	inParallel(requestsAtOnce, len(names), func(i int) {
		g := q.answers.groups[names[i]]
		var err error
		if g.consumers, err = q.broker.ConsumerConnections(q.ctx, names[i]); err == nil || errors.Is(err, remoting.ErrOffline) {
			g.known = true
		} else {
			q.failed(err)
		}
		if g.consumers.Model != broadcasting {
			q.commits(names[i], g)
		}
	})
}

// broadcasting is the model of groups that keep their offsets at the clients: what the broker has of them means nothing.
const broadcasting = "BROADCASTING"

// commits asks for what a group has committed.
func (q *question) commits(name string, g *group) {
	var stats remoting.ConsumeStats
	if stats, g.failed = q.broker.ConsumeStats(q.ctx, name, ""); g.failed != nil {
		q.failed(g.failed)
		return
	}
	g.commits = make(map[remoting.Queue]lag.Commit, len(stats.Queues))
	for queue, offset := range stats.Queues {
		commit := lag.Commit{At: q.now(), Offset: offset.Commit, Owner: g.owner(queue.Topic), Paused: !g.enabled}
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

// topics asks for the ends of all queues.
func (q *question) topics() {
	configs, err := q.broker.TopicConfigs(q.ctx)
	if err != nil {
		q.failed(err)
		return
	}
	retention := q.retention()
	names := slices.DeleteFunc(slices.Collect(maps.Keys(configs)), func(name string) bool { return !q.cluster.isTopic(name) })
	q.answers.ends, q.answers.topics = map[remoting.Queue]lag.Ends{}, map[string]bool{}
	for _, name := range names {
		q.answers.topics[name] = true
	}
	inParallel(requestsAtOnce, len(names), func(i int) {
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
		for queue, held := range ranges {
			q.answers.ends[queue] = lag.Ends{At: at, Start: held.Min, End: held.Max, Retention: retention}
		}
	})
}

// retention is how long the broker keeps messages, 0 where it does not say.
func (q *question) retention() time.Duration {
	settings, err := q.broker.Settings(q.ctx)
	if err != nil {
		q.failed(err)
		return 0
	}
	hours, err := strconv.Atoi(settings[remoting.SettingRetentionHours])
	if err != nil || hours < 1 {
		q.failed(fmt.Errorf("read how long broker %s keeps messages: %s is %q, want a number of hours",
			q.answers.node, remoting.SettingRetentionHours, settings[remoting.SettingRetentionHours]))
		return 0
	}
	return time.Duration(hours) * time.Hour
}
