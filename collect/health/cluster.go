package health

import (
	"maps"
	"time"

	"github.com/weirmq/weir/telemetry"
)

// Poll is how one poll of a cluster went.
type Poll struct {
	At      time.Time
	Reports []telemetry.Report // all of one cluster; they are not kept
	Err     error              // what was not found out; nil where all was
}

// rocketmq is the label system of clusters that have neither replicas in sync nor controllers, as reports have them.
const rocketmq = "rocketmq"

// Cluster is what polls of one cluster have said. Its methods are called one at a time.
type Cluster struct {
	name     string
	interval time.Duration
	newest   *seen     // nil before the first poll that found something out
	at       time.Time // when that was
	failed   int       // polls since then that found nothing out
	err      error     // of the newest poll
	writes   slots     // messages per second, of all topics
	counted  int       // topics in the newest of them
	topics   map[string]*topicPast
	nodes    map[string]*slots // slowest round trips, seconds
	// deadLetters are messages per second that came to the dead-letter topics of groups.
	deadLetters map[string]*slots
}

// NewCluster returns a cluster by its name that is polled at an interval.
func NewCluster(name string, interval time.Duration) *Cluster {
	return &Cluster{name: name, interval: interval, topics: map[string]*topicPast{}, nodes: map[string]*slots{}, deadLetters: map[string]*slots{}}
}

// Take takes a poll in. One without reports changes nothing of what was known, but for that it found nothing out.
func (c *Cluster) Take(p Poll) {
	c.err = p.Err
	if len(p.Reports) == 0 {
		c.failed++
		return
	}
	c.failed, c.at, c.newest = 0, p.At, read(p.Reports)
	c.takeTopics(p.At)
	for name, n := range c.newest.nodes {
		if n.slowest > 0 {
			past(c.nodes, name).raise(p.At, n.slowest)
		}
	}
	for name, g := range c.newest.groups {
		if rate, ok := g.gauges[telemetry.GaugeDeadLetterRate]; ok {
			past(c.deadLetters, name).raise(p.At, rate)
		}
	}
	c.forget(p.At)
}

// forget drops what nothing was heard of for five minutes.
func (c *Cluster) forget(now time.Time) {
	maps.DeleteFunc(c.topics, func(_ string, t *topicPast) bool { return t.rates.gone(now) })
	for _, all := range []map[string]*slots{c.nodes, c.deadLetters} {
		maps.DeleteFunc(all, func(_ string, s *slots) bool { return s.gone(now) })
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

// past finds what is kept of a thing, or begins it.
func past[T any](all map[string]*T, name string) *T {
	if all[name] == nil {
		all[name] = new(T)
	}
	return all[name]
}
