package kafka

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/weirmq/weir/telemetry"
)

// system is the label of all reports.
const system = "kafka"

// instant is the length of a report of a moment, in milliseconds: the least there is.
const instant = 1

// reporter makes the reports of one poll.
type reporter struct {
	config  *Config
	at      time.Time
	reports []telemetry.Report
}

// report begins a report; more labels and what was seen are the caller's.
func (r *reporter) report(op string) *telemetry.Report {
	r.reports = append(r.reports, telemetry.Report{Schema: telemetry.Schema, StartUnixMillis: r.at.UnixMilli(), LengthMillis: instant,
		Labels: telemetry.Labels{Env: r.config.Env, Cluster: r.config.Cluster, System: system, Op: op}})
	return &r.reports[len(r.reports)-1]
}

func gauge(name string, value float64) telemetry.Gauge {
	return telemetry.Gauge{Name: name, Value: value}
}

// cluster reports the cluster as a whole.
func (r *reporter) cluster(_ *cluster, all []answers) {
	alive := 0
	for i := range all {
		if all[i].answered {
			alive++
		}
	}
	r.report("broker").Gauges = []telemetry.Gauge{gauge(telemetry.GaugeBrokersAlive, float64(alive))}
}

// brokers reports each broker.
func (r *reporter) brokers(_ *cluster, all []answers) []error {
	for i := range all {
		a := &all[i]
		if !a.answered {
			continue
		}
		out := r.report("probe")
		out.Labels.Node, out.Labels.Client = a.node, r.config.Collector
		out.HeartbeatMicros.Observe(uint64(max(a.roundTrip.Microseconds(), 1)))
	}
	return nil
}

// partitions reports partitions of topics that are not Kafka's own: those are uneven by nature.
func (r *reporter) partitions(c *cluster, perSecond map[at]float64) {
	for _, name := range slices.Sorted(maps.Keys(c.topics)) {
		if c.topics[name].internal {
			continue
		}
		for _, p := range c.topics[name].partitions {
			out := r.report("broker")
			out.Labels.Topic, out.Labels.Partition = name, strconv.Itoa(int(p.number))
			out.Gauges = append(out.Gauges, gauge(telemetry.GaugeInSyncReplicas, float64(len(p.isr))))
			if rate, known := perSecond[at{name, p.number}]; known {
				out.Gauges = append(out.Gauges, gauge(telemetry.GaugePartitionRate, rate))
			}
		}
	}
}

// groups reports consumer groups: their members, and what is unread of each partition that they committed.
func (r *reporter) groups(all []answers, ends, starts map[at]offset) {
	for i := range all {
		for j := range all[i].groups {
			g := &all[i].groups[j]
			if g.members >= 0 {
				out := r.report("group")
				out.Labels.Group = g.name
				out.Gauges = []telemetry.Gauge{gauge(telemetry.GaugeMembers, float64(g.members))}
			}
			r.lags(g, ends, starts)
		}
	}
}

func (r *reporter) lags(g *group, ends, starts map[at]offset) {
	byTopic := map[string][]float64{}
	places := slices.SortedFunc(maps.Keys(g.commits), func(a, b at) int {
		return cmp.Or(cmp.Compare(a.topic, b.topic), cmp.Compare(a.partition, b.partition))
	})
	for _, where := range places {
		end, ended := ends[where]
		start, started := starts[where]
		if !ended || !started {
			continue
		}
		messages := float64(max(end.value-max(g.commits[where], start.value), 0))
		byTopic[where.topic] = append(byTopic[where.topic], messages)
		out := r.report("group")
		out.Labels.Group, out.Labels.Topic, out.Labels.Partition = g.name, where.topic, strconv.Itoa(int(where.partition))
		out.Gauges = []telemetry.Gauge{gauge(telemetry.GaugeLagMessages, messages)}
	}
	for _, name := range slices.Sorted(maps.Keys(byTopic)) {
		out := r.report("group")
		out.Labels.Group, out.Labels.Topic = g.name, name
		out.Gauges = []telemetry.Gauge{gauge(telemetry.GaugeLagMedian, median(byTopic[name]))}
	}
}

// median is the middle value, the mean of the two middle ones where there is none; values are sorted.
func median(values []float64) float64 {
	slices.Sort(values)
	half := len(values) / 2
	if len(values)%2 == 1 {
		return values[half]
	}
	return (values[half-1] + values[half]) / 2
}

// offsetsOf puts what all brokers said together.
func offsetsOf(all []answers) (ends, starts map[at]offset) {
	ends, starts = map[at]offset{}, map[at]offset{}
	for i := range all {
		maps.Copy(ends, all[i].ends)
		maps.Copy(starts, all[i].starts)
	}
	return ends, starts
}
