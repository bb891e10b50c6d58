package health

import (
	"fmt"
	"strconv"
	"time"

	"github.com/weirmq/weir/telemetry"
)

const (
	// countsFor is how long what the newest poll found out stands for how things are. Not shorter: a slow cluster is polled once a minute, and a
	// poll may take one; not longer: people act on it.
	countsFor = 2 * time.Minute
	// leastLate is how old the newest poll may be before that is said. Not shorter: one poll that fails is a restart; not longer: half a
	// minute is what it takes until HeartbeatFailed fires.
	leastLate = 30 * time.Second
)

// poll is the part on the polls themselves: the other parts say nothing without them.
func (c *Cluster) poll(now time.Time) Part {
	late := max(leastLate, 3*c.interval).Seconds()
	check := check{name: "poll_age", unit: "seconds", limit: warnsThenBad(above, late, max(late, countsFor.Seconds())), means: "polls are slow: what is said here is of then"}
	if c.failed > 0 {
		check.limit, check.means = isBad(above, late), "polls find nothing out: no broker answers the collector, or it may ask nothing"
	}
	if c.newest == nil {
		if c.failed == 0 {
			return check.unknown("no poll is over yet")
		}
		p := check.known(0, "")
		p.Value, p.State, p.Penalty, p.Why = nil, Bad, penaltyBad, fmt.Sprintf("none of %d polls found anything out", c.failed)
		return p
	}
	return check.known(max(now.Sub(c.at).Seconds(), 0), "")
}

// stale says that the newest poll is too old to say how things are.
func (c *Cluster) stale(now time.Time) bool { return c.newest == nil || now.Sub(c.at) > countsFor }

// Checks of clusters.
var (
	nodesCheck = check{name: "nodes", unit: "nodes", rule: "NodeMissing", means: "nodes do not answer that policy.yaml counts on"}
	brokers    = check{name: "brokers", unit: "brokers", means: "brokers do not answer that policy.yaml counts on"}
	controller = check{name: "active_controllers", unit: "controllers", rule: "ControllerMissing", limit: isBad(below, 1),
		means: "what goes away now gets no new leader"}
	leaderless = check{name: "leaderless_partitions", unit: "partitions", rule: "ReplicaHealthCritical", limit: isBad(above, 0),
		means: "nobody can read or write them"}
	underMinISR = check{name: "under_min_isr_partitions", unit: "partitions", rule: "ReplicaHealthCritical", limit: isBad(above, 0),
		means: "they refuse writes of producers that want all replicas"}
	underReplicated = check{name: "under_replicated_partitions", unit: "partitions", limit: warns(above, 0),
		means: "they have fewer replicas in sync than they should, as while a broker starts"}
	replicaPolls = check{name: "under_replicated_polls", unit: "ratio", rule: "ReplicaHealth", limit: warns(atLeast, warnReplicaPolls),
		means: "of ten minutes partitions were under-replicated: one more broker away loses writes",
		takes: "it takes ten polls, a minute apart"}
	preferred = check{name: "preferred_leader_misses", unit: "ratio", limit: warns(above, warnMisses),
		means: "partitions are led by another than their preferred replica: brokers are unevenly loaded until leaders are elected anew"}
	capacity     = check{name: "write_rate", unit: "messages_per_second", rule: "ClusterWatermark", means: "more than what was planned of the tested capacity"}
	clusterSwing = check{name: "write_volatility", unit: "ratio", rule: "ClusterWriteVolatile", limit: warnsThenBad(above, warnClusterSwing, badClusterSwing),
		means: "writes of five minutes swing by this much of their median"}
)

// replication are the checks of what not every cluster of RocketMQ tells.
var replication = []struct {
	*check
	gauge string
}{{&controller, telemetry.GaugeControllers}, {&underMinISR, telemetry.GaugeUnderMinISR}, {&underReplicated, telemetry.GaugeUnderReplicated}, {&replicaPolls, telemetry.GaugeUnderReplicatedR}}

// parts are those of the cluster itself.
func (c *Cluster) parts(limits *Limits) []Part {
	said := c.newest.cluster
	out := []Part{
		counted(nodesCheck, limits.Nodes, said, telemetry.GaugeNodesAlive),
		counted(brokers, limits.Brokers, said, telemetry.GaugeBrokersAlive),
		leaderless.of(said, telemetry.GaugeLeaderless),
	}
	for _, of := range replication {
		if _, told := said[of.gauge]; told || c.newest.system != rocketmq {
			out = append(out, of.check.of(said, of.gauge))
		}
	}
	if c.newest.system != rocketmq {
		out = append(out, c.preferredLeaders())
	}
	return append(out, c.rate(limits), c.writes.swing(&clusterSwing))
}

// preferredLeaders is which share of the partitions that have a leader have not the preferred one.
func (c *Cluster) preferredLeaders() Part {
	led, known := 0.0, false
	for _, n := range c.newest.nodes {
		if leaders, ok := n.gauges[telemetry.GaugeLeaders]; ok {
			led, known = led+leaders, true
		}
	}
	misses, ok := c.newest.cluster[telemetry.GaugePreferredMisses]
	switch {
	case !ok || !known:
		return preferred.unknown(unsaid)
	case led == 0:
		return preferred.fine(0, "no partition has a leader")
	}
	return preferred.known(misses/led, "")
}

// counted compares a number of nodes with the inventory.
func counted(c check, want *float64, said gauges, name string) Part {
	if want == nil {
		return c.unset(said, name)
	}
	c.limit = isBad(below, *want)
	c.limit.From = fromPolicy
	return c.of(said, name)
}

// unset is a part whose limit nobody has set: its value alone says nothing.
func (c *check) unset(said gauges, name string) Part {
	p := c.unknown(fmt.Sprintf("the inventory of policy.yaml does not say how many %s there should be", c.unit))
	if value, ok := said[name]; ok {
		p.Value = &value
	}
	return p
}

// rate compares what is written with what was tested.
func (c *Cluster) rate(limits *Limits) Part {
	check, sum, lacks, topics := capacity, 0.0, c.missing(), 0
	for name, t := range c.newest.topics {
		sum += t.rates.sum
		if t.rates.count > 0 {
			topics++
		}
		if t.written() && !c.whole(name, t) {
			lacks++
		}
	}
	switch {
	case limits.CapacityPerSecond == nil:
		p := check.unknown("the inventory of policy.yaml has no capacity_tps of this cluster")
		if lacks == 0 && topics > 0 {
			p.Value = &sum
		}
		return p
	case topics == 0:
		return check.unknown("rates take two polls")
	}
	check.limit = warnsThenBad(above, warnCapacity**limits.CapacityPerSecond, badCapacity**limits.CapacityPerSecond)
	check.limit.From = fromPolicy
	if p := check.known(sum, ""); lacks == 0 || p.State != OK {
		return p
	}
	return check.unknown("the rates of some partitions are not known, of so many topics: " + strconv.Itoa(lacks))
}

// swing is the part on a change rate.
func (s *slots) swing(c *check) Part {
	sorted := s.sorted()
	if sorted == nil {
		return c.unknown("it takes five minutes of rates")
	}
	middle := median(sorted)
	if middle == 0 {
		return c.fine(0, "hardly anything is written")
	}
	times := (sorted[len(sorted)-1] - sorted[0]) / middle
	if middle < leastSwingPerSecond {
		return c.fine(times, fmt.Sprintf("below %d messages per second chance alone swings as much", leastSwingPerSecond))
	}
	return c.known(times, "")
}
