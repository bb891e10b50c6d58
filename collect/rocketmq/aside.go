package rocketmq

import (
	"strings"
	"time"

	"github.com/weirmq/weir/collect"
	"github.com/weirmq/weir/collect/lag"
	"github.com/weirmq/weir/remoting"
	"github.com/weirmq/weir/telemetry"
)

// isAside says that a topic is a group's own: RocketMQ has one for messages that a consumer failed, which the group consumes again (and one more for each
// topic that it pops), and one for those that it failed too often, which nobody consumes. It has no rates and no lag of its own.
func isAside(topic string) bool {
	return remoting.IsRetryTopic(topic) || strings.HasPrefix(topic, remoting.DeadLetterTopicPrefix)
}

// aside is what lies aside of a group's topics, at one master or at all.
type aside struct {
	retries known // messages to be consumed again
	dead    known // messages that are kept and nobody consumes
	// buried is how many there were of those since the topic was made, and pace how many came in a second since the poll before.
	buried, pace known
}

// known is a number that may not be known.
type known struct {
	value float64
	is    bool
}

// plus is the sum of two numbers, where both are known.
func (k known) plus(other known) known { return known{k.value + other.value, k.is && other.is} }

// setAside finds what lies aside of each group, once commits and ends are read. A queue that the group never committed it reads from its start.
func (q *question) setAside() {
	ends := map[string]map[remoting.Queue]lag.Ends{} // by topic
	for queue, e := range q.answers.aside {
		if ends[queue.Topic] == nil {
			ends[queue.Topic] = map[remoting.Queue]lag.Ends{}
		}
		ends[queue.Topic][queue] = e
	}
	for name, g := range q.answers.groups {
		topics := map[string]bool{remoting.RetryTopicPrefix + name: true}
		for queue := range g.retries {
			topics[queue.Topic] = true
		}
		retries := known{is: g.retries != nil && q.answers.topics != nil}
		for topic := range topics {
			retries = retries.plus(q.held(topic, ends[topic], func(queue remoting.Queue, e lag.Ends) int64 {
				return e.End - max(g.retries[queue], e.Start)
			}))
		}
		topic := remoting.DeadLetterTopicPrefix + name
		g.aside = aside{retries: retries,
			dead:   q.held(topic, ends[topic], func(_ remoting.Queue, e lag.Ends) int64 { return e.End - e.Start }),
			buried: q.held(topic, ends[topic], func(_ remoting.Queue, e lag.Ends) int64 { return e.End })}
	}
}

// held adds up what the queues of a topic hold. There is nothing in a topic that the master does not have.
func (q *question) held(topic string, queues map[remoting.Queue]lag.Ends, of func(remoting.Queue, lag.Ends) int64) known {
	if q.answers.topics == nil {
		return known{}
	}
	if !q.answers.topics[topic] {
		return known{is: true}
	}
	out := known{is: len(queues) > 0}
	for queue, e := range queues {
		out.value += float64(max(of(queue, e), 0))
	}
	return out
}

// grave is a group at a master.
type grave struct{ set, group string }

// burial is how many dead letters there had been when a poll asked.
type burial struct {
	at    time.Time
	count float64
}

// asides are what lies aside of each group at all masters. Where one does not answer, or a set of brokers has none, it is not known.
func (p *Poller) asides(c *cluster, all []answers, at time.Time) map[string]aside {
	out, seen := map[string]aside{}, map[grave]burial{}
	complete := len(c.masterless) == 0
	for i := range all {
		a := &all[i]
		if !a.master() {
			continue
		}
		complete = complete && a.groups != nil
		for name, g := range a.groups {
			here := g.aside
			if of := (grave{a.set, name}); here.buried.is {
				seen[of] = burial{at, here.buried.value}
				here.pace = p.burials[of].pace(seen[of])
			} else if before, any := p.burials[of]; any && at.Sub(before.at) < forgetAfter {
				seen[of] = before
			}
			if sum, any := out[name]; any {
				here = aside{sum.retries.plus(here.retries), sum.dead.plus(here.dead), sum.buried.plus(here.buried), sum.pace.plus(here.pace)}
			}
			out[name] = here
		}
	}
	p.burials = seen
	if !complete {
		return nil
	}
	return out
}

// pace is how many came in a second until now. Where there are fewer now, the topic was made again.
func (b burial) pace(now burial) known {
	elapsed := now.at.Sub(b.at).Seconds()
	if b.at.IsZero() || elapsed <= 0 || now.count < b.count {
		return known{}
	}
	return known{(now.count - b.count) / elapsed, true}
}

// gauges are those of what is known.
func (a aside) gauges() []telemetry.Gauge {
	var out []telemetry.Gauge
	for _, of := range []struct {
		gauge string
		known
	}{{telemetry.GaugeRetryLag, a.retries}, {telemetry.GaugeDeadLetters, a.dead}, {telemetry.GaugeDeadLetterRate, a.pace}} {
		if of.is {
			out = append(out, collect.Gauge(of.gauge, of.value))
		}
	}
	return out
}
