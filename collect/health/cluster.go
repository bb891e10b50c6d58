package health

import (
	"time"

	"github.com/weirmq/weir/telemetry"
)

// Poll is how one poll of a cluster went.
type Poll struct {
	At      time.Time
	Reports []telemetry.Report // all of one cluster; they are not kept
	Err     error              // what was not found out; nil where all was
}

// Cluster is what polls of one cluster have said. Its methods are called one at a time.
type Cluster struct {
	name     string
	interval time.Duration
	newest   *seen     // nil before the first poll that found something out
	at       time.Time // when that was
	failed   int       // polls since then that found nothing out
	err      error     // of the newest poll
	writes   slots     // messages per second, of all topics
	topics   map[string]*topicPast
	nodes    map[string]*slots // slowest round trips, seconds
}

// topicPast is five minutes of a topic.
type topicPast struct {
	rates, skews slots
	most         int // partitions with a rate, as many as there were
}

// NewCluster returns a cluster by its name that is polled at an interval.
func NewCluster(name string, interval time.Duration) *Cluster {
	return &Cluster{name: name, interval: interval, topics: map[string]*topicPast{}, nodes: map[string]*slots{}}
}

// Take takes a poll in. One without reports changes nothing of what was known, but for that it found nothing out.
func (c *Cluster) Take(p Poll) {
	c.err = p.Err
	if len(p.Reports) == 0 {
		c.failed++
		return
	}
	c.failed, c.at, c.newest = 0, p.At, read(&p)
	c.takeTopics(p.At)
	for name, n := range c.newest.nodes {
		if n.slowest > 0 {
			past(c.nodes, name).raise(p.At, n.slowest)
		}
	}
	for name, t := range c.topics {
		if t.rates.gone(p.At) {
			delete(c.topics, name)
		}
	}
	for name, s := range c.nodes {
		if s.gone(p.At) {
			delete(c.nodes, name)
		}
	}
}

// TakeProbes takes in what probes between polls said, such as canaries: how slow heartbeats are. How many failed polls say.
func (c *Cluster) TakeProbes(at time.Time, reports []telemetry.Report) {
	for i := range reports {
		r := &reports[i]
		if r.Labels.Op == "probe" && r.Labels.Node != "" && r.HeartbeatMicros.Count() > 0 && len(c.nodes) < MaxThings {
			past(c.nodes, r.Labels.Node).raise(at, slowest(&r.HeartbeatMicros))
		}
	}
}

// takeTopics takes rates in, where they are those of all partitions of a topic: a sum that lacks one is no fall in traffic.
func (c *Cluster) takeTopics(at time.Time) {
	all, sum := true, 0.0
	for name, t := range c.newest.topics {
		if !c.whole(name, t) {
			all = false
			continue
		}
		known := past(c.topics, name)
		known.most = t.rates.count
		known.rates.add(at, t.rates.sum)
		if skew, ok := t.skew(); ok {
			known.skews.add(at, skew)
		}
		sum += t.rates.sum
	}
	if all && len(c.missing()) == 0 {
		c.writes.add(at, sum)
	}
}

// missing are topics that had rates and are not in a poll that did not find all out.
func (c *Cluster) missing() []string {
	var out []string
	for name := range c.topics {
		if c.newest.incomplete && c.newest.topics[name] == nil {
			out = append(out, name)
		}
	}
	return out
}

// whole says that all partitions of a topic have a rate. Where replicas are not told of, as of RocketMQ, as many as ever must, unless
// the poll found all out.
func (c *Cluster) whole(name string, t *topicSeen) bool {
	if t.partitions > 0 {
		return t.rates.count == t.partitions
	}
	known := c.topics[name]
	return t.rates.count > 0 && (!c.newest.incomplete || known == nil || t.rates.count >= known.most)
}

// skew is how many times the mean of its partitions the busiest one takes.
func (t *topicSeen) skew() (times float64, ok bool) {
	if t.rates.count < leastSkewPartitions || t.rates.sum <= 0 {
		return 0, false
	}
	return t.rates.most.value * float64(t.rates.count) / t.rates.sum, true
}

// past finds what is kept of a thing, or begins it.
func past[T any](all map[string]*T, name string) *T {
	if all[name] == nil {
		all[name] = new(T)
	}
	return all[name]
}
