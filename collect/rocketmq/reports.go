package rocketmq

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/weirmq/weir/collect"
	"github.com/weirmq/weir/collect/lag"
	"github.com/weirmq/weir/remoting"
	"github.com/weirmq/weir/telemetry"
)

// system is the label of all reports.
const system = "rocketmq"

// reporter makes the reports of one poll.
type reporter struct {
	config *Config
	collect.Reports
	ofTopics map[[2]string]int // indexes of reports of a group, and of a group in a topic
}

func (c *Config) reporter(at time.Time) reporter {
	return reporter{config: c, Reports: c.Reports(system, at), ofTopics: map[[2]string]int{}}
}

// cluster reports the cluster as a whole, with how its queues are.
func (r *reporter) cluster(c *cluster, all []answers, health []telemetry.Gauge) {
	out := r.Add("broker")
	if alive, counted := c.alive(all); counted {
		out.Gauges = append(out.Gauges, collect.Gauge(telemetry.GaugeBrokersAlive, float64(alive)), collect.Gauge(telemetry.GaugeNodesAlive, float64(alive+c.nameServers)))
	}
	out.Gauges = append(out.Gauges, health...)
}

// brokers reports each broker that answers.
func (r *reporter) brokers(all []answers) {
	following := followers(all)
	for i := range all {
		a := &all[i]
		if !a.answered {
			continue
		}
		out := r.Add("broker")
		out.Labels.Node = a.node
		if ratio, known := a.info.DiskRatio(); known {
			out.Gauges = append(out.Gauges, collect.Gauge(telemetry.GaugeDiskUsed, ratio))
		}
		if f := following[a.node]; f.known {
			out.Gauges = append(out.Gauges, collect.Gauge(telemetry.GaugeReplicationLag, float64(f.behind)))
		}
		for _, of := range []struct{ gauge, key string }{
			{telemetry.GaugeSendQueueWait, remoting.KeySendQueueMillis}, {telemetry.GaugePageCacheLock, remoting.KeyPageLockMillis},
		} {
			if millis, known := a.info.Int(of.key); known {
				out.Gauges = append(out.Gauges, collect.Gauge(of.gauge, float64(millis)/1000))
			}
		}
	}
}

// partition is a queue as a label, with the name of its set of brokers: queues of two sets have the same numbers.
func partition(q remoting.Queue) string { return q.Broker + ":" + strconv.Itoa(q.ID) }

func byName(a, b remoting.Queue) int {
	return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Broker, b.Broker), cmp.Compare(a.ID, b.ID))
}

// queues reports the queues that this poll has read: their rates, and how many brokers of their set hold what was written.
func (r *reporter) queues(all []answers, known map[remoting.Queue]*queue, sets map[string]replication) {
	for i := range all {
		for _, name := range slices.SortedFunc(maps.Keys(all[i].ends), byName) {
			var gauges []telemetry.Gauge
			if q := known[name]; q.rated {
				gauges = append(gauges, collect.Gauge(telemetry.GaugePartitionRate, q.rate))
			}
			if set, said := sets[name.Broker]; said {
				gauges = append(gauges, collect.Gauge(telemetry.GaugeInSyncReplicas, float64(set.inSync)))
			}
			if len(gauges) > 0 {
				out := r.Add("broker")
				out.Labels.Topic, out.Labels.Partition, out.Labels.Tier = name.Topic, partition(name), r.config.Tiers.OfTopic(name.Topic)
				out.Gauges = gauges
			}
		}
	}
}

// groups reports consumer groups: their members, what lies aside of their topics, and what is unread of each queue that they read.
func (r *reporter) groups(all []answers, lags map[string]map[string]map[remoting.Queue]lag.Assessment, asides map[string]aside) {
	gauges := map[string][]telemetry.Gauge{}
	for name, count := range membersOf(all) {
		gauges[name] = []telemetry.Gauge{collect.Gauge(telemetry.GaugeMembers, float64(count))}
	}
	for name, aside := range asides {
		gauges[name] = append(gauges[name], aside.gauges()...)
	}
	for _, name := range slices.Sorted(maps.Keys(gauges)) {
		if len(gauges[name]) > 0 {
			r.addTo(name, "", gauges[name]...)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(lags)) {
		for _, topic := range slices.Sorted(maps.Keys(lags[name])) {
			r.lag(name, topic, lags[name][topic])
		}
	}
}

// lag reports a group in the queues of a topic. A queue of which nothing is known has no report.
func (r *reporter) lag(group, topic string, queues map[remoting.Queue]lag.Assessment) {
	names := slices.SortedFunc(maps.Keys(queues), byName)
	assessments := make([]lag.Assessment, len(names))
	for i, name := range names {
		assessments[i] = queues[name]
	}
	sum := lag.Sum(assessments)
	for i, name := range names {
		if gauges := sum.PartitionGauges(&assessments[i], nil); len(gauges) > 0 {
			r.ofGroup(group, topic, partition(name)).Gauges = gauges
		}
	}
	if gauges := sum.TopicGauges(nil); len(gauges) > 0 {
		r.addTo(group, topic, gauges...)
	}
}

// addTo reports more of a group in a topic, or of a group, where topic is empty: of each there is one report.
func (r *reporter) addTo(group, topic string, gauges ...telemetry.Gauge) {
	of := [2]string{group, topic}
	i, begun := r.ofTopics[of]
	if !begun {
		r.ofGroup(group, topic, "")
		i = len(r.All) - 1
		r.ofTopics[of] = i
	}
	r.All[i].Gauges = append(r.All[i].Gauges, gauges...)
}

func (r *reporter) ofGroup(group, topic, partition string) *telemetry.Report {
	out := r.Add("group")
	out.Labels.Group, out.Labels.Topic, out.Labels.Partition, out.Labels.Tier = group, topic, partition, r.config.Tiers.OfGroup(group)
	return out
}

// membersOf counts the clients of each group. A client is connected to several brokers, and counts once. Where one master did not say
// who is connected, or did not answer at all, the number is not known.
func membersOf(all []answers) map[string]int {
	clients, unsaid := map[string]map[string]bool{}, map[string]bool{}
	for i := range all {
		if all[i].master() && all[i].groups == nil {
			return nil
		}
		for name, g := range all[i].groups {
			if clients[name] == nil {
				clients[name] = map[string]bool{}
			}
			for _, connection := range g.consumers.Connections {
				clients[name][connection.ClientID] = true
			}
			unsaid[name] = unsaid[name] || !g.known
		}
	}
	out := map[string]int{}
	for name := range clients {
		if !unsaid[name] {
			out[name] = len(clients[name])
		}
	}
	return out
}
