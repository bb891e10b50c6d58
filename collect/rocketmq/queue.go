package rocketmq

import (
	"cmp"
	"time"

	"github.com/weirmq/weir/collect/lag"
	"github.com/weirmq/weir/collect/rocketmq/remoting"
)

// queue is what is remembered of one from poll to poll.
type queue struct {
	log    lag.Log
	ends   lag.Ends // of the newest poll
	rate   float64  // messages written per second, between the newest two polls
	rated  bool     // whether the rate is known
	groups map[string]*reader
	// spacing is how far apart the commits are that states are found from.
	spacing time.Duration
}

// reader is a group in a queue.
type reader struct {
	*lag.Partition
	seen time.Time
}

// forgetAfter is how long a queue or a group in it is remembered that no poll has seen. Not smaller: a broker that restarts takes minutes, and
// with the history go the ages; not larger: topics and groups that come and go by the thousand would stay in memory.
const forgetAfter = 10 * time.Minute

// feed takes in the ends of queues and, after them, the commits of groups. What is remembered and could not be read is unknown, and it is
// gone where its broker says so.
func (p *Poller) feed(all []answers) {
	masters := map[string]*answers{}
	for i := range all {
		a := &all[i]
		if a.master() {
			masters[a.set] = a
		}
		for name, ends := range a.ends {
			if p.queues[name] == nil {
				p.queues[name] = &queue{groups: map[string]*reader{}, spacing: cmp.Or(p.config.StateSpacing, lag.DefaultSpacing)}
			}
			p.queues[name].poll(ends)
		}
	}
	for name, q := range p.queues {
		a := masters[name.Broker]
		if a == nil {
			a = &answers{} // nobody takes messages there now
		}
		if _, read := a.ends[name]; !read {
			if a.topics != nil && !a.topics[name.Topic] {
				delete(p.queues, name)
				continue
			}
			q.rated = false
			q.log.Poll(lag.Ends{Failed: a.reason()})
		}
		q.commits(name, a)
	}
}

// commits takes in what all groups committed of a queue, by what its master says.
func (q *queue) commits(name remoting.Queue, a *answers) {
	for group, g := range a.groups {
		if commit, read := g.commits[name]; read {
			q.commit(group, commit)
		}
	}
	for group, r := range q.groups {
		g := a.groups[group]
		switch {
		case g == nil && a.groups == nil:
			r.Poll(lag.Commit{Failed: a.reason()})
		case g == nil || g.commits[name].At.IsZero() && g.failed == nil:
			delete(q.groups, group) // the group, or what it committed, is no more
		case g.commits[name].At.IsZero():
			r.Poll(lag.Commit{Failed: reasonOf(g.failed)})
		}
	}
}

// poll takes in the ends of a queue. One whose end fell was made again, and has no rate.
func (q *queue) poll(ends lag.Ends) {
	elapsed := ends.At.Sub(q.ends.At)
	if q.rated = !q.ends.At.IsZero() && elapsed > 0 && ends.End >= q.ends.End; q.rated {
		q.rate = float64(ends.End-q.ends.End) / elapsed.Seconds()
	}
	q.ends = ends
	q.log.Poll(ends)
}

// commit takes in what a group committed.
func (q *queue) commit(group string, commit lag.Commit) {
	if q.groups[group] == nil {
		q.groups[group] = &reader{Partition: lag.Spaced(&q.log, q.spacing)}
	}
	q.groups[group].Poll(commit)
	q.groups[group].seen = commit.At
}

// forget lets go of what no poll has seen for long.
func (p *Poller) forget(at time.Time) {
	for name, q := range p.queues {
		for group, r := range q.groups {
			if at.Sub(r.seen) > forgetAfter {
				delete(q.groups, group)
			}
		}
		if at.Sub(q.ends.At) > forgetAfter {
			delete(p.queues, name)
		}
	}
}

// lags are what is known of each group in the queues that are remembered, by group and topic.
func (p *Poller) lags(now time.Time) map[string]map[string]map[remoting.Queue]lag.Assessment {
	out := map[string]map[string]map[remoting.Queue]lag.Assessment{}
	for name, q := range p.queues {
		for group, r := range q.groups {
			if out[group] == nil {
				out[group] = map[string]map[remoting.Queue]lag.Assessment{}
			}
			if out[group][name.Topic] == nil {
				out[group][name.Topic] = map[remoting.Queue]lag.Assessment{}
			}
			out[group][name.Topic][name] = r.At(now)
		}
	}
	return out
}

// masterless is how many queues have no broker that takes messages, and whether that is known: of a set of brokers that had no master from
// the first poll on, nobody has told its queues.
func (p *Poller) masterless(c *cluster) (queues int, known bool) {
	for _, set := range c.masterless {
		before := queues
		for name := range p.queues {
			if name.Broker == set {
				queues++
			}
		}
		if queues == before {
			return 0, false
		}
	}
	return queues, true
}
