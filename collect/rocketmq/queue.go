package rocketmq

import (
	"cmp"
	"fmt"
	"time"

	"github.com/weirmq/weir/collect/lag"
	"github.com/weirmq/weir/remoting"
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
	seen       time.Time
	commit     int64
	looked     time.Time // when somebody asked how long its first unread message has been there
	unreadable time.Time // until when nobody asks: at all where that was refused, and else for the message at offset unsaid
	refused    error     // why; nil where nobody refused
	unsaid     int64
}

// forgetAfter is how long a queue or a group in it is remembered that no poll has seen. Not smaller: a broker that restarts takes minutes, and
// with the history go the ages; not larger: topics and groups that come and go by the thousand would stay in memory.
const forgetAfter = 10 * time.Minute

// maxFollowed bounds the queues in groups that are followed. Not smaller: large clusters have tens of thousands; not larger: with what is
// remembered of their queues they take 190 MB.
const maxFollowed = 100_000

// feed takes in the ends of queues and, after them, the commits of groups. What is remembered and could not be read is unknown, and it is
// gone where its broker says so. The error says how many queues in groups are not followed.
func (p *Poller) feed(all []answers) error {
	masters := map[string]*answers{}
	beyond := 0
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
		for name, g := range a.groups {
			beyond += p.commits(name, g)
		}
	}
	for name, q := range p.queues {
		a := masters[name.Broker]
		if a == nil {
			a = &answers{} // nobody takes messages there now
		}
		if _, read := a.ends[name]; !read && !a.unasked[name.Topic] {
			if a.topics != nil && !a.topics[name.Topic] {
				p.drop(name)
				continue
			}
			q.rated = false
			q.log.Poll(lag.Ends{Failed: a.reason()})
		}
		p.followed -= q.unseen(name, a)
	}
	if beyond > 0 {
		return fmt.Errorf("%d queues of groups are not followed: a collector follows at most %d in a cluster", beyond, maxFollowed)
	}
	return nil
}

// drop forgets a queue.
func (p *Poller) drop(name remoting.Queue) {
	p.followed -= len(p.queues[name].groups)
	delete(p.queues, name)
}

// commits takes in what a group committed. A queue whose ends were never read has no lag yet.
func (p *Poller) commits(group string, g *group) (beyond int) {
	for name, commit := range g.commits {
		q := p.queues[name]
		switch {
		case q == nil:
			continue
		case q.groups[group] != nil:
		case p.followed >= maxFollowed:
			beyond++
			continue
		default:
			p.followed++
		}
		q.commit(group, commit)
	}
	return beyond
}

// unseen goes through the groups of which this poll read no commit: what they committed is not known, or is no more. It returns how many
// are forgotten.
func (q *queue) unseen(name remoting.Queue, a *answers) (forgotten int) {
	for group, r := range q.groups {
		g := a.groups[group]
		switch {
		case g == nil && a.groups == nil:
			r.Poll(lag.Commit{Failed: a.reason()})
		case g == nil || g.commits[name].At.IsZero() && g.failed == nil && !g.unasked:
			delete(q.groups, group) // the group, or what it committed, is no more
			forgotten++
		case g.commits[name].At.IsZero() && g.failed != nil:
			r.Poll(lag.Commit{Failed: reasonOf(g.failed)})
		}
	}
	return forgotten
}

// poll takes in the ends of a queue. One whose end fell was made again, and has no rate. The history of a queue that no group reads is not
// kept.
func (q *queue) poll(ends lag.Ends) {
	elapsed := ends.At.Sub(q.ends.At)
	if q.rated = !q.ends.At.IsZero() && elapsed > 0 && ends.End >= q.ends.End; q.rated {
		q.rate = float64(ends.End-q.ends.End) / elapsed.Seconds()
	}
	q.ends = ends
	if len(q.groups) > 0 {
		q.log.Poll(ends)
	}
}

// commit takes in what a group committed.
func (q *queue) commit(group string, commit lag.Commit) {
	if len(q.groups) == 0 {
		q.log = lag.Log{}
		q.log.Poll(q.ends)
	}
	if q.groups[group] == nil {
		q.groups[group] = &reader{Partition: lag.Spaced(&q.log, q.spacing)}
	}
	r := q.groups[group]
	r.Poll(commit)
	r.seen, r.commit = commit.At, commit.Offset
}

// forget lets go of what no poll has seen for long.
func (p *Poller) forget(at time.Time) {
	for name, q := range p.queues {
		for group, r := range q.groups {
			if at.Sub(r.seen) > forgetAfter {
				delete(q.groups, group)
				p.followed--
			}
		}
		if at.Sub(q.ends.At) > forgetAfter {
			p.drop(name)
		}
	}
}

// lags are what is known of each group in the queues that are remembered, by group and topic.
func (p *Poller) lags(now time.Time) assessments {
	out := assessments{}
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
