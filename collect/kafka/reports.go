package kafka

import (
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/weirmq/weir/collect"
	"github.com/weirmq/weir/collect/lag"
	"github.com/weirmq/weir/telemetry"
)

// system is the label of all reports.
const system = "kafka"

// reporter makes the reports of one poll.
type reporter struct {
	config *Config
	collect.Reports
}

func (c *Config) reporter(at time.Time) reporter {
	return reporter{c, c.Reports(system, at)}
}

// cluster reports the cluster as a whole.
func (r *reporter) cluster(s *snapshot, controllers quorum, share *float64) {
	health := healthOf(s.cluster, s.settings)
	out := r.Add("broker")
	nodes := map[int32]bool{}
	allAsked := true
	for i := range s.answers {
		if s.answers[i].answered {
			nodes[s.answers[i].id] = true
		}
		allAsked = allAsked && !s.answers[i].outOfTime
	}
	if allAsked {
		out.Gauges = append(out.Gauges, collect.Gauge(telemetry.GaugeBrokersAlive, float64(len(nodes))))
	}
	if allAsked && controllers.alive != nil {
		for _, id := range controllers.alive {
			nodes[id] = true
		}
		out.Gauges = append(out.Gauges, collect.Gauge(telemetry.GaugeNodesAlive, float64(len(nodes))))
	}
	if controllers.active >= 0 {
		out.Gauges = append(out.Gauges, collect.Gauge(telemetry.GaugeControllers, float64(controllers.active)))
	}
	out.Gauges = append(out.Gauges, collect.Gauge(telemetry.GaugeUnderReplicated, float64(health.underReplicated)), collect.Gauge(telemetry.GaugeLeaderless, float64(health.leaderless)),
		collect.Gauge(telemetry.GaugePreferredMisses, float64(health.preferredMisses)))
	if !health.minISRUnknown || health.underMinISR > 0 {
		out.Gauges = append(out.Gauges, collect.Gauge(telemetry.GaugeUnderMinISR, float64(health.underMinISR)))
	}
	if share != nil {
		out.Gauges = append(out.Gauges, collect.Gauge(telemetry.GaugeUnderReplicatedR, *share))
	}
}

// brokers reports each broker, by its node: what it has of the partitions, its fullest disk, and how long it made the collector wait.
func (r *reporter) brokers(s *snapshot, nodes map[int32]string, waits map[int32]time.Duration) {
	shares := s.cluster.shares()
	answered := map[int32]*answers{}
	for i := range s.answers {
		if a := &s.answers[i]; a.answered {
			answered[a.id] = a
		}
	}
	for _, id := range slices.Sorted(maps.Keys(nodes)) {
		out := r.Add("broker")
		out.Labels.Node = nodes[id]
		of := shares[id]
		out.Gauges = append(out.Gauges, collect.Gauge(telemetry.GaugeLeaders, float64(of.leaders)), collect.Gauge(telemetry.GaugePartitions, float64(of.partitions)),
			collect.Gauge(telemetry.GaugePreferredMisses, float64(of.misses)))
		a := answered[id]
		if a == nil {
			continue
		}
		out.Gauges = append(out.Gauges, collect.Gauge(telemetry.GaugeThrottle, waits[id].Seconds()))
		if d := a.fullest; d != nil {
			out.Gauges = append(out.Gauges, collect.Gauge(telemetry.GaugeDiskUsed, d.used()),
				collect.Gauge(telemetry.GaugeDiskSize, float64(d.sizeBytes)), collect.Gauge(telemetry.GaugeDiskFree, float64(d.freeBytes)))
		}
	}
}

// partitions reports topics and partitions that are not Kafka's own: those are uneven by nature.
func (r *reporter) partitions(c *cluster, perSecond map[at]float64, settings map[string]topicSettings) {
	for _, name := range slices.Sorted(maps.Keys(c.topics)) {
		if c.topics[name].internal {
			continue
		}
		known := settings[name]
		if gauges := known.gauges(); len(gauges) > 0 {
			out := r.Add("broker")
			out.Labels.Topic, out.Labels.Tier, out.Gauges = name, r.config.Tiers.OfTopic(name), gauges
		}
		for _, p := range c.topics[name].partitions {
			out := r.Add("broker")
			out.Labels.Topic, out.Labels.Partition, out.Labels.Tier = name, strconv.Itoa(int(p.number)), r.config.Tiers.OfTopic(name)
			out.Gauges = append(out.Gauges, collect.Gauge(telemetry.GaugeInSyncReplicas, float64(len(p.isr))))
			if rate, known := perSecond[at{name, p.number}]; known {
				out.Gauges = append(out.Gauges, collect.Gauge(telemetry.GaugePartitionRate, rate))
			}
		}
	}
}

// group reports a consumer group: its members, and what is unread of each partition that it reads.
func (r *reporter) group(g *group, unread []behind) {
	if g.members >= 0 {
		r.ofGroup(g, "", "").Gauges = g.stateGauge([]telemetry.Gauge{collect.Gauge(telemetry.GaugeMembers, float64(g.members))})
	}
	for len(unread) > 0 {
		name, end := unread[0].topic, 1
		for end < len(unread) && unread[end].topic == name {
			end++
		}
		r.unreadOfTopic(g, unread[:end])
		unread = unread[end:]
	}
}

// unreadOfTopic reports what is unread of one topic.
func (r *reporter) unreadOfTopic(g *group, unread []behind) {
	all := make([]lag.Assessment, len(unread))
	for i := range unread {
		all[i] = unread[i].Assessment
	}
	sum := lag.Sum(all)
	for i := range unread {
		if gauges := sum.PartitionGauges(&all[i], nil); len(gauges) > 0 {
			r.ofGroup(g, unread[i].topic, strconv.Itoa(int(unread[i].partition))).Gauges = gauges
		}
	}
	if gauges := sum.TopicGauges(nil); len(gauges) > 0 {
		r.ofGroup(g, unread[0].topic, "").Gauges = gauges
	}
}

func (r *reporter) ofGroup(g *group, topic, partition string) *telemetry.Report {
	out := r.Add("group")
	out.Labels.Group, out.Labels.Topic, out.Labels.Partition, out.Labels.Tier = g.name, topic, partition, r.config.Tiers.OfGroup(g.name)
	return out
}
