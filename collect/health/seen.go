package health

import (
	"strings"

	"github.com/weirmq/weir/telemetry"
)

// MaxThings bounds how many of each kind are followed in a cluster. Not fewer: the largest clusters have tens of thousands of topics;
// not more: each takes half a kilobyte, and a tree of as many half a second.
const MaxThings = 50_000

// gauges are values by the names of gauges.
type gauges map[string]float64

// seen is what the reports of one poll said, by what they are of.
type seen struct {
	system, env string
	cluster     gauges
	nodes       map[string]*nodeSeen
	topics      map[string]*topicSeen
	groups      map[string]*groupSeen
	left        int // reports of things beyond MaxThings
}

type nodeSeen struct {
	gauges
	slowest float64 // round trip, seconds; 0: none
}

// topicSeen is what brokers say of a topic's partitions.
type topicSeen struct {
	gauges
	tier       string
	rates      total
	partitions int // that have a gauge of replicas, whether they have a rate or not
	// leastInSync is the partition with the fewest replicas in sync.
	leastInSync extreme
	// overdue and early are of the delay level of RocketMQ that is worst; of a topic that is none they are not known.
	overdue, early extreme
}

// groupSeen is what is said of a consumer group.
type groupSeen struct {
	gauges
	tier   string
	topics map[string]*unread
}

// unread is what a group has left of one topic.
type unread struct {
	gauges         // of the topic, and sums over its partitions
	lag            total
	age, retention extreme
	states         map[string]extreme // of Burrow, by gauge: how many partitions, and the last of them
}

// total adds up a number of partitions.
type total struct {
	sum   float64
	most  extreme
	count int
}

func (t *total) add(value float64, partition string) {
	t.sum += value
	t.most.more(value, partition)
	t.count++
}

// extreme is the least or the greatest of several values, and whose it is.
type extreme struct {
	value float64
	of    string
	known bool
}

func (e *extreme) more(value float64, of string) {
	if !e.known || value > e.value {
		*e = extreme{value, of, true}
	}
}

func (e *extreme) less(value float64, of string) {
	if !e.known || value < e.value {
		*e = extreme{value, of, true}
	}
}

// read sorts the reports of a poll by what they are of.
func read(reports []telemetry.Report) *seen {
	s := &seen{cluster: gauges{}, nodes: map[string]*nodeSeen{}, topics: map[string]*topicSeen{}, groups: map[string]*groupSeen{}}
	for i := range reports {
		r := &reports[i]
		l := &r.Labels
		s.system, s.env = l.System, l.Env
		switch {
		case ofRetries(l.Topic), l.Op == "broker" && l.Client != "": // a client, as brokers see it: its node is none of the cluster's
		case l.Op == "group" && l.Group != "":
			if g := of(s, s.groups, l.Group); g != nil {
				g.read(l, r.Gauges)
			}
		case l.Op == "broker" && l.Topic != "":
			if t := of(s, s.topics, l.Topic); t != nil {
				t.read(l, r.Gauges)
			}
		case (l.Op == "broker" || l.Op == "probe") && l.Node != "":
			if n := of(s, s.nodes, l.Node); n != nil {
				n.read(r)
			}
		case l.Op == "broker":
			for _, g := range r.Gauges {
				s.cluster[g.Name] = g.Value
			}
		}
	}
	return s
}

// ofRetries says that a topic is one that RocketMQ makes for a group. The shipped rules leave them out: they have no traffic of their own.
func ofRetries(topic string) bool {
	return strings.HasPrefix(topic, "%RETRY%") || strings.HasPrefix(topic, "%DLQ%")
}

// of finds a thing by its name, or begins it; nil where there are as many as may be.
func of[T any](s *seen, things map[string]*T, name string) *T {
	thing := things[name]
	if thing == nil {
		if len(things) >= MaxThings {
			s.left++
			return nil
		}
		thing = new(T)
		things[name] = thing
	}
	return thing
}

// read takes a report of a node in. Of several probers the one counts that has the fewest failures: the network of one is not the broker.
func (n *nodeSeen) read(r *telemetry.Report) {
	if n.gauges == nil {
		n.gauges = gauges{}
	}
	for _, g := range r.Gauges {
		before, had := n.gauges[g.Name]
		if had && g.Name == telemetry.GaugeHeartbeatFailed {
			n.gauges[g.Name] = min(before, g.Value)
		} else {
			n.gauges[g.Name] = max(before, g.Value)
		}
	}
	if r.HeartbeatMicros.Count() > 0 {
		n.slowest = max(n.slowest, slowest(&r.HeartbeatMicros))
	}
}

// slowest is the longest of round trips in seconds.
func slowest(micros *telemetry.Histogram) float64 { return micros.Quantile(1) / 1e6 }

func (t *topicSeen) read(l *telemetry.Labels, said []telemetry.Gauge) {
	t.tier = l.Tier
	for _, g := range said {
		switch {
		case l.Partition == "":
			if t.gauges == nil {
				t.gauges = gauges{}
			}
			t.gauges[g.Name] = g.Value
		case g.Name == telemetry.GaugePartitionRate:
			t.rates.add(g.Value, l.Partition)
		case g.Name == telemetry.GaugeInSyncReplicas:
			t.partitions++
			t.leastInSync.less(g.Value, l.Partition)
		case g.Name == telemetry.GaugeDelayOverdue:
			t.overdue.more(g.Value, l.Partition)
		case g.Name == telemetry.GaugeDelayEarly:
			t.early.more(g.Value, l.Partition)
		}
	}
}

func (g *groupSeen) read(l *telemetry.Labels, said []telemetry.Gauge) {
	g.tier = l.Tier
	if l.Topic == "" {
		if g.gauges == nil {
			g.gauges = gauges{}
		}
		for _, gauge := range said {
			g.gauges[gauge.Name] = gauge.Value
		}
		return
	}
	if g.topics == nil {
		g.topics = map[string]*unread{}
	}
	u := g.topics[l.Topic]
	if u == nil {
		u = &unread{gauges: gauges{}, states: map[string]extreme{}}
		g.topics[l.Topic] = u
	}
	u.read(l.Partition, said)
}

func (u *unread) read(partition string, said []telemetry.Gauge) {
	for _, g := range said {
		switch g.Name {
		case telemetry.GaugeLagMessages:
			u.lag.add(g.Value, partition)
		case telemetry.GaugeLagSeconds:
			u.age.more(g.Value, partition)
		case telemetry.GaugeRetentionLeft:
			u.retention.less(g.Value, partition)
		case telemetry.GaugeStalled, telemetry.GaugeStopped, telemetry.GaugeRewound, telemetry.GaugeGrowing:
			state := u.states[g.Name]
			state.known = true
			if state.value += g.Value; g.Value > 0 {
				state.of = partition
			}
			u.states[g.Name] = state
		default:
			u.gauges[g.Name] = g.Value
		}
	}
}
